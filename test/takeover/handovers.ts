import type { SourceOffset } from '../../src/model/log.ts';
import type { Repetition } from '../crash/kafka/repetitions.ts';
import type { TopicDump } from '../services/topic-dump.ts';
import type { Owner } from './offset-watch.ts';

export interface Handover {
  readonly owner: Owner;
  /** The stored offset that it began with. */
  readonly from: SourceOffset | null;
  /** And the one that it left. */
  readonly to: SourceOffset | null;
  readonly end: 'stopped' | 'killed';
}

/** One reader's time, and what it did. */
export interface Tenure extends Handover {
  readonly records: number;
  /** Of them, those that were on the topics already. */
  readonly repeated: number;
  /** Transactions that these belong to. */
  readonly transactions: number;
}

interface Envelope {
  readonly source: Readonly<Record<string, unknown>>;
}

/** Who has read when, and what each of them has written again. */
export class Handovers {
  readonly #list: Handover[] = [];

  add(handover: Handover): void {
    this.#list.push(handover);
  }

  describeLast(count: number): string {
    return this.#list
      .slice(-count)
      .map(({ owner, end, to }) => `${owner} ${end} at ${JSON.stringify(to)}`)
      .join('; ');
  }

  /**
   * Runs of a task are told by their records' headers; their order in time is that of the tenures, one run each. After a reader
   * that was stopped in order nothing is repeated but of the one transaction that was open then.
   */
  judge(
    dump: Pick<TopicDump, 'topics' | 'read'>,
    repetitions: readonly Repetition[],
  ): { readonly tenures: readonly Tenure[]; readonly excesses: readonly string[] } {
    const runs = runsOf(dump);
    const excesses: string[] = [];
    if (runs.length !== this.#list.length) {
      excesses.push(`${this.#list.length} readers had their turn, but records are of ${runs.length} runs`);
    }
    const tenures = this.#list.map((handover, index): Tenure => {
      const { run = '', records = 0 } = runs[index] ?? {};
      const own = repetitions.filter((repetition) => repetition.run === run);
      const transactions = new Set<string>();
      const who = `${handover.owner} in turn ${index + 1}`;
      for (const { record } of own) {
        if (record.value === null) continue;
        const { source } = JSON.parse(record.value.toString()) as Envelope;
        transactions.add(String(source.txId ?? source.gtid ?? 'none'));
      }
      const before = this.#list[index - 1];
      if (before?.end === 'stopped' && transactions.size > 1) {
        excesses.push(`${who} repeats ${transactions.size} transactions, though ${before.owner} was stopped in order`);
      }
      return { ...handover, records, repeated: own.length, transactions: transactions.size };
    });
    return { tenures, excesses };
  }
}

function runsOf(dump: Pick<TopicDump, 'topics' | 'read'>): { readonly run: string; readonly records: number }[] {
  const runs = new Map<string, { first: number; records: number }>();
  for (const [topic, partitions] of dump.topics) {
    for (let partition = 0; partition < partitions; partition++) {
      for (const { headers, timestampMs } of dump.read(topic, partition)) {
        const run = headers.find(({ key }) => key === '__debezium.context.runId')?.value?.toString() ?? 'unknown';
        const known = runs.get(run) ?? { first: timestampMs, records: 0 };
        runs.set(run, { first: Math.min(known.first, timestampMs), records: known.records + 1 });
      }
    }
  }
  return [...runs].sort(([, a], [, b]) => a.first - b.first).map(([run, { records }]) => ({ run, records }));
}
