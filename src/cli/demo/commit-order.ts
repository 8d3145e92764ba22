import type { SqliteLog } from '../../logs/sqlite/log.ts';
import type { LogRecord } from '../../model/record.ts';

/** A record and the tombstone that follows it, which has no place of its own in the database's log. */
interface Placed {
  readonly commitLsn: number;
  readonly lsn: number;
  readonly records: LogRecord[];
}

/** Reads on through all topics of a log, and puts what they got since the last look into the order of the commits. */
export class CommitOrderReader {
  readonly #log: SqliteLog;
  readonly #next = new Map<string, number>();

  constructor(log: SqliteLog) {
    this.#log = log;
  }

  /** An append is all or nothing over its topics, so that no commit is seen in parts. */
  async read(): Promise<readonly LogRecord[]> {
    const found: Placed[] = [];
    for (const { topic, partitions } of await this.#log.topics()) {
      for (const { partition, endOffset } of partitions) {
        const key = `${topic}/${partition}`;
        const from = this.#next.get(key) ?? 0;
        if (from === endOffset) continue;
        for await (const record of this.#log.read({ topic, partition, from })) {
          if (record.offset >= endOffset) break;
          if (record.value !== null || found.length === 0) found.push({ ...placeOf(record), records: [record] });
          else found.at(-1)!.records.push(record);
        }
        this.#next.set(key, endOffset);
      }
    }
    found.sort((a, b) => a.commitLsn - b.commitLsn || a.lsn - b.lsn);
    return found.flatMap(({ records }) => records);
  }
}

/** `source.sequence` is `["<LSN of the commit before>","<LSN>"]`; snapshot rows have no commit before them. */
function placeOf(record: LogRecord): Omit<Placed, 'records'> {
  if (record.value === null) return { commitLsn: 0, lsn: 0 };
  const { source } = JSON.parse(record.value.toString('utf8')) as { readonly source: { readonly sequence: string } };
  const [commitLsn, lsn] = JSON.parse(source.sequence) as readonly (string | null)[];
  return { commitLsn: Number(commitLsn ?? 0), lsn: Number(lsn ?? 0) };
}
