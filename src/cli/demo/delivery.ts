import type { SqliteLog } from '../../logs/sqlite/log.ts';
import type { LogRecord } from '../../model/record.ts';
import type { ShopChange } from './shop.ts';

/** What a record of the log says: a change of a row, or `tombstone`, which follows each delete. */
export interface Delivered {
  readonly table: string;
  readonly op: string;
  readonly id: number;
}

export interface TableDelivery {
  readonly table: string;
  readonly committed: number;
  readonly delivered: number;
}

export interface DeliveryVerdict {
  readonly tables: readonly TableDelivery[];
  /** The first difference of each table that has one; empty: every change arrived exactly once, and in order. */
  readonly differences: readonly string[];
}

/** A record of the shop's topics, written without schemas and with `id` as the key. */
export function deliveredOf(record: LogRecord): Delivered {
  const table = record.topic.slice(record.topic.lastIndexOf('.') + 1);
  const { id } = JSON.parse(record.key!.toString('utf8')) as { readonly id: number };
  if (record.value === null) return { table, op: 'tombstone', id };
  const { op } = JSON.parse(record.value.toString('utf8')) as { readonly op: string };
  return { table, op, id };
}

/** Everything that a log holds, each topic in its own order. */
export async function readDelivered(log: SqliteLog): Promise<readonly Delivered[]> {
  const found: Delivered[] = [];
  for (const { topic, partitions } of await log.topics()) {
    for (const { partition } of partitions) {
      for await (const record of log.read({ topic, partition, from: 0 })) found.push(deliveredOf(record));
    }
  }
  return found;
}

/** Compares what a shop committed with what the log holds, table by table, change by change. */
export function compareDelivery(committed: readonly ShopChange[], delivered: readonly Delivered[]): DeliveryVerdict {
  const expected = Map.groupBy(committed, ({ table }) => table);
  const arrived = Map.groupBy(delivered, ({ table }) => table);
  const tables: TableDelivery[] = [];
  const differences: string[] = [];
  for (const table of new Set([...expected.keys(), ...arrived.keys()])) {
    const changes = expected.get(table) ?? [];
    const records = arrived.get(table) ?? [];
    tables.push({
      table,
      committed: changes.length,
      delivered: records.filter(({ op }) => op !== 'tombstone').length,
    });
    const difference = firstDifference(changes.flatMap(recordsOf), records);
    if (difference !== null) differences.push(`${table}: ${difference}`);
  }
  return { tables, differences };
}

function recordsOf({ table, op, id }: ShopChange): readonly Delivered[] {
  return op === 'd'
    ? [
        { table, op, id },
        { table, op: 'tombstone', id },
      ]
    : [{ table, op, id }];
}

function firstDifference(expected: readonly Delivered[], arrived: readonly Delivered[]): string | null {
  for (let i = 0; i < Math.max(expected.length, arrived.length); i++) {
    const [wanted, got] = [expected[i], arrived[i]];
    if (wanted?.op === got?.op && wanted?.id === got?.id) continue;
    if (got === undefined) return `record ${i} is missing: ${nameOf(wanted!)}`;
    if (wanted === undefined) return `record ${i} is one too many: ${nameOf(got)}`;
    return `record ${i} should be ${nameOf(wanted)}, and is ${nameOf(got)}`;
  }
  return null;
}

const NAMES: Readonly<Record<string, string>> = { r: 'the read', c: 'the insert', u: 'an update', d: 'the delete' };

function nameOf({ op, id }: Delivered): string {
  return `${NAMES[op] ?? `the ${op}`} of id ${id}`;
}
