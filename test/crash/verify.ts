import type { SqliteLog } from '../../src/logs/sqlite/log.ts';
import { ADDED_COLUMN_PREFIX, type CrashDatabase, type CrashTable } from './database.ts';
import { columnDifference, describe, difference, type Entry, expectedEntries } from './expected.ts';
import { LogEntries } from './log-entries.ts';
import { type Columns, isLogged, type TableEvent, type TrueChange, type TrueTransaction } from './truth.ts';

export interface Verdict {
  /** Records in the log. */
  readonly records: number;
  readonly lost: number;
  readonly duplicated: number;
  /** What is wrong, the first difference of each table first; empty when the log is right. */
  readonly differences: readonly string[];
}

export interface VerifyOptions {
  readonly database: CrashDatabase;
  readonly log: SqliteLog;
  readonly topicPrefix: string;
}

/**
 * Compares the log with what the database says was committed, record by record and in commit order: the rows of the
 * snapshot are the state at the snapshot's position, what follows are the changes committed after it. Then folds
 * the log into a state per table and compares that with what SELECT gives now.
 */
export async function verifyLog(options: VerifyOptions): Promise<Verdict> {
  const { log, topicPrefix, database } = options;
  const topics = new Set((await log.topics()).map(({ topic }) => topic));
  const judges = new Map<string, TableJudge>();
  const entriesOf = ({ name }: CrashTable): LogEntries | null => {
    const topic = `${topicPrefix}.${name}`;
    return topics.has(topic) ? new LogEntries(log, topic, database) : null;
  };
  for (const table of database.tables) judges.set(table.name, new TableJudge(table, entriesOf(table)));
  let snapshot = 0n;
  for (const judge of judges.values()) {
    const position = await judge.readSnapshots();
    if (position > snapshot) snapshot = position;
  }
  const unseen = new Set<string>();
  for (const table of database.tables) {
    const entries = entriesOf(table);
    if (entries !== null) await collectUnseen(entries, snapshot, unseen);
  }
  // What is streamed of the time before the snapshot's position is held back until the snapshot was judged without it.
  const heldBack: TrueTransaction[] = [];
  const judgeChanges = async ({ id, changes, tableEvents = [] }: TrueTransaction) => {
    for (const change of changes) await judges.get(change.table)?.judgeChange(change, id);
    moveRows(tableEvents, judges, 'loggedState');
  };
  let isStreaming = false;
  const beginStreaming = async () => {
    isStreaming = true;
    for (const judge of judges.values()) judge.judgeSnapshot(snapshot);
    for (const transaction of heldBack) await judgeChanges(transaction);
  };
  for await (const transaction of database.truth()) {
    if (!isStreaming && transaction.end > snapshot) await beginStreaming();
    if (isStreaming) await judgeChanges(transaction);
    else if (transaction.id !== null && unseen.has(transaction.id)) heldBack.push(transaction);
    else {
      for (const change of transaction.changes) judges.get(change.table)?.apply(change);
      moveRows(transaction.tableEvents ?? [], judges, 'trueState');
    }
  }
  if (!isStreaming) await beginStreaming();
  for (const [name, judge] of judges) {
    await judge.judgeEnd();
    judge.judgeState(await database.rows(database.tables.find((table) => table.name === name)!));
  }
  const all = [...judges.values()];
  const sum = (count: (judge: TableJudge) => number) => all.reduce((total, judge) => total + count(judge), 0);
  return {
    records: sum((judge) => judge.records),
    lost: sum((judge) => judge.lost),
    duplicated: sum((judge) => judge.duplicated),
    differences: all.flatMap((judge) => judge.differences),
  };
}

/**
 * Transactions that were committed just before the snapshot's position and yet not visible to it: the log streams them.
 * That the snapshot has none of their rows, and that no other one is missing, is what the comparison then finds out.
 */
async function collectUnseen(entries: LogEntries, snapshot: bigint, unseen: Set<string>): Promise<void> {
  for (let entry = await entries.take(); entry !== null; entry = await entries.take()) {
    if (entry.op === 'r' || entry.op === 'tombstone') continue;
    if (entry.position >= snapshot) return;
    if (entry.id !== null) unseen.add(entry.id);
  }
}

