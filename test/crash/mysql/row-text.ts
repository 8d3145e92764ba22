import { ABSENT, type TrueChange, UNCHANGED } from '../truth.ts';

/** `### INSERT INTO`, `### UPDATE`, `### DELETE FROM`. */
const OPERATIONS = { INSERT: 'INSERT', UPDATE: 'UPDATE', DELETE: 'DELETE' } as const;

type Image = Record<string, string | null>;

interface OpenRow {
  readonly table: string;
  readonly op: TrueChange['op'];
  readonly columns: readonly string[];
  old: Image | null;
  row: Image | null;
}

/**
 * The rows of a statement as mysqlbinlog writes them:
 *
 *   row   := '### ' ('INSERT INTO' | 'UPDATE' | 'DELETE FROM') ' `' database '`.`' table '`' image+
 *   image := ('### WHERE' | '### SET') {'###   @' number '=' value}
 */
export class RowText {
  readonly #layouts: ReadonlyMap<string, readonly string[]>;
  /** Of the rows events whose rows come next: all those of a statement come after their headers. */
  #from: bigint | null = null;
  #upTo: bigint | null = null;
  #changes: TrueChange[] = [];
  #open: OpenRow | null = null;
  #image: Image | null = null;
  #lastColumn = '';

  /** `layouts`: the names of the columns of the tables that matter, as they are now. */
  constructor(layouts: ReadonlyMap<string, readonly string[]>) {
    this.#layouts = layouts;
  }

  get hasRows(): boolean {
    return this.#open !== null;
  }

  /** A rows event is at this position. */
  event(position: bigint): void {
    this.#from ??= position;
    this.#upTo = position;
  }

  /** The statement is over. */
  take(): readonly TrueChange[] {
    this.#close();
    const changes = this.#changes;
    this.#changes = [];
    this.#from = null;
    this.#upTo = null;
    return changes;
  }

  line(line: string): void {
    if (line.startsWith(VALUE)) {
      const { columns, table } = this.#open!;
      if (columns === UNTOLD) return;
      const equals = line.indexOf('=');
      const index = Number(line.slice(VALUE.length, equals));
      const name = columns[index - 1];
      if (name === undefined) throw new Error(`${table} has no column ${index} as far as the load's DDL tells`);
      this.#image![name] = parseValue(line.slice(equals + 1));
      this.#lastColumn = name;
      return;
    }
    // An expression may take several lines.
    if (line.startsWith('###    ')) {
      if (this.#open!.columns !== UNTOLD) this.#image![this.#lastColumn] += ` ${line.slice(3).trim()}`;
      return;
    }
    const operation = /^### (INSERT INTO|UPDATE|DELETE FROM) `(\w+)`\.`(\w+)`$/.exec(line);
    if (operation !== null) {
      const [, verb = '', database = '', name = ''] = operation;
      this.#close();
      const table = `${database}.${name}`;
      const op = OPERATIONS[verb.split(' ')[0] as keyof typeof OPERATIONS];
      this.#open = { table, op, columns: this.#layouts.get(table) ?? UNTOLD, old: null, row: null };
      return;
    }
    if (line === '### WHERE') this.#image = this.#open!.old = {};
    else if (line === '### SET') this.#image = this.#open!.row = {};
    else throw new Error(`mysqlbinlog wrote a line that this reader does not know: ${line.slice(0, 200)}`);
  }

  #close(): void {
    const open = this.#open;
    this.#open = null;
    if (open === null || open.columns === UNTOLD) return;
    const { table, op, columns, old, row } = open;
    this.#changes.push({
      table,
      op,
      position: this.#from!,
      upTo: this.#upTo!,
      old: old === null ? null : whole(old, columns),
      // What the old row tells needs no place in the new one.
      row: row === null ? null : whole({ ...old, ...row }, columns),
    });
  }
}

function whole(image: Image, columns: readonly string[]): Image {
  return Object.fromEntries(
    columns.map((name) => {
      const value = image[name];
      return [name, value === undefined ? (TEXTS.has(name) ? UNCHANGED : ABSENT) : value];
    }),
  );
}

/** Columns whose values have a placeholder. */
const TEXTS: ReadonlySet<string> = new Set(['status', 'total', 'note', 'what', 'body', 'j']);

/** `###   @3='text'`: the third column's. */
const VALUE = '###   @';

/** Of tables that are not captured: no comment of the load tells of them. */
const UNTOLD: readonly string[] = [];

/** Before the text of an expression over the old value, in place of a value. */
export const EXPRESSION_MARK = '\u0000';

/** value := 'NULL' | "'" text with escapes "'" | number [' (' the same without a sign ')'] | expression */
function parseValue(text: string): string | null {
  if (text === 'NULL') return null;
  if (text.startsWith("'"))
    return text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) => unescaped(code));
  if (/^(JSON_|@\d+$)/.test(text)) return EXPRESSION_MARK + text;
  const number = /^(-?[\d.]+)(?: \(\d+\))?$/.exec(text);
  if (number === null)
    throw new Error(`mysqlbinlog wrote a value that this reader does not know: ${text.slice(0, 200)}`);
  return number[1]!;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0', b: '\b', Z: '\u001a' };

function unescaped(code: string): string {
  if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
  return ESCAPES[code] ?? code;
}
