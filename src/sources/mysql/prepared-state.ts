import { PreparedTransaction } from '../../../decoders/binlog/prepared-transaction.ts';
import type { PreparedChange } from '../../../decoders/binlog/transaction-reducer-options.ts';
import type { StateReader, StateRecord } from '../../model/plugin.ts';

/** Between the xid, which has none, and the number of a part other than the first. */
const PART_SEPARATOR = '#';

/**
 * XA transactions that are prepared, in a topic of their own: key is the xid (and `#n` behind it of the n-th part, from 1),
 * value the events that were kept; a tombstone when the transaction has come to its end.
 */
export class PreparedState {
  readonly #topic: string;
  /** Parts of each transaction. */
  readonly #parts = new Map<string, number>();

  constructor(topicPrefix: string) {
    this.#topic = `${topicPrefix}.prepared-transactions`;
  }

  /** What earlier runs have left. */
  async load(reader: StateReader): Promise<Map<string, PreparedTransaction>> {
    const values = new Map<string, Buffer>();
    for await (const { key, value } of reader.read(this.#topic)) {
      if (key === null) values.clear();
      else if (value === null) values.delete(key.toString('utf8'));
      else values.set(key.toString('utf8'), Buffer.from(value));
    }
    const prepared = new Map<string, PreparedTransaction>();
    for (const xid of values.keys()) {
      if (xid.includes(PART_SEPARATOR)) continue;
      const parts: Buffer[] = [];
      for (let part = values.get(xid); part !== undefined; part = values.get(keyOf(xid, parts.length)))
        parts.push(part);
      prepared.set(xid, new PreparedTransaction(parts));
      this.#parts.set(xid, parts.length);
    }
    return prepared;
  }

  /** None of them counts any more: what became of them while nothing was read is not known. */
  forget(): readonly StateRecord[] {
    if (this.#parts.size === 0) return [];
    this.#parts.clear();
    return [this.#nothing()];
  }

  record({ xid, parts }: PreparedChange): readonly StateRecord[] {
    const topic = this.#topic;
    const count = this.#parts.get(xid) ?? 0;
    const kept = parts ?? [];
    const gone = Array.from({ length: Math.max(0, count - kept.length) }, (_, i) => {
      return { topic, key: Buffer.from(keyOf(xid, kept.length + i)), value: null };
    });
    if (parts !== null) {
      this.#parts.set(xid, parts.length);
      // One of the same name may have come to its end unseen, before the tables were read again.
      return [...parts.map((value, i) => ({ topic, key: Buffer.from(keyOf(xid, i)), value })), ...gone];
    }
    this.#parts.delete(xid);
    return this.#parts.size === 0 ? [...gone, this.#nothing()] : gone;
  }

  /** Nothing is prepared: the log need not keep what was. */
  #nothing(): StateRecord {
    return { topic: this.#topic, key: null, value: null };
  }
}

function keyOf(xid: string, part: number): string {
  return part === 0 ? xid : `${xid}${PART_SEPARATOR}${part}`;
}