/** DDL empties tables and renames them: of its rows no change tells. */
function moveRows(
  events: readonly TableEvent[],
  judges: ReadonlyMap<string, TableJudge>,
  state: 'trueState' | 'loggedState',
): void {
  const elsewhere = new Map<string, Map<string, Columns>>();
  for (const event of events) {
    if (event.kind === 'emptied') {
      judges.get(event.table)?.[state].clear();
      continue;
    }
    const from = judges.get(event.from)?.[state] ?? elsewhere.get(event.from);
    const to = judges.get(event.to)?.[state] ?? new Map<string, Columns>();
    to.clear();
    for (const [id, row] of from ?? []) to.set(id, row);
    from?.clear();
    elsewhere.set(event.to, to);
  }
}

/** No change tells that older rows got a new column with its default, or lost one: columns of DDL are compared in changes only. */
function settled(row: Columns): Columns {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith(ADDED_COLUMN_PREFIX)));
}

/** A difference of each kind and table is told in full; the counts tell the rest. */
const MAX_DIFFERENCES = 5;

class TableJudge {
  readonly #table: string;
  readonly #hasKey: boolean;
  readonly #entries: LogEntries | null;
  /** What the truth says the table holds, until the snapshot's position. */
  readonly trueState = new Map<string, Columns>();
  /** What a consumer of the topic believes the table holds. */
  readonly loggedState = new Map<string, Columns>();
  readonly #differences: string[] = [];
  /** Rows of each attempt at a snapshot, by its position. */
  readonly #attempts: { readonly position: bigint; readonly rows: Map<string, Entry> }[] = [];
  /** From the first difference on, what was expected and what was found are counted instead of compared in step. */
  #surplus: Map<string, number> | null = null;
  lost = 0;
  duplicated = 0;

  constructor({ name, hasKey }: CrashTable, entries: LogEntries | null) {
    this.#table = name;
    this.#hasKey = hasKey;
    this.#entries = entries;
  }

  get records(): number {
    return this.#entries?.taken ?? 0;
  }

  get differences(): readonly string[] {
    return this.#differences;
  }

  /** Takes the snapshot rows at the topic's head and gives the position of the last attempt, 0 without any. */
  async readSnapshots(): Promise<bigint> {
    for (let entry = await this.#peek(); entry?.op === 'r'; entry = await this.#peek()) {
      await this.#entries!.take();
      let attempt = this.#attempts.at(-1);
      if (attempt === undefined || attempt.position !== entry.position) {
        attempt = { position: entry.position, rows: new Map() };
        this.#attempts.push(attempt);
      }
      const id = this.#rowId(entry.after!);
      if (attempt.rows.has(id))
        this.#duplicate(`the snapshot at ${entry.position} has a row twice: ${describe(entry)}`);
      attempt.rows.set(id, entry);
    }
    return this.#attempts.at(-1)?.position ?? 0n;
  }

