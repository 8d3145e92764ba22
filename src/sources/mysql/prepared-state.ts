import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { PreparedTransaction } from '../../../decoders/binlog/prepared-transaction.ts';
import type { PreparedChange } from '../../../decoders/binlog/transaction-reducer-options.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { Batch, StateReader, StateRecord } from '../../model/plugin.ts';
import { isStored } from './schema/history-position.ts';

/** Between the xid, which has none, and the number of a part other than the first. */
const PART_SEPARATOR = '#';

/** Key of a record that says of which offset those behind it are. */
const OFFSET_KEY = 'offset';

/**
 * XA transactions that are prepared, in a topic of their own: key is the xid (and `#n` behind it of the n-th part, from 1),
 * value the events that were kept; a tombstone when the transaction has come to its end. In front of those of a batch stands the
 * batch's offset: a log may make them durable before it, and what is read again then happens again.
 */
export class PreparedState {
  readonly #topic: string;
  /** Parts of each transaction. */
  readonly #parts = new Map<string, number>();
  /** The topic holds records that do not count yet. */
  #hasMore = false;

  constructor(topicPrefix: string) {
    this.#topic = `${topicPrefix}.prepared-transactions`;
  }

  /** What earlier runs have left at the stored offset. */
  async load(
    reader: StateReader,
    { stored, family }: { readonly stored: SourceOffset | null; readonly family: ServerFamily },
  ): Promise<Map<string, PreparedTransaction>> {
    const values = new Map<string, Buffer>();
    let isReadAgain = false;
    for await (const { key, value } of reader.read(this.#topic)) {
      const name = key?.toString('utf8') ?? null;
      if (name === OFFSET_KEY) isReadAgain = stored === null || !isStored(parseOffset(value), stored, family);
      else if (isReadAgain) this.#hasMore = true;
      else if (name === null) values.clear();
      else if (value === null) values.delete(name);
      else values.set(name, Buffer.from(value));
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

  /** The batch with its offset in front of those of its records that are of this state. */
  stamp(batch: Batch): Batch {
    const { state = [], offset } = batch;
    const first = state.findIndex(({ topic }) => topic === this.#topic);
    if (first === -1) return batch;
    const value = Buffer.from(JSON.stringify(offset));
    return { ...batch, state: state.toSpliced(first, 0, { topic: this.#topic, key: Buffer.from(OFFSET_KEY), value }) };
  }

  /** None of them counts any more: what became of them while nothing was read is not known. */
  forget(): readonly StateRecord[] {
    if (this.#parts.size === 0 && !this.#hasMore) return [];
    this.#parts.clear();
    this.#hasMore = false;
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

function parseOffset(value: Buffer | null): SourceOffset {
  try {
    return JSON.parse(value?.toString('utf8') ?? '') as SourceOffset;
  } catch (cause) {
    throw new TailraceError('log.corrupt', 'the topic of prepared XA transactions holds an offset that is no JSON', {
      remedy: 'Read the tables again: remove the offset with "tailrace offsets reset".',
      cause,
    });
  }
}

function keyOf(xid: string, part: number): string {
  return part === 0 ? xid : `${xid}${PART_SEPARATOR}${part}`;
}
