import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RecordBatch, wholeBatches } from './record-batches.ts';

export interface TopicReaderOptions {
  readonly host: string;
  readonly port: number;
  /** A topic of one partition, which exists. */
  readonly topic: string;
  /** The broker answers once it has so much, or after `maxWaitMs`. */
  readonly minBytes: number;
  readonly maxWaitMs: number;
}

const FETCH = { key: 1, version: 4 };
const MAX_BYTES = 8 << 20;
const READ_COMMITTED = 1;
/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER. */
const NOT_READY: ReadonlySet<number> = new Set([3, 5, 6]);
const NOT_READY_MS = 20;

/**
 * Reads a topic with as little work as can be, so that what is measured is not the reader: one fetch request after the
 * other over a socket of its own, and of the answer no more than the headers of its record batches.
 *
 * Fetch request v4: replica_id i32, max_wait_ms i32, min_bytes i32, max_bytes i32, isolation_level i8,
 * [topic string, [partition i32, fetch_offset i64, partition_max_bytes i32]].
 * Response v4: throttle_ms i32, [topic string, [partition i32, error i16, high_watermark i64, last_stable_offset i64,
 * aborted [producer_id i64, first_offset i64], records bytes]].
 */
export class TopicReader implements Disposable {
  readonly #options: TopicReaderOptions;
  readonly #socket: Socket;
  #offset = 0n;
  #answer: { bytes: Buffer; filled: number } | null = null;
  #head = Buffer.alloc(0);
  #settle: { resolve: (answer: Buffer) => void; reject: (error: Error) => void } | null = null;

  constructor(options: TopicReaderOptions) {
    this.#options = options;
    this.#socket = connect({ host: options.host, port: options.port, noDelay: true });
    this.#socket.on('data', (chunk) => this.#take(chunk));
    const fail = (error: Error): void => this.#settle?.reject(error);
    this.#socket.on('error', fail);
    this.#socket.on('close', () => fail(new Error('The broker closed the connection of the topic’s reader.')));
  }

  /** The next committed batches, without markers of transactions; none when nothing came in time. */
  async next(): Promise<RecordBatch[]> {
    const records = recordsOf(await this.#request());
    if (records === null) {
      await sleep(NOT_READY_MS);
      return [];
    }
    const batches: RecordBatch[] = [];
    for (const batch of wholeBatches(records)) {
      this.#offset = batch.nextOffset;
      if (!batch.isControl) batches.push(batch);
    }
    return batches;
  }

  [Symbol.dispose](): void {
    this.#settle = null;
    this.#socket.destroy();
  }

  #request(): Promise<Buffer> {
    const { topic, minBytes, maxWaitMs } = this.#options;
    const name = Buffer.from(topic);
    const request = Buffer.alloc(4 + 10 + 17 + 4 + 2 + name.length + 4 + 16);
    let at = request.writeInt32BE(request.length - 4);
    at = request.writeInt16BE(FETCH.key, at);
    at = request.writeInt16BE(FETCH.version, at);
    at = request.writeInt32BE(0, at);
    at = request.writeInt16BE(-1, at);
    for (const field of [-1, maxWaitMs, minBytes, MAX_BYTES]) at = request.writeInt32BE(field, at);
    at = request.writeInt8(READ_COMMITTED, at);
    at = request.writeInt32BE(1, at);
    at = request.writeInt16BE(name.length, at);
    at += name.copy(request, at);
    at = request.writeInt32BE(1, at);
    at = request.writeInt32BE(0, at);
    at = request.writeBigInt64BE(this.#offset, at);
    request.writeInt32BE(MAX_BYTES, at);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  #take(chunk: Buffer): void {
    if (this.#answer === null) {
      this.#head = Buffer.concat([this.#head, chunk]);
      if (this.#head.length < 4) return;
      this.#answer = { bytes: Buffer.allocUnsafe(this.#head.readInt32BE()), filled: 0 };
      chunk = this.#head.subarray(4);
      this.#head = Buffer.alloc(0);
    }
    const answer = this.#answer;
    answer.filled += chunk.copy(answer.bytes, answer.filled);
    if (answer.filled < answer.bytes.length) return;
    this.#answer = null;
    this.#settle?.resolve(answer.bytes);
  }
}

/** Null: the topic was just made, and its broker does not lead it yet. */
function recordsOf(answer: Buffer): Buffer | null {
  // Behind correlation_id, throttle_ms and the count of topics.
  let at = 12;
  at += 2 + answer.readInt16BE(at) + 4 + 4;
  const error = answer.readInt16BE(at);
  if (NOT_READY.has(error)) return null;
  if (error !== 0) throw new Error(`The broker answered a fetch with error ${error}.`);
  at += 2 + 16;
  at += 4 + 16 * Math.max(0, answer.readInt32BE(at));
  const length = Math.max(0, answer.readInt32BE(at));
  return answer.subarray(at + 4, at + 4 + length);
}
