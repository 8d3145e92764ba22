import type { BoundaryChange, Change } from '../../decoders/change.ts';
import type { SourceOffset } from '../model/log.ts';
import { NO_HEADERS, type SourceRecord } from '../model/record.ts';
import { createStruct, type Struct, type Value } from '../model/schema.ts';
import { TRANSACTION_KEY, TRANSACTION_VALUE } from './event-schemas.ts';

const ID_KEY = 'transaction_id';
const ORDER_KEY_PREFIX = 'transaction_data_collection_order_';

/**
 * Counts the events of the open transaction for `provide.transaction.metadata`. Its state travels in the source offset
 * under Debezium's keys, so that a restart in the middle of a transaction counts on. Only the source knows whether it does
 * go on there: it delivers the begin of every transaction but of one that it resumes.
 */
export class TransactionTracker {
  readonly #topic: string;
  #openId: string | null = null;
  /** The transaction at hand, whether it is told of or not yet; null where its begin lies before a restart. */
  #begun: BoundaryChange | null = null;
  #total = 0;
  #perCollection = new Map<string, number>();

  constructor(topic: string, from: SourceOffset | null) {
    this.#topic = topic;
    if (typeof from?.[ID_KEY] !== 'string') return;
    this.#openId = from[ID_KEY];
    for (const [key, count] of Object.entries(from)) {
      if (!key.startsWith(ORDER_KEY_PREFIX) || typeof count !== 'number') continue;
      this.#perCollection.set(key.slice(ORDER_KEY_PREFIX.length), count);
      this.#total += count;
    }
  }

  /** The BEGIN record, before the first change of the transaction that is delivered; null when it was begun before. */
  begin(change: Change, id: string): SourceRecord | null {
    if (this.#openId !== null) return null;
    this.#openId = id;
    // A binlog without GTIDs gives each event a time of its own; MariaDB's first one may have that of an earlier statement.
    const isLater = this.#begun !== null && this.#begun.tx.commitTimeMicros > change.tx.commitTimeMicros;
    return this.#record(isLater ? this.#begun! : change, id, 'BEGIN', null, null);
  }

  /** The next place in the open transaction: the envelope's `transaction` struct. */
  event(collectionId: string, id: string): Struct {
    const order = (this.#perCollection.get(collectionId) ?? 0) + 1;
    this.#perCollection.set(collectionId, order);
    this.#total++;
    const block = createStruct();
    block.id = id;
    block.total_order = BigInt(this.#total);
    block.data_collection_order = BigInt(order);
    return block;
  }

  /** The END record, with the number of events in all and per table; null for a transaction without any change of ours. */
  end(change: Change, id: string): SourceRecord | null {
    if (this.#openId === null) return null;
    const counts = [...this.#perCollection].map(([collection, count]) => {
      const entry = createStruct();
      entry.data_collection = collection;
      entry.event_count = BigInt(count);
      return entry;
    });
    const record = this.#record(change, id, 'END', BigInt(this.#total), counts);
    this.#forget();
    return record;
  }

  /** One that is still open was given up, as when the tables are read again instead. */
  opens(begin: BoundaryChange): void {
    this.#forget();
    this.#begun = begin;
  }

  #forget(): void {
    this.#begun = null;
    this.#openId = null;
    this.#total = 0;
    this.#perCollection = new Map();
  }

  /** What the offset of a batch that ends inside a transaction must carry. */
  offset(): SourceOffset {
    if (this.#openId === null) return {};
    const state: Record<string, string | number> = { [ID_KEY]: this.#openId };
    for (const [collection, count] of this.#perCollection) state[ORDER_KEY_PREFIX + collection] = count;
    return state;
  }

  #record(change: Change, id: string, status: 'BEGIN' | 'END', total: bigint | null, collections: Value): SourceRecord {
    const key = createStruct();
    key.id = id;
    const value = createStruct();
    value.status = status;
    value.id = id;
    value.event_count = total;
    value.data_collections = collections;
    value.ts_ms = BigInt(Math.floor(change.tx.commitTimeMicros / 1000));
    return {
      topic: this.#topic,
      partition: null,
      keySchema: TRANSACTION_KEY,
      key,
      valueSchema: TRANSACTION_VALUE,
      value,
      headers: NO_HEADERS,
    };
  }
}