  /** A change that the snapshot has seen. */
  apply({ op, old, row }: TrueChange): void {
    const state = this.trueState;
    if (op === 'DELETE') {
      state.delete(this.#rowId(old!));
      return;
    }
    const oldId = this.#rowId(old ?? row!);
    const known = state.get(oldId) ?? {};
    state.delete(oldId);
    const kept = Object.entries(row!).map(([name, value]) => [name, isLogged(value) ? value : (known[name] ?? null)]);
    state.set(this.#rowId(row!), Object.fromEntries(kept));
  }

  /** The last attempt must be exactly the state at its position. */
  judgeSnapshot(position: bigint): void {
    for (const { position: earlier, rows } of this.#attempts.slice(0, -1)) {
      this.duplicated += rows.size;
      this.#differ(
        `the snapshot at ${earlier}, which was interrupted, left ${rows.size} rows that the next one repeats`,
      );
    }
    const last = this.#attempts.at(-1);
    const rows = last?.position === position ? last.rows : new Map<string, Entry>();
    for (const [id, expected] of this.trueState) {
      const entry = rows.get(id);
      if (entry === undefined) this.#lose(`the snapshot at ${position} has no row ${id}`);
      else {
        const what = columnDifference(settled(expected), entry.after, 'at least');
        if (what !== null) this.#differ(`the snapshot at ${position} has row ${id} otherwise: ${what}`);
      }
    }
    for (const [id, entry] of rows) {
      if (!this.trueState.has(id)) this.#differ(`the snapshot at ${position} has row ${id}, which did not exist then`);
      this.loggedState.set(id, entry.after!);
    }
    this.trueState.clear();
  }

  async judgeChange(change: TrueChange, id: string | null): Promise<void> {
    // A changed key makes a new row, whose image may leave out what the old one was told to hold.
    const known = this.loggedState.get(this.#rowId(change.old ?? change.row!)) ?? {};
    for (const expected of expectedEntries(change, id, this.#hasKey)) {
      if (this.#surplus !== null) {
        this.#count(expected, -1);
        continue;
      }
      const actual = await this.#peek();
      const what = actual === null ? 'the topic ends' : difference(expected, actual);
      if (what === null) {
        await this.#entries!.take();
        this.#fold(actual!, change.row, known);
      } else {
        const found = actual === null ? 'nothing' : describe(actual);
        this.#differ(`record ${this.records}: expected ${describe(expected)}, found ${found}: ${what}`);
        this.#surplus = new Map();
        this.#count(expected, -1);
      }
    }
  }

  /** Nothing may follow the last change. */
  async judgeEnd(): Promise<void> {
    for (let entry = await this.#peek(); entry !== null; entry = await this.#peek()) {
      if (this.#surplus === null) {
        this.#differ(`record ${this.records}: ${describe(entry)} was never committed, or is a repetition`);
        this.#surplus = new Map();
      }
      await this.#entries!.take();
      this.#count(entry, 1);
      this.#fold(entry);
    }
    for (const surplus of this.#surplus?.values() ?? []) {
      if (surplus > 0) this.duplicated += surplus;
      else this.lost -= surplus;
    }
  }

  /** Streamed state == what SELECT gives. */
  judgeState(rows: readonly Columns[]): void {
    for (const row of rows) {
      const id = this.#rowId(row);
      const logged = this.loggedState.get(id);
      if (logged === undefined) {
        this.#differ(`the table has row ${id}, the log's state has not`);
        continue;
      }
      this.loggedState.delete(id);
      const what = columnDifference(settled(logged), row, 'at least');
      if (what !== null) this.#differ(`row ${id} differs between the table and the log's state: ${what}`);
    }
    const [extra] = this.loggedState.keys();
    if (extra !== undefined) {
      this.#differ(`the log's state has ${this.loggedState.size} rows that the table has not, such as ${extra}`);
    }
  }

  async #peek(): Promise<Entry | null> {
    return this.#entries === null ? null : this.#entries.peek();
  }

  #rowId(columns: Columns): string {
    return (this.#hasKey ? columns.id : columns.n) ?? 'NULL';
  }

  #fold({ op, key, before, after }: Entry, truth: Columns | null = null, known: Columns = {}): void {
    if (op === 'tombstone') return;
    if (op === 'd') {
      this.loggedState.delete(this.#rowId(key ?? before!));
      return;
    }
    const id = this.#rowId(after!);
    const row = Object.entries(after!).map(([name, value]) => [
      name,
      isLogged(truth?.[name]) ? value : (known[name] ?? null),
    ]);
    this.loggedState.set(id, Object.fromEntries(row));
  }

  #count(entry: Entry, by: number): void {
    const id =
      entry.op === 'tombstone'
        ? `tombstone ${entry.key?.id}`
        : `${entry.op} ${entry.id} ${entry.key?.id} ${entry.after?.n}`;
    const sum = (this.#surplus!.get(id) ?? 0) + by;
    if (sum === 0) this.#surplus!.delete(id);
    else this.#surplus!.set(id, sum);
  }

  #lose(what: string): void {
    this.lost++;
    this.#differ(what);
  }

  #duplicate(what: string): void {
    this.duplicated++;
    this.#differ(what);
  }

  #differ(what: string): void {
    if (this.#differences.length < MAX_DIFFERENCES) this.#differences.push(`${this.#table}: ${what}`);
  }
}
