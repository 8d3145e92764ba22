import assert from 'node:assert/strict';
import type { LogRecord } from '../../src/model/record.ts';

/** A value that the topics cannot tell: the table was rewritten, or the column came, without an event for the row. */
export const UNKNOWN = Symbol('unknown');
const PLACEHOLDER = '__debezium_unavailable_value';
/** Text columns have it as it is, bytea columns as bytes. */
const UNAVAILABLE: ReadonlySet<unknown> = new Set([PLACEHOLDER, Buffer.from(PLACEHOLDER).toString('base64')]);

/** Numbers are kept as their text, so that no digit is lost in comparing. */
export type Json = null | boolean | string | readonly Json[] | { readonly [name: string]: Json };
export type Fields = Readonly<Record<string, Json | typeof UNKNOWN>>;

/**
 * What the program did to a table, told in the stream by a logical message in the same transaction, because topics do
 * not tell it: rows that were there before must be renamed, cut and forgotten as the server did.
 */
export type Note =
  | { readonly kind: 'drop'; readonly table: string }
  | {
      readonly kind: 'table';
      readonly table: string;
      /** Its name before; null: it is new. */
      readonly was: string | null;
      /** `was`: name before; null: the values are not known. */
      readonly columns: readonly { readonly name: string; readonly was: string | null }[];
      readonly identity: 'default' | 'full' | 'nothing' | 'index';
      /** Columns of the primary key, or of the identity index. */
      readonly key: readonly string[];
    };

export const NOTE_PREFIX = 'note';

interface Envelope {
  readonly op: string;
  readonly before: Fields | null;
  readonly after: Fields | null;
  readonly source: {
    readonly sequence: string;
    readonly lsn: string;
    readonly table: string;
    readonly snapshot: string;
  };
  readonly message?: { readonly prefix: string; readonly content: string };
}

export function parseJson(text: string): Json {
  type Reviver = (key: string, value: unknown, context: { source: string }) => unknown;
  const keepDigits: Reviver = (_, value, { source }) => (typeof value === 'number' ? `#${source}` : value);
  return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown) as Json;
}

interface Event {
  readonly order: readonly [previousEnd: bigint, lsn: bigint, rank: number];
  readonly envelope: Envelope;
  readonly key: Fields | null;
  /** A changed key: its `c` record finds what its `d` record took away. */
  readonly half: 'old' | 'new' | null;
}

interface FoldedTable {
  rows: Fields[];
  identity: string;
  key: readonly string[] | null;
}

/** The state that topics tell: their records in the order of the commits, each of which must fit what came before. */
export class Fold {
  readonly tables = new Map<string, FoldedTable>();
  /** The row that the first half of a changed key took away. */
  #moved: Fields | null = null;

  constructor(records: readonly LogRecord[]) {
    const events = records.flatMap(toEvent);
    events.sort((a, b) => {
      const at = a.order.findIndex((part, i) => part !== b.order[i]);
      return at === -1 ? 0 : a.order[at]! < b.order[at]! ? -1 : 1;
    });
    for (const event of events) {
      try {
        this.#apply(event);
      } catch (cause) {
        throw new Error(`${(cause as Error).message}\nat ${show(event)}`, { cause });
      }
    }
  }

  #apply({ envelope, key, half }: Event): void {
    const { op, before, after, source, message } = envelope;
    if (op === 'm') {
      if (message?.prefix === NOTE_PREFIX) this.#note(JSON.parse(Buffer.from(message.content, 'base64').toString()));
      return;
    }
    const table = this.#table(source.table);
    if (key !== null && op !== 't') this.#checkKey(table, key, op === 'd' ? null : after);
    switch (op) {
      case 'r':
      case 'c': {
        assert.ok(after !== null && before === null);
        const filled = half === 'new' ? fill(after, this.#moved) : after;
        this.#expectNew(table, filled);
        table.rows.push(filled);
        this.#moved = null;
        return;
      }
      case 'u': {
        assert.ok(after !== null);
        const old = this.#remove(table, before, key);
        table.rows.push(fill(after, old));
        return;
      }
      case 'd': {
        assert.ok(after === null);
        const old = this.#remove(table, before, key);
        this.#moved = half === 'old' ? old : null;
        return;
      }
      case 't':
        table.rows = [];
        return;
      default:
        assert.fail(`unknown operation ${op}`);
    }
  }

