import { spawn } from 'node:child_process';
import { type TableEvent, type TrueChange, type TrueTransaction, UNCHANGED } from '../truth.ts';
import { EXPRESSION_MARK, RowText } from './row-text.ts';

export interface BinlogTextOptions {
  /** The server's own mysqlbinlog. */
  readonly command: readonly [string, ...string[]];
  /** In their order. */
  readonly files: readonly string[];
  readonly database: string;
  /** Of expressions over a column's old value, by which JSON differences are told. */
  readonly evaluate: (expression: string, column: string, old: string) => Promise<string>;
}

/** `binlog.000012`, 345 -> a number by which places of one server are ordered. */
export function binlogPosition(file: string, position: number): bigint {
  return (BigInt(file.slice(file.lastIndexOf('.') + 1)) << 40n) | BigInt(position);
}

/** Before the first event of a file. */
const MAGIC_BYTES = 4;

interface Group {
  readonly id: string | null;
  changes: TrueChange[];
  tableEvents: TableEvent[];
}

/**
 * What the server's own program reads in its binlog, so that nothing of tailrace's reading and decoding judges itself.
 * The names of columns come from comments of the load's DDL: the log need not have them.
 */
export async function* readBinlogText(options: BinlogTextOptions): AsyncGenerator<TrueTransaction> {
  const [program, ...args] = options.command;
  const flags = ['--no-defaults', '--verify-binlog-checksum', '-v', '--base64-output=DECODE-ROWS'];
  const child = spawn(program, [...args, ...flags, ...options.files], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const reader = new BinlogTextReader(options);
  let rest = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const done = reader.line(line);
      if (done !== null) yield await reader.complete(done);
    }
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaints.slice(-2000)}`);
}

class BinlogTextReader {
  readonly #options: BinlogTextOptions;
  readonly #layouts = new Map<string, readonly string[]>();
  readonly #rows = new RowText(this.#layouts);
  readonly #prepared = new Map<string, TrueChange[]>();
  #fileIndex = -1;
  /** Begin of the event at hand, and the end of the last. */
  #begin = 0;
  #end = 0;
  #isCompressed = false;
  #database = '';
  #group: Group | null = null;
  #statement = '';
  /** How many changes were made when it was set: the load has one at a time. */
  #savepoint = 0;

  constructor(options: BinlogTextOptions) {
    this.#options = options;
  }

  /** A transaction whose end this line is, or null. */
  line(line: string): TrueTransaction | null {
    if (line.startsWith('###')) {
      this.#rows.line(line);
      return null;
    }
    if (line.startsWith('#')) {
      this.#header(line);
      return null;
    }
    if (line.startsWith('DELIMITER')) return null;
    if (!line.endsWith('/*!*/;')) {
      this.#statement += `${line}\n`;
      return null;
    }
    const statement = (this.#statement + line.slice(0, -6)).trim();
    this.#statement = '';
    return this.#execute(statement);
  }

  /** Differences of JSON become the documents that they give. */
  async complete(transaction: TrueTransaction): Promise<TrueTransaction> {
    const changes: TrueChange[] = [];
    for (const change of transaction.changes) {
      const entry = Object.entries(change.row ?? {}).find(([, value]) => value?.startsWith(EXPRESSION_MARK));
      if (entry === undefined) {
        changes.push(change);
        continue;
      }
      const [name, value] = entry;
      const old = change.old?.[name] ?? null;
      if (old === null || old === UNCHANGED) throw new Error(`no old ${name} for ${value}`);
      const index = this.#layouts.get(change.table)!.indexOf(name) + 1;
      const result = await this.#options.evaluate(value!.slice(EXPRESSION_MARK.length), `@${index}`, old);
      changes.push({ ...change, row: { ...change.row, [name]: result } });
    }
    return { ...transaction, changes };
  }

  get #here(): bigint {
    return binlogPosition(this.#options.files[this.#fileIndex] ?? '.0', this.#begin);
  }

  #header(line: string): void {
    // Of the places in such lines MariaDB's program gives several in advance: an event begins where the one before ends.
    if (line.startsWith('# at ')) {
      if (this.#rows.hasRows) this.#closeRows();
      return;
    }
    if (line.startsWith('# Start of compressed events')) this.#isCompressed = true;
    if (line.startsWith('# End of compressed events')) {
      this.#closeRows();
      this.#isCompressed = false;
    }
    const event = /^#\d{6} +[\d:]+ server id \d+ +end_log_pos (\d+) (?:CRC32 0x[0-9a-f]+ )?\t?(.*)$/.exec(line);
    if (event === null) return;
    const [, end = '', what = ''] = event;
    if (!this.#isCompressed) {
      this.#begin = what.startsWith('Start: binlog') ? MAGIC_BYTES : this.#end;
      this.#end = Number(end);
    }
    if (what.startsWith('Start: binlog')) {
      // No transaction goes on in another file.
      this.#closeRows();
      this.#group = null;
      this.#fileIndex++;
    } else if (/^(Write|Update|Delete)_\w*rows/.test(what)) {
      this.#rows.event(this.#here);
    } else if (/^GTID \d/.test(what)) {
      this.#group = { id: what.split(' ')[1]!, changes: [], tableEvents: [] };
    }
  }

  #closeRows(): void {
    const changes = this.#rows.take();
    if (changes.length === 0) return;
    if (this.#group === null) throw new Error(`a row of ${changes[0]!.table} outside of a transaction`);
    for (const change of changes) this.#group.changes.push(change);
  }

  #execute(text: string): TrueTransaction | null {
    this.#closeRows();
    // Settings of the session come first, each with an end of its own or before the statement.
    const statement = text.replace(/^(\/\*M?![\s\S]*?\*\/;?\s*)+/, '').trim();
    const gtid = /^SET @@SESSION\.GTID_NEXT= '([^']*)'/.exec(statement)?.[1];
    if (gtid !== undefined) {
      if (gtid !== 'AUTOMATIC') {
        this.#group = { id: gtid === 'ANONYMOUS' ? null : gtid, changes: [], tableEvents: [] };
      }
      return null;
    }
    const use = /^use `(\w+)`$/.exec(statement);
    if (use !== null) {
      this.#database = use[1]!;
      return null;
    }
    const xa = /^XA (START|END|PREPARE|COMMIT|ROLLBACK) (\S+)( ONE PHASE)?$/.exec(statement);
    if (xa !== null) return this.#xa(xa[1]!, xa[2]!, xa[3] !== undefined);
    if (statement === 'COMMIT') return this.#commit(this.#group?.changes ?? []);
    // What is rolled back to one is usually not in the log at all.
    if (/^SAVEPOINT /.test(statement)) {
      this.#savepoint = this.#group?.changes.length ?? 0;
      return null;
    }
    if (/^ROLLBACK TO /.test(statement)) {
      this.#group?.changes.splice(this.#savepoint);
      return null;
    }
    // Of a file's begin, or added by mysqlbinlog.
    if (/^(BEGIN|START TRANSACTION|ROLLBACK.*|SET .*|)$/s.test(statement)) return null;
    this.#ddl(statement);
    return this.#commit([]);
  }

  #commit(changes: readonly TrueChange[]): TrueTransaction | null {
    const group = this.#group;
    this.#group = null;
    if (group === null) return null;
    const end = binlogPosition(this.#options.files[this.#fileIndex]!, this.#end);
    return { id: group.id, end, changes, tableEvents: group.tableEvents };
  }

  #xa(verb: string, xid: string, isOnePhase: boolean): TrueTransaction | null {
    const changes = this.#group?.changes ?? [];
    // They become changes here, not where they were made.
    const moved = (all: readonly TrueChange[]) =>
      all.map((one) => ({ ...one, position: this.#here, upTo: this.#here }));
    switch (verb) {
      case 'PREPARE':
        this.#prepared.set(xid, changes);
        return this.#commit([]);
      case 'COMMIT': {
        const committed = isOnePhase ? changes : (this.#prepared.get(xid) ?? []);
        this.#prepared.delete(xid);
        return this.#commit(moved(committed));
      }
      case 'ROLLBACK':
        this.#prepared.delete(xid);
        return this.#commit([]);
      default:
        return null;
    }
  }

  #ddl(statement: string): void {
    if (this.#database !== this.#options.database) return;
    const name = (table: string) => `${this.#database}.${table}`;
    const events = this.#group?.tableEvents ?? [];
    const emptied = /^(?:DROP TABLE(?: IF EXISTS)?|TRUNCATE(?: TABLE)?) `?(\w+)`?/i.exec(statement);
    if (emptied !== null) events.push({ kind: 'emptied', table: name(emptied[1]!) });
    if (/^RENAME TABLE/i.test(statement)) {
      for (const [, from = '', to = ''] of statement.matchAll(/(\w+) TO (\w+)/g)) {
        events.push({ kind: 'renamed', from: name(from), to: name(to) });
      }
    }
    for (const [, table = '', columns = ''] of statement.matchAll(/\/\* columns (\w+): ([\w,]+) \*\//g)) {
      this.#layouts.set(name(table), columns.split(','));
    }
  }
}
