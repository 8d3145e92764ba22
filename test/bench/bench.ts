import { parseArgs } from 'node:util';
import { measureFirstEvent } from './first-event.ts';
import { benchKafka } from './kafka/bench-kafka.ts';
import { measureLatency } from './latency.ts';
import { measureMemory } from './memory.ts';
import { benchMysql } from './mysql/bench-mysql.ts';
import { ensurePostgresPrograms } from './postgres-programs.ts';
import { formatRow, type Row } from './report.ts';
import { startMeasuredServer } from './scene.ts';
import { measureSnapshot } from './snapshot.ts';
import { measureStream } from './stream.ts';

const PARTS = ['stream', 'snapshot', 'latency', 'first-event', 'memory'] as const;

const USAGE = `Measures tailrace against pg_recvlogical and psql COPY on the same data, in the same run.

  npm run bench -- [--json] [--rows 1000000] [--repeats 3] [--schemas] [--only ${PARTS.join(',')}] [--cpu-prof DIR]
  npm run bench -- --mysql [--json] [--rows 1000000] [--repeats 3] [--only stream,snapshot] [--cpu-prof DIR]
  npm run bench -- --kafka [--json] [--rows 1000000] [--repeats 3] [--only stream,latency] [--alone] [--cpu-prof DIR]

--json       one JSON object on the last line
--mysql      against mysqlbinlog, zongji's own decoding, and mysql --quick
--kafka      Postgres into Kafka, against a tuned Debezium on Kafka Connect and pg_recvlogical
--alone      without Debezium
--schemas    also stream with schemas.enable=true
--cpu-prof   write CPU profiles of the streaming and snapshot runs into DIR
`;

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '1000000' },
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    schemas: { type: 'boolean', default: false },
    mysql: { type: 'boolean', default: false },
    kafka: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    only: { type: 'string', default: PARTS.join(',') },
    'cpu-prof': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const rows = Number(args.rows);
const repeats = Number(args.repeats);
const parts = new Set(args.only.split(','));
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

if (args.help) print(USAGE);
else if (
  // Whole transactions of the mix.
  !(Number.isInteger(rows / 100) && rows > 0 && Number.isInteger(repeats) && repeats > 0) ||
  [...parts].some((part) => !(PARTS as readonly string[]).includes(part))
) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else await bench();

async function bench(): Promise<void> {
  const table: Row[] = [];
  const note = (...added: readonly Row[]): void => {
    for (const row of added) print(formatRow(row));
    table.push(...added);
  };
  const profile = args['cpu-prof'];
  const nodeArgs = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  if (args.mysql) await benchMysql({ rows, repeats, parts, nodeArgs }, note);
  else if (args.kafka) {
    ensurePostgresPrograms();
    const { alone } = args;
    await benchKafka({ rows, repeats, seconds: Number(args.seconds), parts, alone, nodeArgs }, note);
  } else await benchPostgres(nodeArgs, note);
  if (args.json)
    print(
      JSON.stringify(Object.fromEntries(table.map(({ key, value, digits }) => [key, Number(value.toFixed(digits))]))),
    );
}

