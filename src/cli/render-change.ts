import { styleText } from 'node:util';
import { formatLsn } from '../../decoders/pgoutput/lsn.ts';
import { type ExactJson, type ExactJsonObject, formatExactJson, isJsonObject, parseExactJson } from './json-value.ts';
import type { ShownRecord } from './record-line.ts';

export interface RenderOptions {
  readonly color: boolean;
  /** Columns of the terminal: longer values are cut. */
  readonly width: number;
}

/** `oldColumns`: those that the old row of the change holds, where the database sent only its key; the others are stand-ins. */
export type RenderedRecord = ShownRecord & { readonly oldColumns?: ReadonlySet<string> | null };

type Style = Parameters<typeof styleText>[0];

const OPERATIONS: Readonly<Record<string, readonly [label: string, style: Style]>> = {
  c: ['insert', 'green'],
  u: ['update', 'yellow'],
  d: ['delete', 'red'],
  r: ['read', 'cyan'],
  t: ['truncate', 'magenta'],
  m: ['message', 'blue'],
};

/** Debezium's stand-in for a large value that the database did not send. */
const UNAVAILABLE = '__debezium_unavailable_value';
/** A value is shown with at least this many characters, however narrow the terminal. */
const MIN_VALUE_WIDTH = 20;

/**
 * A record for a person: of a change what it did to which row, and the columns with their values, of an update only those that
 * changed where the whole old row is known, of a delete what the database told of the row; of anything else its topic, key and value. Ends with a line end. Empty for a tombstone.
 */
export function renderRecord(record: RenderedRecord, options: RenderOptions): string {
  if (record.value === null) return '';
  const value = unwrap(parseExactJson(record.value.toString('utf8')));
  const key = record.key === null ? null : unwrap(parseExactJson(record.key.toString('utf8')));
  const painter = new Painter(options);
  if (isJsonObject(value) && typeof value.op === 'string' && isJsonObject(value.source)) {
    const { oldColumns = null } = record;
    return painter.change(value, isJsonObject(key ?? undefined) ? (key as ExactJsonObject) : null, oldColumns);
  }
  return painter.other(record);
}

/** With `schemas.enable` the value is a `payload` beside its `schema`. */
function unwrap(value: ExactJson | undefined): ExactJson | undefined {
  if (isJsonObject(value) && 'payload' in value && 'schema' in value) return value.payload;
  return value;
}

class Painter {
  readonly #color: boolean;
  readonly #width: number;

  constructor({ color, width }: RenderOptions) {
    this.#color = color;
    this.#width = width;
  }

  change(envelope: ExactJsonObject, key: ExactJsonObject | null, oldColumns: ReadonlySet<string> | null): string {
    const op = String(envelope.op);
    const source = envelope.source as ExactJsonObject;
    const [label, style] = OPERATIONS[op] ?? [op, 'white'];
    const table = [source.schema ?? source.db, source.table].filter((part) => part !== '' && part !== null);
    const keyText = key === null ? '' : ` ${this.#key(key)}`;
    const head = `${this.#paint(style, label.padEnd(6))} ${this.#paint('bold', printable(table.join('.')))}${keyText}`;
    return `${[`${head}  ${this.#paint('dim', place(source))}`, ...this.#body(op, envelope, key, oldColumns)].join('\n')}\n`;
  }

  other(record: ShownRecord): string {
    const key = record.key === null ? '' : ` ${this.#text(record.key.toString('utf8'), this.#width)}`;
    const value = record.value?.toString('utf8') ?? '';
    return `${this.#paint('bold', printable(record.topic))}${key}\n    ${this.#text(value, this.#width - 4)}\n`;
  }

  #body(
    op: string,
    envelope: ExactJsonObject,
    key: ExactJsonObject | null,
    oldColumns: ReadonlySet<string> | null,
  ): readonly string[] {
    const before = isJsonObject(envelope.before) ? envelope.before : null;
    const after = isJsonObject(envelope.after) ? envelope.after : null;
    if (op === 'm' && isJsonObject(envelope.message)) return this.#columns(envelope.message, null, 'blue');
    if (op === 'u' && before !== null && after !== null && oldColumns === null) return this.#differences(before, after);
    if (op === 'd') return before === null ? [] : this.#columns(only(before, oldColumns), key, 'red');
    if (after === null) return [];
    return this.#columns(after, key, op === 'c' || op === 'r' ? 'green' : 'yellow');
  }

