import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import type { TestMysqld } from '../../services/mysqld.ts';
import type { Row } from '../report.ts';
import { median } from '../statistics.ts';
import { medianUsage } from '../stream.ts';
import { bootstrapLog, MeasuredRun, type Usage } from '../tailrace.ts';
import type { ProgramTimes } from '../time-program.ts';
import { timeMysqlbinlog, timeMysqlQuick, timeZongji } from './programs.ts';
import { binlogEnd, connectorOf, isOrderLines, startMeasuredMysql, withSchema } from './scene.ts';
import {
  createOrderLines,
  fillOrderLines,
  recordsOfChanges,
  writeManyRowStatements,
  writeSingleRowStatements,
} from './workload.ts';

export interface MysqlBenchOptions {
  readonly rows: number;
  readonly repeats: number;
  readonly parts: ReadonlySet<string>;
  readonly nodeArgs: readonly string[];
}

type Note = (...rows: readonly Row[]) => void;

/** Measures the MySQL source against mysqlbinlog, zongji's own decoding and `mysql --quick`, on the same data. */
export async function benchMysql(options: MysqlBenchOptions, note: Note): Promise<void> {
  await using server = await startMeasuredMysql();
  const peaks: number[] = [];
  if (options.parts.has('stream')) {
    const many = await measureStream(server, 'bench_many', writeManyRowStatements, options);
    note(...streamRows('manyRows', many, options.rows, 2.5));
    const single = await measureStream(server, 'bench_single', writeSingleRowStatements, options);
    note(...streamRows('singleRow', single, options.rows, 5));
    peaks.push(many.tailrace.peakRssMb, single.tailrace.peakRssMb);
  }
  if (options.parts.has('snapshot')) {
    const rows = 2 * options.rows;
    const { quick, tailrace } = await measureSnapshot(server, rows, options);
    peaks.push(tailrace.peakRssMb);
    note(
      {
        key: 'mysqlSnapshotVsQuick',
        value: quick.seconds / tailrace.secondsSinceFirst,
        digits: 2,
        text: 'x mysql --quick of the same select, first batch to last batch durable',
      },
      {
        key: 'mysqlSnapshotRowsPerSecond',
        value: rows / tailrace.secondsSinceFirst,
        digits: 0,
        text: 'rows/s into the log',
      },
      { key: 'mysqlQuickRowsPerSecond', value: rows / quick.seconds, digits: 0, text: 'rows/s of mysql --quick' },
      {
        key: 'mysqlSnapshotCpuSecondsPerMillion',
        value: (tailrace.cpuSeconds * 1e6) / rows,
        digits: 2,
        text: 'CPU-s per 1M rows, start-up included',
      },
    );
  }
  if (peaks.length > 0) {
    note({
      key: 'mysqlPeakRssMb',
      value: Math.max(...peaks),
      digits: 0,
      text: 'MB at most in all of them',
      goal: { atMost: 150 },
    });
  }
}

interface StreamFigures {
  readonly tailrace: Usage;
  readonly mysqlbinlog: ProgramTimes;
  readonly zongji: ProgramTimes;
}

function streamRows(key: string, figures: StreamFigures, changes: number, goal: number): Row[] {
  const { tailrace, mysqlbinlog, zongji } = figures;
  const millions = changes / 1e6;
  const what = key === 'manyRows' ? 'statements of 100 rows' : 'statements of one row, 100 in a transaction';
  return [
    {
      key: `${key}CpuSecondsPerMillion`,
      value: tailrace.cpuSeconds / millions,
      digits: 2,
      text: `CPU-s per 1M changes, start-up included: ${what}`,
      goal: { atMost: goal },
    },
    { key: `${key}RowsPerSecond`, value: changes / tailrace.seconds, digits: 0, text: 'changes/s into the log' },
    {
      key: `${key}VsMysqlbinlog`,
      value: mysqlbinlog.seconds / tailrace.seconds,
      digits: 2,
      text: 'x mysqlbinlog --read-from-remote-server --raw',
    },
    {
      key: `${key}VsZongji`,
      value: zongji.seconds / tailrace.seconds,
      digits: 2,
      text: "x zongji's own decoding of the rows, which keeps nothing",
    },
    {
      key: `${key}ZongjiCpuSecondsPerMillion`,
      value: zongji.cpuSeconds / millions,
      digits: 2,
      text: 'CPU-s per 1M changes of zongji',
    },
    { key: `${key}PeakRssMb`, value: tailrace.peakRssMb, digits: 0, text: 'MB at most while streaming' },
  ];
}

/** The same binlog is read by all three in turns, by tailrace from a log that was made before the load, a copy each time. */
async function measureStream(
  server: TestMysqld,
  database: string,
  load: (client: Connection, changes: number) => Promise<void>,
  { rows, repeats, nodeArgs }: MysqlBenchOptions,
): Promise<StreamFigures> {
  return withSchema(server, database, async (client) => {
    await createOrderLines(client);
    const config = connectorOf(server, database);
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
    try {
      const before = join(folder, 'before.db');
      await bootstrapLog(config, before);
      const from = await binlogEnd(client);
      await load(client, rows);
      const mysqlbinlog: ProgramTimes[] = [];
      const zongji: ProgramTimes[] = [];
      const usages: Usage[] = [];
      for (let i = 0; i < repeats; i++) {
        mysqlbinlog.push(await timeMysqlbinlog(server, from));
        zongji.push(await timeZongji(server, from, rows));
        const logPath = join(folder, `${i}.db`);
        cpSync(before, logPath);
        const run = new MeasuredRun({ config, logPath, nodeArgs, counts: isOrderLines });
        try {
          usages.push(await run.until(recordsOfChanges(rows)));
        } finally {
          await run.stop();
          run.remove();
        }
      }
      return { tailrace: medianUsage(usages), mysqlbinlog: medianTimes(mysqlbinlog), zongji: medianTimes(zongji) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

async function measureSnapshot(
  server: TestMysqld,
  rows: number,
  { repeats, nodeArgs }: MysqlBenchOptions,
): Promise<{ quick: ProgramTimes; tailrace: Usage }> {
  const database = 'bench_snapshot';
  return withSchema(server, database, async (client) => {
    await fillOrderLines(client, rows);
    const config = { ...connectorOf(server, database), 'snapshot.mode': 'initial' };
    const quick: ProgramTimes[] = [];
    const usages: Usage[] = [];
    for (let i = 0; i < repeats; i++) {
      quick.push(await timeMysqlQuick(server, `SELECT * FROM ${database}.order_lines`));
      const run = new MeasuredRun({ config, nodeArgs, counts: isOrderLines });
      try {
        usages.push(await run.until(rows));
      } finally {
        await run.stop();
        run.remove();
      }
    }
    return { quick: medianTimes(quick), tailrace: medianUsage(usages) };
  });
}

function medianTimes(times: readonly ProgramTimes[]): ProgramTimes {
  return {
    seconds: median(times.map(({ seconds }) => seconds)),
    cpuSeconds: median(times.map(({ cpuSeconds }) => cpuSeconds)),
  };
}
