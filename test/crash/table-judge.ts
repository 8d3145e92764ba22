import { ADDED_COLUMN_PREFIX, type CrashTable } from './database.ts';
import { columnDifference, describe, difference, type Entry, expectedEntries } from './expected.ts';
import type { LogEntries } from './log-entries.ts';
import { type Columns, isLogged, type TrueChange } from './truth.ts';

/** No change tells that older rows got a new column with its default, or lost one: columns of DDL are compared in changes only. */
function settled(row: Columns): Columns {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith(ADDED_COLUMN_PREFIX)));
}

/** A difference of each kind and table is told in full; the counts tell the rest. */
const MAX_DIFFERENCES = 5;

/** Compares a table's topic with what is true of the table, change by change. */
export class TableJudge {
  readonly #table: string;
  readonly #hasKey: boolean;
  readonly #entries: LogEntries | null;
  readonly #keepsInterrupted: boolean;
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
  interrupted = 0;

  constructor({ name, hasKey }: CrashTable, entries: LogEntries | null, keepsInterrupted: boolean) {
    this.#table = name;
    this.#hasKey = hasKey;
    this.#entries = entries;
    this.#keepsInterrupted = keepsInterrupted;
    for (const stray of entries?.strayed ?? []) this.#differ(stray);
  }

  get records(): number {
    return this.#entries?.taken ?? 0;
  }

  get differences(): readonly string[] {
    return this.#differences;
  }

  /** Takes the snapshot rows at the topic's head and gives the position of the last attempt, 0 without any. */
  async readSnapshots(): Promise<bigint> {
    for (const partition of this.#partitions()) {
      for (let entry = await this.#peek(partition); entry?.op === 'r'; entry = await this.#peek(partition)) {
        await this.#entries!.take(partition);
        this.#addToAttempt(entry);
      }
    }
    this.#attempts.sort((a, b) => Number(a.position - b.position));
    return this.#attempts.at(-1)?.position ?? 0n;
  }

  #addToAttempt(entry: Entry): void {
    const { position } = entry;
    let attempt = this.#attempts.find((other) => other.position === position);
    if (attempt === undefined) {
      attempt = { position, rows: new Map() };
      this.#attempts.push(attempt);
    }
    const id = this.#rowId(entry.after!);
    if (attempt.rows.has(id)) this.#duplicate(`the snapshot at ${position} has a row twice: ${describe(entry)}`);
    attempt.rows.set(id, entry);
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
      if (this.#keepsInterrupted) {
        this.interrupted += rows.size;
        continue;
      }
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
      const partition = this.#entries?.partitionOf(expected.key) ?? null;
      const actual = partition === null ? null : await this.#peek(partition);
      const what = actual === null ? 'the topic ends' : difference(expected, actual);
      if (what === null) {
        await this.#entries!.take(partition!);
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
    for (const partition of this.#partitions()) {
      for (let entry = await this.#peek(partition); entry !== null; entry = await this.#peek(partition)) {
        if (this.#surplus === null) {
          this.#differ(`record ${this.records}: ${describe(entry)} was never committed, or is a repetition`);
          this.#surplus = new Map();
        }
        await this.#entries!.take(partition);
        this.#count(entry, 1);
        this.#fold(entry);
      }
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

  #partitions(): Iterable<number> {
    return Array.from({ length: this.#entries?.partitions ?? 0 }, (_, partition) => partition);
  }

  async #peek(partition: number): Promise<Entry | null> {
    return this.#entries === null ? null : this.#entries.peek(partition);
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
