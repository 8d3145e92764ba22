import { DecodeError } from '../../../decoders/decode-error.ts';
import { TailraceError } from '../../model/errors.ts';
import type { ReadRequest } from '../../model/log.ts';
import type { LogRecord } from '../../model/record.ts';
import type { KafkaClient } from './client.ts';
import type { Fetcher } from './fetcher.ts';
import { decodeRecordSet, type RecordSet } from './record-set.ts';
import { KafkaRequestError } from './request-error.ts';
import { type FetchedPartition, listOffsetsRequest } from './requests.ts';
import { pause, type Retries, withRetries } from './retries.ts';

/** A follower's: how long the broker may hold an answer back. */
const FOLLOW_WAIT_MS = 500;
/** Until a partition that is shorter than what was asked for is looked at again. */
const BEHIND_END_MS = 500;

export interface OffsetRange {
  readonly start: number;
  /** The last stable offset: where a transaction that is open begins, else the high watermark. */
  readonly end: number;
}

/** Reads partitions as a read_committed consumer does, without a group. */
export class PartitionReader {
  readonly #client: KafkaClient;
  readonly #fetcher: Fetcher;
  readonly #retries: Retries;

  constructor(client: KafkaClient, fetcher: Fetcher, retries: Retries) {
    this.#client = client;
    this.#fetcher = fetcher;
    this.#retries = retries;
  }

  /** The oldest and the next offset of a partition. */
  range(topic: string, partition: number): Promise<OffsetRange> {
    return withRetries(this.#retries, async () => {
      const [start, end] = await Promise.all([
        this.#offset(topic, partition, 'earliest'),
        this.#offset(topic, partition, 'latest'),
      ]);
      return { start, end };
    });
  }

  /** A batch at a time, up to the end at the time of the call, or for ever. */
  async *read(request: ReadRequest, signal?: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    const { topic, partition, follow = false } = request;
    const range = await this.range(topic, partition);
    let next = Math.max(request.from, range.start);
    while (!isAborted(signal) && (follow || next < range.end)) {
      const fetched = await this.#fetch({ topic, partition, offset: next }, follow, signal);
      if (fetched === null) return;
      if (fetched === 'out-of-range') {
        const now = await this.range(topic, partition);
        // Retention was faster.
        if (next < now.start) next = now.start;
        else if (!follow) return;
        else await pause(BEHIND_END_MS, signal);
        continue;
      }
      // Compaction can leave nothing up to the end.
      if (!follow && fetched.recordSet.length === 0 && fetched.lastStableOffset >= range.end) return;
      const { batches, nextOffset } = decodeFetched(fetched, next, this.#client.name);
      next = nextOffset;
      for (const batch of batches) {
        const records = follow ? batch : upTo(batch, range.end);
        if (records.length > 0) yield records;
        if (isAborted(signal)) return;
      }
    }
  }

  /** Null: the signal has aborted. */
  async #fetch(
    position: { readonly topic: string; readonly partition: number; readonly offset: number },
    follow: boolean,
    signal: AbortSignal | undefined,
  ): Promise<FetchedPartition | 'out-of-range' | null> {
    const fetching = this.#fetcher.fetch(position, { committed: true, maxWaitMs: FOLLOW_WAIT_MS }, signal);
    try {
      return follow ? await untilAborted(fetching, signal) : await fetching;
    } catch (error) {
      if (signal?.aborted === true) return null;
      if (error instanceof KafkaRequestError && error.type === 'OFFSET_OUT_OF_RANGE') return 'out-of-range';
      throw error;
    }
  }

  async #offset(topic: string, partition: number, which: 'earliest' | 'latest'): Promise<number> {
    const nodeId = await this.#client.leader(topic, partition);
    const [found] = await this.#client.send(nodeId, listOffsetsRequest([{ topic, partition }], which, true));
    if (found !== undefined && found.error === null) return found.offset;
    this.#client.forgetTopics([topic]);
    const broker = this.#client.address(nodeId);
    throw new KafkaRequestError('ListOffsets', { type: found?.error ?? 'UNKNOWN', topic, partition, broker });
  }
}

/** @throws TailraceError `log.corrupt` */
export function decodeFetched(fetched: FetchedPartition, from: number, where: string): RecordSet {
  const { topic, partition, recordSet, aborted } = fetched;
  try {
    return decodeRecordSet(recordSet, { topic, partition, from, aborted });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new TailraceError(
      'log.corrupt',
      `The records of ${topic}-${partition} in ${where} from offset ${from} on cannot be decoded: ${error.message}.`,
      { remedy: 'Look at the disk of the broker, and read from a later offset.', cause: error },
    );
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function upTo(records: readonly LogRecord[], end: number): readonly LogRecord[] {
  const last = records.at(-1);
  return last === undefined || last.offset < end ? records : records.filter(({ offset }) => offset < end);
}

/** Null when the signal aborts first; what comes later is dropped. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(null);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  });
}
