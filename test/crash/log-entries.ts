import type { LogRecord } from '../../src/model/record.ts';
import type { WrittenLog } from './crash-log.ts';
import type { CrashDatabase } from './database.ts';
import type { Entry } from './expected.ts';
import type { Columns } from './truth.ts';

interface Envelope {
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
  readonly source: Readonly<Record<string, unknown>>;
  readonly op: 'r' | 'c' | 'u' | 'd';
}

interface Lane {
  readonly records: AsyncIterator<LogRecord> | Iterator<LogRecord>;
  next: Entry | null;
  hasNext: boolean;
}

/** The records of a table's topic, as a consumer reads them; one can be looked at before it is taken. */
export class LogEntries {
  readonly #lanes: readonly Lane[];
  readonly #database: CrashDatabase;
  /** Partition of each key. */
  readonly #laneOf: ReadonlyMap<string, number>;
  /** Keys that are in more than one partition. */
  readonly strayed: readonly string[];
  /** Records taken so far. */
  taken = 0;

  static async open(log: WrittenLog, topic: string, database: CrashDatabase): Promise<LogEntries> {
    const partitions = log.topics.get(topic)!;
    const laneOf = new Map<string, number>();
    const strayed: string[] = [];
    for (let partition = 0; partitions > 1 && partition < partitions; partition++) {
      for await (const record of log.read(topic, partition)) {
        const key = keyText(parseRecord(record, database).key);
        const other = laneOf.get(key) ?? partition;
        if (other !== partition) strayed.push(`${key} is in partitions ${other} and ${partition}`);
        laneOf.set(key, partition);
      }
    }
    const lanes = Array.from({ length: partitions }, (_, partition) => {
      const records = log.read(topic, partition);
      const iterator = Symbol.asyncIterator in records ? records[Symbol.asyncIterator]() : records[Symbol.iterator]();
      return { records: iterator, next: null, hasNext: false };
    });
    return new LogEntries(lanes, { database, laneOf, strayed });
  }

  private constructor(
    lanes: readonly Lane[],
    about: { database: CrashDatabase; laneOf: ReadonlyMap<string, number>; strayed: readonly string[] },
  ) {
    this.#lanes = lanes;
    this.#database = about.database;
    this.#laneOf = about.laneOf;
    this.strayed = about.strayed;
  }

  get partitions(): number {
    return this.#lanes.length;
  }

  /** Where records of this key are. Null: nowhere. */
  partitionOf(key: Columns | null): number | null {
    return this.#lanes.length === 1 ? 0 : (this.#laneOf.get(keyText(key)) ?? null);
  }

  async peek(partition: number): Promise<Entry | null> {
    const lane = this.#lanes[partition]!;
    if (!lane.hasNext) {
      const { done, value } = await lane.records.next();
      lane.next = done === true ? null : parseRecord(value as LogRecord, this.#database);
      lane.hasNext = true;
    }
    return lane.next;
  }

  async take(partition: number): Promise<Entry | null> {
    const entry = await this.peek(partition);
    this.#lanes[partition]!.hasNext = false;
    if (entry !== null) this.taken++;
    return entry;
  }
}

function keyText(key: Columns | null): string {
  return key === null ? 'no key' : JSON.stringify(Object.entries(key).sort());
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
