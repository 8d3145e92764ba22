import type { WrittenLog } from './crash-log.ts';
import type { CrashDatabase, CrashTable } from './database.ts';
import { LogEntries } from './log-entries.ts';
import { TableJudge } from './table-judge.ts';
import type { Columns, TableEvent, TrueTransaction } from './truth.ts';

export interface Verdict {
  /** Records in the log. */
  readonly records: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Rows of snapshots that were interrupted, in a log that cannot withdraw them. */
  readonly interrupted: number;
  /** What is wrong, the first difference of each table first; empty when the log is right. */
  readonly differences: readonly string[];
}

export interface VerifyOptions {
  readonly database: CrashDatabase;
  readonly log: WrittenLog;
  readonly topicPrefix: string;
}

/**
 * Compares the log with what the database says was committed, record by record and in commit order: the rows of the
 * snapshot are the state at the snapshot's position, what follows are the changes committed after it. Then folds
 * the log into a state per table and compares that with what SELECT gives now.
 */
export async function verifyLog(options: VerifyOptions): Promise<Verdict> {
  const { log, topicPrefix, database } = options;
  const keepsInterrupted = log.repetitions.keepsInterruptedSnapshots;
  const judges = new Map<string, TableJudge>();
  const entriesOf = async ({ name }: CrashTable): Promise<LogEntries | null> => {
    const topic = `${topicPrefix}.${name}`;
    return log.topics.has(topic) ? LogEntries.open(log, topic, database) : null;
  };
  for (const table of database.tables) {
    judges.set(table.name, new TableJudge(table, await entriesOf(table), keepsInterrupted));
  }
  let snapshot = 0n;
  for (const judge of judges.values()) {
    const position = await judge.readSnapshots();
    if (position > snapshot) snapshot = position;
  }
  const unseen = new Set<string>();
  for (const table of database.tables) {
    const entries = await entriesOf(table);
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
    duplicated: log.repetitions.records + sum((judge) => judge.duplicated),
    interrupted: sum((judge) => judge.interrupted),
    differences: [...log.repetitions.excesses, ...all.flatMap((judge) => judge.differences)],
  };
}

/**
 * Transactions that were committed just before the snapshot's position and yet not visible to it: the log streams them.
 * That the snapshot has none of their rows, and that no other one is missing, is what the comparison then finds out.
 */
async function collectUnseen(entries: LogEntries, snapshot: bigint, unseen: Set<string>): Promise<void> {
  for (let partition = 0; partition < entries.partitions; partition++) {
    for (let entry = await entries.take(partition); entry !== null; entry = await entries.take(partition)) {
      if (entry.op === 'r' || entry.op === 'tombstone') continue;
      if (entry.position >= snapshot) break;
      if (entry.id !== null) unseen.add(entry.id);
    }
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
