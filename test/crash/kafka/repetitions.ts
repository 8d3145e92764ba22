import { createHash } from 'node:crypto';
import type { LogRecord } from '../../../src/model/record.ts';
import type { TopicDump } from '../../services/topic-dump.ts';

/** A record that was delivered before, by another run of the task. */
export interface Repetition {
  readonly topic: string;
  readonly partition: number;
  readonly run: string;
  /** The append that has delivered it last: its run and its timestamp, which all records of an append share. */
  readonly before: { readonly run: string; readonly timestampMs: number };
  readonly record: LogRecord;
}

export interface RepetitionReport {
  readonly repetitions: readonly Repetition[];
  /** What no order of crashes and restarts explains. */
  readonly problems: readonly string[];
  /** Whether a record is there already, nearer to the beginning. */
  isRepeated(record: Pick<LogRecord, 'topic' | 'partition' | 'offset'>): boolean;
}

interface Delivered {
  readonly run: string;
  readonly timestampMs: number;
}

const RUN_HEADER = '__debezium.context.runId';

/**
 * Finds what topics hold more than once. A task that is started again begins with what came behind its stored offset: so the
 * repeated records of a run stand at its beginning in each partition, in the order they had, and a run never writes one twice.
 */
export function findRepetitions(dump: Pick<TopicDump, 'topics' | 'read'>): RepetitionReport {
  const repetitions: Repetition[] = [];
  const problems: string[] = [];
  const repeated = new Map<string, Set<number>>();
  for (const [topic, partitions] of dump.topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const name = `${topic}:${partition}`;
      const offsets = new Set<number>();
      repeated.set(name, offsets);
      const seen = new Map<string, Delivered & { readonly place: number }>();
      const progress = new Map<string, { isPast: boolean; place: number }>();
      let place = 0;
      let previous = '';
      for (const record of dump.read(topic, partition)) {
        // A tombstone has nothing of its own to be told by: it belongs to the deletion before it.
        const identity = record.value === null ? `${previous} tombstone` : identityOf(record);
        previous = identity;
        const run = runOf(record);
        const at = progress.get(run) ?? { isPast: false, place: -1 };
        progress.set(run, at);
        const before = seen.get(identity);
        if (before === undefined) {
          at.isPast = true;
          seen.set(identity, { run, timestampMs: record.timestampMs, place: place++ });
          continue;
        }
        const where = `${name}, offset ${record.offset}`;
        if (before.run === run) problems.push(`${where}: run ${run} has written a record twice`);
        else if (at.isPast) problems.push(`${where}: run ${run} repeats a record after it has written new ones`);
        else if (before.place < at.place) problems.push(`${where}: run ${run} repeats records in another order`);
        at.place = before.place;
        offsets.add(record.offset);
        repetitions.push({ topic, partition, run, before, record });
        seen.set(identity, { run, timestampMs: record.timestampMs, place: before.place });
      }
    }
  }
  return {
    repetitions,
    problems,
    isRepeated: ({ topic, partition, offset }) => repeated.get(`${topic}:${partition}`)?.has(offset) === true,
  };
}

/** What at-least-once allows: of what each run repeats, everything was in the one append that was in flight when the run before ended. */
export function beyondOneAppend(repetitions: readonly Repetition[]): string[] {
  const appends = new Map<string, Map<string, number>>();
  for (const { run, before } of repetitions) {
    const of = appends.get(run) ?? new Map<string, number>();
    appends.set(run, of);
    const append = `${before.run} at ${before.timestampMs}`;
    of.set(append, (of.get(append) ?? 0) + 1);
  }
  return [...appends]
    .filter(([, of]) => of.size > 1)
    .map(([run, of]) => {
      const told = [...of].map(([append, records]) => `${records} records of the append of ${append}`);
      return `run ${run} repeats more than one append: ${told.join(', ')}`;
    });
}

export function countPerRun(repetitions: readonly Repetition[]): number[] {
  const counts = new Map<string, number>();
  for (const { run } of repetitions) counts.set(run, (counts.get(run) ?? 0) + 1);
  return [...counts.values()];
}

/** The times of processing close the envelope. */
const PROCESSING_TIMES = /"ts_ms":\d+(?:,"ts_us":\d+,"ts_ns":\d+)?\}$/;
/** Who has read it opens the source block. */
const VERSION = /("source":\{"version":)"[^"]*"/;
/** Postgres: the commit before is not known to who begins with this transaction. */
const COMMIT_BEFORE = /("sequence":"\[)(?:null|\\"\d+\\")/;

/** All that two readers of one change must agree on. */
function identityOf({ key, value }: LogRecord): string {
  const text = value!.toString().replace(PROCESSING_TIMES, '').replace(VERSION, '$1').replace(COMMIT_BEFORE, '$1');
  return createHash('sha1')
    .update(key === null ? '' : key)
    .update('\0')
    .update(text)
    .digest('base64');
}

function runOf({ headers }: LogRecord): string {
  return headers.find(({ key }) => key === RUN_HEADER)?.value?.toString() ?? 'unknown';
}