  /** Columns that are not in the key, which the head shows. */
  #columns(row: ExactJsonObject, key: ExactJsonObject | null, style: Style): readonly string[] {
    const names = Object.keys(row).filter((name) => key === null || !(name in key));
    const indent = indentOf(names);
    return names.map(
      (name) => `    ${this.#name(name, indent)}  ${this.#value(row[name]!, style, this.#room(indent))}`,
    );
  }

  #differences(before: ExactJsonObject, after: ExactJsonObject): readonly string[] {
    const names = Object.keys(after).filter(
      (name) => after[name] !== UNAVAILABLE && formatExactJson(before[name] ?? null) !== formatExactJson(after[name]!),
    );
    if (names.length === 0) return [`    ${this.#paint('dim', '(no captured column changed)')}`];
    const indent = indentOf(names);
    const room = Math.max(MIN_VALUE_WIDTH, Math.floor((this.#room(indent) - 4) / 2));
    return names.map((name) => {
      const old = this.#value(before[name] ?? null, 'red', room);
      return `    ${this.#name(name, indent)}  ${old} ${this.#paint('dim', '→')} ${this.#value(after[name]!, 'green', room)}`;
    });
  }

  #name(name: string, indent: number): string {
    return this.#paint('dim', printable(name).padEnd(indent));
  }

  #room(indent: number): number {
    return Math.max(MIN_VALUE_WIDTH, this.#width - indent - 6);
  }

  #value(value: ExactJson, style: Style, room: number): string {
    if (value === null) return this.#paint('dim', 'null');
    if (value === UNAVAILABLE) return this.#paint('dim', '(unchanged, not sent)');
    return this.#paint(style, this.#text(formatExactJson(value), room));
  }

  #key(key: ExactJsonObject): string {
    return Object.entries(key)
      .map(([name, value]) => `${printable(name)}=${this.#text(formatExactJson(value), MIN_VALUE_WIDTH * 2)}`)
      .join(' ');
  }

  #text(text: string, room: number): string {
    const characters = [...printable(text)];
    return characters.length <= room ? characters.join('') : `${characters.slice(0, Math.max(1, room - 1)).join('')}…`;
  }

  #paint(style: Style, text: string): string {
    return this.#color ? styleText(style, text, { validateStream: false }) : text;
  }
}

function only(row: ExactJsonObject, columns: ReadonlySet<string> | null): ExactJsonObject {
  if (columns === null) return row;
  return Object.fromEntries(Object.entries(row).filter(([name]) => columns.has(name)));
}

/** Where and when in the database's log: transaction and LSN, or GTID or binlog position; time of commit. */
function place(source: ExactJsonObject): string {
  const { txId, lsn, gtid, file, pos, ts_ms: milliseconds, snapshot } = source;
  const parts: string[] = [];
  if (typeof snapshot === 'string' && snapshot !== 'false') parts.push('snapshot');
  if (typeof txId === 'number') parts.push(`tx ${txId}`);
  if (typeof lsn === 'number' && Number.isSafeInteger(lsn)) parts.push(`lsn ${formatLsn(lsn)}`);
  if (typeof gtid === 'string') parts.push(`gtid ${gtid}`);
  else if (typeof file === 'string' && typeof pos === 'number') parts.push(`${file}:${pos}`);
  if (typeof milliseconds === 'number') parts.push(new Date(milliseconds).toISOString().slice(11, 23));
  return parts.join('  ');
}

/** Column names beyond this length are not waited for by the others. */
const MAX_INDENT = 30;

function indentOf(names: readonly string[]): number {
  return Math.min(MAX_INDENT, Math.max(0, ...names.map((name) => name.length)));
}

/** Without control characters: what a table or a row holds must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '�');
}