  #table(name: string): FoldedTable {
    let table = this.tables.get(name);
    if (table === undefined) {
      table = { rows: [], identity: 'default', key: null };
      this.tables.set(name, table);
    }
    return table;
  }

  /** With the default identity the log itself tells the key; with others the catalog does, which may be newer. */
  #checkKey(table: FoldedTable, key: Fields, after: Fields | null): void {
    if (table.identity === 'default' && table.key !== null) {
      assert.deepEqual(Object.keys(key).sort(), [...table.key].sort(), 'the key is not the primary key of its time');
    }
    assert.ok(!Object.values(key).some((value) => UNAVAILABLE.has(value)), 'a key without its value');
    if (after === null) return;
    for (const [name, value] of Object.entries(key)) assert.deepEqual(value, after[name], `key column ${name}`);
  }

  #expectNew(table: FoldedTable, row: Fields): void {
    if (table.identity === 'full' || table.key === null || table.key.length === 0) return;
    const twin = table.rows.find((one) => table.key!.every((name) => isSame(one[name], row[name])));
    assert.equal(twin, undefined, 'a row with this key is there already');
  }

  /** The row that an event is about: by its whole old content where that is sent, else by the key. */
  #remove(table: FoldedTable, before: Fields | null, key: Fields | null): Fields {
    const wanted = table.identity === 'full' ? before : key;
    assert.ok(wanted !== null, 'nothing tells which row');
    const fits = table.rows.findIndex((row) =>
      Object.entries(wanted).every(([name, value]) => isSame(row[name], value)),
    );
    assert.notEqual(fits, -1, `no such row; there are ${JSON.stringify(table.rows.map(shown)).slice(0, 2000)}`);
    return table.rows.splice(fits, 1)[0]!;
  }

  #note(note: Note): void {
    if (note.kind === 'drop') {
      this.tables.delete(note.table);
      return;
    }
    const { table: name, was, columns, identity, key } = note;
    const old = was === null ? null : this.#table(was);
    if (was !== null) this.tables.delete(was);
    const rows = (old?.rows ?? []).map((row) => Object.fromEntries(columns.map((column) => moveColumn(row, column))));
    this.tables.set(name, { rows, identity, key });
  }
}

function moveColumn(row: Fields, { name, was }: { name: string; was: string | null }): [string, Fields[string]] {
  if (was === null) return [name, UNKNOWN];
  assert.ok(was in row, `a row was published without column ${was}`);
  return [name, row[was]!];
}

/** What was not sent because it did not change is what it was. */
function fill(after: Fields, old: Fields | null): Fields {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => {
      if (!UNAVAILABLE.has(value)) return [name, value];
      assert.ok(old !== null && name in old, `${name} was not sent, and no earlier row has it`);
      return [name, old[name]!];
    }),
  );
}

function isSame(known: Fields[string] | undefined, value: Fields[string] | undefined): boolean {
  if (known === UNKNOWN || value === UNKNOWN) return true;
  return JSON.stringify(known) === JSON.stringify(value);
}

function toEvent(record: LogRecord): Event[] {
  // A tombstone says nothing that its delete has not said.
  if (record.value === null) return [];
  const envelope = parseJson(record.value.toString()) as unknown as Envelope;
  const header = record.headers.map(({ key }) => key);
  const half = header.includes('__debezium.newkey') ? 'old' : header.includes('__debezium.oldkey') ? 'new' : null;
  const [previousEnd] = JSON.parse(envelope.source.sequence) as [string | null, string];
  const isSnapshot = !['false', 'incremental'].includes(envelope.source.snapshot);
  return [
    {
      order: [
        isSnapshot ? -1n : BigInt(previousEnd ?? 0),
        BigInt(envelope.source.lsn.slice(1)),
        half === 'new' ? 1 : 0,
      ],
      envelope,
      key: record.key === null ? null : (parseJson(record.key.toString()) as Fields),
      half,
    },
  ];
}

function show({ envelope, key }: Event): string {
  const { op, before, after, source } = envelope;
  return `${source.table} ${op} lsn ${source.lsn} ${[key, before, after].map((row) => JSON.stringify(row === null ? null : shown(row))).join(' ')}`;
}

function shown(row: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value === UNKNOWN ? '?' : typeof value === 'string' && value.length > 40 ? `${value.slice(0, 40)}...` : value,
    ]),
  );
}

/** Throws unless both hold the same rows, as multisets; what is unknown fits anything. */
export function assertSameRows(table: string, folded: readonly Fields[], snapshot: readonly Fields[]): void {
  const left = [...folded];
  for (const row of snapshot) {
    const columns = Object.keys(row);
    const at = left.findIndex(
      (one) =>
        Object.keys(one).length === columns.length &&
        columns.every((name) => name in one && isSame(one[name], row[name])),
    );
    if (at === -1) {
      const near = left.filter((one) => isSame(one.id, row.id)).map(shown);
      assert.fail(
        `${table}: the snapshot has ${JSON.stringify(shown(row))}, the topics have ${near.length === 0 ? 'no row of this id' : JSON.stringify(near)}`,
      );
    }
    left.splice(at, 1);
  }
  assert.deepEqual(left.map(shown), [], `${table}: rows that the topics have and the database does not`);
}
