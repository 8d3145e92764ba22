import { EVENT_FLAG, EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import { TailraceError } from '../../model/errors.ts';

/** The dump command takes a position of 32 bits. */
export const LAST_POSITION = 0xffff_ffff;
/** Behind the four bytes that a binlog file begins with. */
export const FIRST_POSITION = 4;

/**
 * Finds a position beyond 4 GiB, which no command can ask for, in a dump of the file from its beginning: the events before
 * it are passed over but for the format description. Right when the server sends every event of the file.
 */
export class FarPosition {
  readonly #target: number;
  #position = FIRST_POSITION;

  constructor(target: number) {
    this.#target = target;
  }

  /** Whether the event `bytes[start, ..)` lies before the position. */
  passesOver(bytes: Buffer, start: number): boolean {
    if (this.#position === this.#target) return false;
    const type = bytes[start + 4];
    if (type === EVENT_TYPE.heartbeat || type === EVENT_TYPE.heartbeatV2) return false;
    if ((bytes.readUInt16LE(start + 17) & EVENT_FLAG.artificial) === 0) this.#position += bytes.readUInt32LE(start + 9);
    else if (this.#position === FIRST_POSITION) return false;
    else this.#position = Number.POSITIVE_INFINITY; // The next file.
    if (this.#position > this.#target) {
      throw new TailraceError('source.position_lost', `no event begins at byte ${this.#target} of the binlog file`, {
        remedy: 'Start with snapshot.mode=when_needed to read the tables again, or with "tailrace offsets reset".',
      });
    }
    return type !== EVENT_TYPE.formatDescription;
  }
}
