import type { SqliteLog } from '../../src/logs/sqlite/log.ts';
import type { LogRecord } from '../../src/model/record.ts';
import type { CrashDatabase } from './database.ts';
import type { Entry } from './expected.ts';
import type { Columns } from './truth.ts';

interface Envelope {
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
  readonly source: Readonly<Record<string, unknown>>;
  readonly op: 'r' | 'c' | 'u' | 'd';
}

/** The records of a table's topic, as a consumer reads them; one can be looked at before it is taken. */
export class LogEntries {
  readonly #records: AsyncIterator<LogRecord>;
  readonly #database: CrashDatabase;
  #next: Entry | null = null;
  #hasNext = false;
  /** Records taken so far. */
  taken = 0;

  constructor(log: SqliteLog, topic: string, database: CrashDatabase) {
    this.#database = database;
    this.#records = log.read({ topic, partition: 0, from: 0 })[Symbol.asyncIterator]();
  }

  async peek(): Promise<Entry | null> {
    if (!this.#hasNext) {
      const { done, value } = await this.#records.next();
      this.#next = done === true ? null : parseRecord(value, this.#database);
      this.#hasNext = true;
    }
    return this.#next;
  }

  async take(): Promise<Entry | null> {
    const entry = await this.peek();
    this.#hasNext = false;
    if (entry !== null) this.taken++;
    return entry;
  }
}

function parseRecord({ key, value }: LogRecord, database: CrashDatabase): Entry {
  const keyColumns = key === null ? null : columns(JSON.parse(key.toString()), database);
  if (value === null) return { op: 'tombstone', position: 0n, id: null, key: keyColumns, before: null, after: null };
  const { before, after, source, op } = JSON.parse(value.toString()) as Envelope;
  return {
    op,
    ...database.locate(source),
    key: keyColumns,
    before: columns(before, database),
    after: columns(after, database),
  };
}

/** Numbers and texts alike become the server's text: no column of the load has another form in JSON. */
function columns(row: Record<string, unknown> | null, database: CrashDatabase): Columns | null {
  if (row === null) return null;
  const textOf = (value: unknown) => (value === null ? null : database.normalise(String(value)));
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)]));
}
