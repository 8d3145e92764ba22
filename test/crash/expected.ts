import { ABSENT, type Columns, isLogged, type TrueChange, UNCHANGED } from './truth.ts';

/** One record that must be in a table's topic, or one that is: what both can be compared by. */
export interface Entry {
  readonly op: 'r' | 'c' | 'u' | 'd' | 'tombstone';
  /** Position of the change; of a snapshot row: of its snapshot. 0 for tombstones, which have no source block. */
  readonly position: bigint;
  /** Of an expected one: {@link TrueChange.upTo}. */
  readonly upTo?: bigint;
  /** The transaction's name. */
  readonly id: string | null;
  readonly key: Columns | null;
  readonly before: Columns | null;
  readonly after: Columns | null;
}

/** Debezium's word for a value that was not sent. */
const UNAVAILABLE = '__debezium_unavailable_value';

/** The records that a change must have become: Debezium's rules for keys, key changes and tombstones. */
export function expectedEntries(change: TrueChange, id: string | null, hasKey: boolean): Entry[] {
  const { op, position, upTo = position, row } = change;
  const old = change.old === null ? null : withPlaceholders(change.old);
  const keyOf = (columns: Columns): Columns | null => (hasKey ? { id: columns.id ?? null } : null);
  const located = { position, upTo, id };
  const tombstone = (key: Columns | null): Entry => ({
    op: 'tombstone',
    position: 0n,
    id: null,
    key,
    before: null,
    after: null,
  });
  const after = row === null ? null : withPlaceholders(row);
  switch (op) {
    case 'INSERT':
      return [{ ...located, op: 'c', key: keyOf(row!), before: null, after }];
    case 'DELETE':
      return [{ ...located, op: 'd', key: keyOf(old!), before: old, after: null }, tombstone(keyOf(old!))];
    case 'UPDATE': {
      if (hasKey && old !== null && old.id !== row!.id) {
        return [
          { ...located, op: 'd', key: keyOf(old), before: old, after: null },
          tombstone(keyOf(old)),
          { ...located, op: 'c', key: keyOf(row!), before: null, after },
        ];
      }
      return [{ ...located, op: 'u', key: keyOf(row!), before: old, after }];
    }
    default:
      return op satisfies never;
  }
}

function withPlaceholders(row: Columns): Columns {
  if (Object.values(row).every(isLogged)) return row;
  const textOf = (value: string | null) => (value === UNCHANGED ? UNAVAILABLE : value === ABSENT ? null : value);
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)]));
}

/** What is wrong with an entry, or null. The old row counts where the server logged it; other columns of a key are not told. */
export function difference(expected: Entry, actual: Entry): string | null {
  for (const field of ['op', 'id'] as const) {
    if (expected[field] !== actual[field]) return `${field} is ${actual[field]}, not ${expected[field]}`;
  }
  const { position, upTo = position } = expected;
  if (actual.position < position || actual.position > upTo) return `position is ${actual.position}, not ${position}`;
  const key = columnDifference(expected.key, actual.key, 'exactly');
  if (key !== null) return `key: ${key}`;
  const after = columnDifference(expected.after, actual.after, 'exactly');
  if (after !== null) return `after: ${after}`;
  if (expected.before === null) return null;
  const before = columnDifference(expected.before, actual.before, 'at least');
  return before === null ? null : `before: ${before}`;
}

export function columnDifference(
  expected: Columns | null,
  actual: Columns | null,
  match: 'exactly' | 'at least',
): string | null {
  if (expected === null || actual === null) {
    return expected === actual
      ? null
      : `${actual === null ? 'null' : 'a row'} instead of ${expected === null ? 'null' : 'a row'}`;
  }
  for (const name of Object.keys(expected)) {
    if (!Object.hasOwn(actual, name)) return `no column ${name}`;
    if (expected[name] !== actual[name]) return `${name} is ${brief(actual[name])}, not ${brief(expected[name])}`;
  }
  if (match === 'at least') return null;
  const extra = Object.keys(actual).find((name) => !Object.hasOwn(expected, name));
  return extra === undefined ? null : `column ${extra} should not be there`;
}

function brief(value: string | null | undefined): string {
  return value == null ? 'NULL' : value.length > 60 ? `${value.slice(0, 60)}... (${value.length} characters)` : value;
}

export function describe(entry: Entry): string {
  const row = entry.after ?? entry.before ?? entry.key ?? {};
  const names = ['id', 'n', 'writer'].filter((name) => row[name] != null).map((name) => `${name}=${row[name]}`);
  return `${entry.op} at ${entry.position} (transaction ${entry.id}) ${names.join(' ')}`;
}