async function benchPostgres(nodeArgs: readonly string[], note: (...rows: readonly Row[]) => void): Promise<void> {
  ensurePostgresPrograms();
  const peaks: number[] = [];
  await using server = await startMeasuredServer();
  if (parts.has('stream')) {
    const { plain, schemas, pgRecvlogical } = await measureStream(server, {
      changes: rows,
      repeats,
      schemas: args.schemas,
      nodeArgs,
    });
    const millions = rows / 1e6;
    peaks.push(plain.peakRssMb);
    note(
      {
        key: 'streamVsPgRecvlogical',
        value: pgRecvlogical.seconds / plain.seconds,
        digits: 2,
        text: 'x pg_recvlogical, process start to everything durable',
        goal: { atLeast: 1 },
      },
      { key: 'streamRowsPerSecond', value: rows / plain.seconds, digits: 0, text: 'changes/s into the log' },
      {
        key: 'streamCpuSecondsPerMillion',
        value: plain.cpuSeconds / millions,
        digits: 2,
        text: 'CPU-s per 1M changes, start-up included',
        goal: { atMost: 2.5 },
      },
      {
        key: 'pgRecvlogicalCpuSecondsPerMillion',
        value: pgRecvlogical.cpuSeconds / millions,
        digits: 2,
        text: 'CPU-s per 1M changes of pg_recvlogical: 3.3 to 4.3 where the goals were set',
      },
      {
        key: 'streamRowsPerSecondRunning',
        value: rows / plain.secondsSinceFirst,
        digits: 0,
        text: 'changes/s after the first batch',
      },
      {
        key: 'pgRecvlogicalRowsPerSecond',
        value: rows / pgRecvlogical.seconds,
        digits: 0,
        text: 'changes/s of pg_recvlogical into /dev/null',
      },
      { key: 'streamPeakRssMb', value: plain.peakRssMb, digits: 0, text: 'MB at most while streaming' },
    );
    if (schemas !== null) {
      peaks.push(schemas.peakRssMb);
      note(
        {
          key: 'schemasOnStreamVsPgRecvlogical',
          value: pgRecvlogical.seconds / schemas.seconds,
          digits: 2,
          text: 'x pg_recvlogical with schemas in every record',
        },
        { key: 'schemasOnRowsPerSecond', value: rows / schemas.seconds, digits: 0, text: 'changes/s with schemas' },
        {
          key: 'schemasOnCpuSecondsPerMillion',
          value: schemas.cpuSeconds / millions,
          digits: 2,
          text: 'CPU-s per 1M changes with schemas',
        },
      );
    }
  }
  if (parts.has('snapshot')) {
    const { copySeconds, tailrace } = await measureSnapshot(server, { rows, repeats, nodeArgs });
    peaks.push(tailrace.peakRssMb);
    note(
      {
        key: 'snapshotVsCopy',
        value: copySeconds / tailrace.secondsSinceFirst,
        digits: 2,
        text: 'x psql COPY, first batch to last batch durable',
        goal: { atLeast: 0.8 },
      },
      {
        key: 'snapshotRowsPerSecond',
        value: rows / tailrace.secondsSinceFirst,
        digits: 0,
        text: 'rows/s into the log',
      },
      { key: 'copyRowsPerSecond', value: rows / copySeconds, digits: 0, text: 'rows/s of psql COPY into /dev/null' },
      {
        key: 'snapshotSecondsWithStart',
        value: tailrace.seconds,
        digits: 2,
        text: 's from process start to the last row durable',
      },
      { key: 'snapshotPeakRssMb', value: tailrace.peakRssMb, digits: 0, text: 'MB at most in the snapshot' },
    );
  }
  if (parts.has('latency')) {
    const { p50Ms, p99Ms, maxMs, transactionsPerSecond } = await measureLatency(server, Number(args.seconds));
    note(
      { key: 'latencyP50Ms', value: p50Ms, digits: 2, text: 'ms commit to durable, half of them', goal: { atMost: 1 } },
      { key: 'latencyP99Ms', value: p99Ms, digits: 2, text: 'ms commit to durable, 99 %', goal: { atMost: 10 } },
      { key: 'latencyMaxMs', value: maxMs, digits: 1, text: 'ms commit to durable, the slowest' },
      { key: 'latencyTransactionsPerSecond', value: transactionsPerSecond, digits: 0, text: 'commits/s meanwhile' },
    );
  }
  if (parts.has('first-event')) {
    note({
      key: 'firstEventMs',
      value: await measureFirstEvent(server, Math.max(5, repeats)),
      digits: 0,
      text: 'ms from process start to a waiting change durable',
      goal: { atMost: 1000 },
    });
  }
  if (parts.has('memory')) {
    const memory = await measureMemory(server, rows);
    peaks.push(memory.bigTransactionPeakRssMb, memory.manyTablesPeakRssMb);
    note(
      {
        key: 'bigTransactionPeakRssMb',
        value: memory.bigTransactionPeakRssMb,
        digits: 0,
        text: `MB at most in one transaction of ${rows} rows`,
      },
      { key: 'manyTablesPeakRssMb', value: memory.manyTablesPeakRssMb, digits: 0, text: 'MB at most for 1,000 tables' },
    );
  }
  if (peaks.length > 0) {
    note({
      key: 'peakRssMb',
      value: Math.max(...peaks),
      digits: 0,
      text: 'MB at most in all of them',
      goal: { atMost: 150 },
    });
  }
}
