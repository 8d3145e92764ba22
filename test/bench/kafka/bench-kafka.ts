import type { Row } from '../report.ts';
import { startMeasuredServer } from '../scene.ts';
import type { Usage } from '../tailrace.ts';
import type { Engine } from './engines.ts';
import { measureKafkaLatency } from './latency.ts';
import { startKafkaScene } from './scene.ts';
import { measureKafkaStream } from './stream.ts';

export interface KafkaBenchOptions {
  readonly rows: number;
  readonly repeats: number;
  readonly seconds: number;
  readonly parts: ReadonlySet<string>;
  /** Without Debezium, against which everything is judged. */
  readonly alone: boolean;
  readonly nodeArgs: readonly string[];
}

type Note = (...rows: readonly Row[]) => void;

const PREFIX = { debezium: 'debezium', plain: 'kafka', 'exactly-once': 'kafkaExactlyOnce' } as const;
const WHO = { debezium: 'the tuned Debezium', plain: 'tailrace', 'exactly-once': 'tailrace, exactly once' } as const;

/** Postgres into Kafka, the broker on the same machine: tailrace in both ways of delivery, Debezium, and pg_recvlogical. */
export async function benchKafka(options: KafkaBenchOptions, note: Note): Promise<void> {
  const engines: Engine[] = options.alone ? ['plain', 'exactly-once'] : ['debezium', 'plain', 'exactly-once'];
  await using server = await startMeasuredServer();
  await using scene = await startKafkaScene();
  if (options.parts.has('stream')) {
    const { rows, repeats, nodeArgs } = options;
    const { pgRecvlogical, usages } = await measureKafkaStream(scene, server, {
      changes: rows,
      repeats,
      engines,
      nodeArgs,
    });
    for (const [engine, usage] of usages) note(...streamRows(engine, usage, rows));
    const plain = usages.get('plain')!;
    note(
      {
        key: 'pgRecvlogicalRowsPerSecond',
        value: rows / pgRecvlogical.seconds,
        digits: 0,
        text: 'changes/s of pg_recvlogical into /dev/null',
      },
      {
        key: 'pgRecvlogicalCpuSecondsPerMillion',
        value: pgRecvlogical.cpuSeconds / (rows / 1e6),
        digits: 2,
        text: 'CPU-s per 1M changes of pg_recvlogical',
      },
      {
        key: 'kafkaVsPgRecvlogical',
        value: pgRecvlogical.seconds / plain.secondsSinceFirst,
        digits: 2,
        text: 'x pg_recvlogical',
      },
      {
        key: 'kafkaExactlyOnceVsPlain',
        value: plain.secondsSinceFirst / usages.get('exactly-once')!.secondsSinceFirst,
        digits: 2,
        text: 'x the plain way',
        goal: { atLeast: 0.8 },
      },
    );
    const debezium = usages.get('debezium');
    if (debezium !== undefined) note(...ratios(plain, debezium));
  }
  if (options.parts.has('latency')) {
    for (const engine of engines) {
      const { seconds, nodeArgs } = options;
      const figures = await measureKafkaLatency(scene, server, { engine, seconds, nodeArgs });
      const prefix = PREFIX[engine];
      const isJudged = engine === 'plain';
      note(
        {
          key: `${prefix}LatencyP50Ms`,
          value: figures.p50Ms,
          digits: 2,
          text: `ms commit to consumer, half of them: ${WHO[engine]}`,
          ...(isJudged ? { goal: { atMost: 3 } } : {}),
        },
        {
          key: `${prefix}LatencyP99Ms`,
          value: figures.p99Ms,
          digits: 2,
          text: 'ms commit to consumer, 99 %',
          ...(isJudged ? { goal: { atMost: 10 } } : {}),
        },
        { key: `${prefix}LatencyMaxMs`, value: figures.maxMs, digits: 1, text: 'ms commit to consumer, the slowest' },
        {
          key: `${prefix}LatencyTransactionsPerSecond`,
          value: figures.transactionsPerSecond,
          digits: 0,
          text: 'commits/s meanwhile',
        },
      );
    }
  }
}

function streamRows(engine: Engine, usage: Usage, changes: number): Row[] {
  const prefix = PREFIX[engine];
  return [
    {
      key: `${prefix}RowsPerSecond`,
      value: changes / usage.secondsSinceFirst,
      digits: 0,
      text: `changes/s to a consumer after the first batch: ${WHO[engine]}`,
    },
    {
      key: `${prefix}SecondsWithStart`,
      value: usage.seconds,
      digits: 2,
      text: engine === 'debezium' ? 's from the connector’s creation in a running JVM' : 's from the process start',
    },
    {
      key: `${prefix}CpuSecondsPerMillion`,
      value: usage.cpuSeconds / (changes / 1e6),
      digits: 2,
      text: `CPU-s per 1M changes, start-up ${engine === 'debezium' ? 'not ' : ''}included`,
    },
    {
      key: `${prefix}PeakRssMb`,
      value: usage.peakRssMb,
      digits: 0,
      text: 'MB at most while streaming',
      ...(engine === 'debezium' ? {} : { goal: { atMost: 200 } }),
    },
  ];
}

function ratios(plain: Usage, debezium: Usage): Row[] {
  return [
    {
      key: 'kafkaVsDebezium',
      value: debezium.secondsSinceFirst / plain.secondsSinceFirst,
      digits: 2,
      text: 'x the records/s of the tuned Debezium',
      goal: { atLeast: 3 },
    },
    {
      key: 'kafkaCpuVsDebezium',
      value: debezium.cpuSeconds / plain.cpuSeconds,
      digits: 2,
      text: 'x less CPU a record than the tuned Debezium',
      goal: { atLeast: 8 },
    },
    {
      key: 'kafkaRssVsDebezium',
      value: debezium.peakRssMb / plain.peakRssMb,
      digits: 2,
      text: 'x less memory than the tuned Debezium',
      goal: { atLeast: 5 },
    },
  ];
}
