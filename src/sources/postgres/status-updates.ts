import { encodeStandbyStatusUpdate } from '../../../decoders/pgoutput/copy-data.ts';
import type { Wire } from './wire.ts';

/** Acks are gathered this long, so that a thousand appends a second do not cost a thousand packets. */
const ACK_DELAY_MS = 50;
/** How long the server may be silent although we ask for an answer; several times what a busy one takes. */
const SILENCE_LIMIT_MS = 60_000;

export interface StatusUpdatesOptions {
  /** Acked before this stream began. */
  readonly ackedLsn: number;
  readonly intervalMs: number;
  /** Whether we read what arrives: while the socket is paused, silence says nothing. */
  readonly isListening: () => boolean;
  readonly onSilence: (silentMs: number) => void;
}

/**
 * What the server hears of us: nothing but the last acked LSN, as it is, after each ack, whenever it asks, and by timer, so
 * that it knows that we live however long a batch takes. The timer also notices a server that went away without a word.
 */
export class StatusUpdates {
  readonly #options: StatusUpdatesOptions;
  #wire: Wire | null = null;
  #ackedLsn: number;
  #heard = true;
  #silentMs = 0;
  #interval: NodeJS.Timeout | null = null;
  #gathering: NodeJS.Timeout | null = null;

  constructor(options: StatusUpdatesOptions) {
    this.#options = options;
    this.#ackedLsn = options.ackedLsn;
  }

  get ackedLsn(): number {
    return this.#ackedLsn;
  }

  start(wire: Wire): void {
    this.#wire = wire;
    this.#interval = setInterval(() => this.#beat(), this.#options.intervalMs);
  }

  /** Everything that committed before `lsn` is durable. */
  ack(lsn: number): void {
    if (lsn <= this.#ackedLsn) return;
    this.#ackedLsn = lsn;
    if (this.#interval !== null) this.#gathering ??= setTimeout(() => this.send(false), ACK_DELAY_MS);
  }

  /** Something came from the server. */
  heard(): void {
    this.#heard = true;
  }

  send(replyRequested: boolean): void {
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#gathering = null;
    const lsn = this.#ackedLsn;
    const clockMicros = Date.now() * 1000;
    this.#wire?.write(
      encodeStandbyStatusUpdate({ written: lsn, flushed: lsn, applied: lsn, clockMicros, replyRequested }),
    );
  }

  stop(): void {
    if (this.#interval !== null) clearInterval(this.#interval);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#interval = null;
    this.#gathering = null;
  }

  #beat(): void {
    const isSilent = !this.#heard && this.#options.isListening();
    this.#silentMs = isSilent ? this.#silentMs + this.#options.intervalMs : 0;
    this.#heard = false;
    if (this.#silentMs > SILENCE_LIMIT_MS) this.#options.onSilence(this.#silentMs);
    else this.send(isSilent);
  }
}
