import type { Client } from 'pg';
import type { Columns, TrueChange, TrueTransaction } from '../truth.ts';

/** Bounds what the server prepares and this process holds at a time, but for a transaction, which comes whole. */
const CHANGES_PER_QUERY = 20_000;

/** `16/B374D848` -> 64-bit number. */
export function parseLsn(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/**
 * What the database itself says was committed: a slot of its own, made before the first row, read with the server's
 * test_decoding plugin, so that nothing of tailrace's reading and decoding judges itself. Consumes the slot.
 */
export async function* readTruth(client: Client, slot: string): AsyncGenerator<TrueTransaction> {
  const query = {
    text: `SELECT lsn::text, xid::text, data FROM pg_logical_slot_get_changes($1, NULL, ${CHANGES_PER_QUERY}, 'skip-empty-xacts', '1')`,
    values: [slot],
    rowMode: 'array' as const,
  };
  for (;;) {
    const { rows } = await client.query<[string, string, string]>(query);
    if (rows.length === 0) return;
    let changes: TrueChange[] = [];
    for (const [lsn, xid, line] of rows) {
      if (line.startsWith('BEGIN')) changes = [];
      else if (line.startsWith('COMMIT')) yield { id: xid, end: parseLsn(lsn), changes };
      else changes.push(parseLine(line, parseLsn(lsn)));
    }
  }
}

/**
 * line  := 'table ' name ': ' op ': ' ['old-key: ' tuple ' new-tuple: '] tuple
 * tuple := name '[' type ']:' value {' ' name '[' type ']:' value}
 * value := "'" text with doubled quotes "'" | word
 */
export function parseLine(line: string, position: bigint): TrueChange {
  const head = /^table (\S+): (INSERT|UPDATE|DELETE): (old-key: )?/.exec(line);
  if (head === null)
    throw new Error(`test_decoding wrote a line that this reader does not know: ${line.slice(0, 200)}`);
  const [whole, table = '', op, oldKey] = head;
  const scanner = new TupleScanner(line, whole.length);
  const first = scanner.tuple();
  const located = { table, op: op as TrueChange['op'], position };
  if (op === 'DELETE') return { ...located, old: first, row: null };
  if (oldKey === undefined) return { ...located, old: null, row: first };
  return { ...located, old: first, row: scanner.tuple() };
}

const NEW_TUPLE = 'new-tuple: ';

class TupleScanner {
  readonly #line: string;
  #at: number;

  constructor(line: string, at: number) {
    this.#line = line;
    this.#at = at;
  }

  tuple(): Columns {
    const columns: Record<string, string | null> = {};
    while (this.#at < this.#line.length) {
      if (this.#line.startsWith(NEW_TUPLE, this.#at)) {
        this.#at += NEW_TUPLE.length;
        break;
      }
      const bracket = this.#line.indexOf('[', this.#at);
      const colon = this.#line.indexOf(']:', bracket);
      if (bracket < 0 || colon < 0) throw new Error(`test_decoding wrote a tuple that ends early: ${this.#line}`);
      const name = this.#line.slice(this.#at, bracket);
      this.#at = colon + 2;
      columns[name] = this.#value();
      this.#at++;
    }
    return columns;
  }

  #value(): string | null {
    if (this.#line[this.#at] !== "'") {
      const end = this.#line.indexOf(' ', this.#at);
      const word = this.#line.slice(this.#at, end < 0 ? undefined : end);
      this.#at += word.length;
      return word === 'null' ? null : word;
    }
    const start = this.#at + 1;
    let end = this.#line.indexOf("'", start);
    while (this.#line[end + 1] === "'") end = this.#line.indexOf("'", end + 2);
    this.#at = end + 1;
    return this.#line.slice(start, end).replaceAll("''", "'");
  }
}
