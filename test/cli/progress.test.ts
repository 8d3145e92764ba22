import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output } from '../../src/cli/command-io.ts';
import { LiveBlock } from '../../src/cli/live-block.ts';
import { ProgressReporter, progressLines, snapshotFigures } from '../../src/cli/progress.ts';
import type { SnapshotProgress, SourceStatus, TableProgress } from '../../src/model/plugin.ts';

const table = (name: string, rows: number, estimatedRows: number | null, state: TableProgress['state']) => ({
  table: name,
  rows,
  estimatedRows,
  state,
});
const RUNNING: SnapshotProgress = {
  startedMs: 1000,
  finishedMs: null,
  tables: [
    table('public.a', 3000, 2900, 'done'),
    table('public.bb', 1000, 4000, 'reading'),
    table('public.c', 0, 500, 'waiting'),
  ],
};

test('rate and remaining time come from the rows read and the estimates of the tables that are left', () => {
  const { rows, rowsPerSecond, etaSeconds, tablesDone } = snapshotFigures(RUNNING, 5000);
  assert.deepEqual(
    { rows, rowsPerSecond, etaSeconds, tablesDone },
    { rows: 4000, rowsPerSecond: 1000, etaSeconds: 3.5, tablesDone: 1 },
  );
  const unknown = { ...RUNNING, tables: [...RUNNING.tables, table('public.d', 0, null, 'waiting')] };
  assert.equal(snapshotFigures(unknown, 5000).etaSeconds, null);
  assert.equal(snapshotFigures({ ...RUNNING, tables: [] }, 1000).etaSeconds, null);
  assert.equal(snapshotFigures({ ...RUNNING, finishedMs: 2000 }, 9000).etaSeconds, 0);
});

test('the block shows the tables that are being read, never wider than the terminal', () => {
  assert.deepEqual(progressLines('shop', RUNNING, { nowMs: 5000, width: 100 }), [
    'snapshot of shop  4,000 rows  1,000 rows/s  1/3 tables  ETA 4s',
    '  public.bb  █████░░░░░░░░░░░░░░░  25%  1,000 of about 4,000',
  ]);
  const low = { ...RUNNING, tables: [table('t', 90, 30, 'reading'), table('u', 5, null, 'reading')] };
  assert.deepEqual(progressLines('shop', low, { nowMs: 76_000, width: 100 }).slice(1), [
    '  t  ████████████████████ 100%  90 of about 30',
    '  u  5 rows',
  ]);
  for (const line of progressLines('shop', RUNNING, { nowMs: 5000, width: 30 })) assert.ok(line.length < 30);
  const many = { ...RUNNING, tables: Array.from({ length: 50 }, (_, i) => table(`t${i}`, 1, 2, 'reading')) };
  assert.deepEqual(progressLines('shop', many, { nowMs: 5000, width: 80 }).at(-1), '  and 42 more');
});

function capture(isTTY: boolean) {
  const written: string[] = [];
  const output: Output = { isTTY, columns: 100, write: (text) => void written.push(text) };
  const block = new LiveBlock(output);
  return { written, block, reporter: new ProgressReporter(block, false) };
}

const status = (snapshot: SnapshotProgress | null): SourceStatus => ({ phase: 'snapshot', snapshot });
const DONE: SnapshotProgress = { ...RUNNING, finishedMs: 5000, tables: [table('public.a', 10, 10, 'done')] };

test('a pipe gets a line of JSON every five seconds, and one at the end', () => {
  const { written, reporter } = capture(false);
  reporter.update('shop', status(null), 1000);
  for (const nowMs of [1000, 1500, 5999, 6000, 6500]) reporter.update('shop', status(RUNNING), nowMs);
  reporter.update('shop', status(DONE), 6600);
  reporter.update('shop', status(DONE), 7000);
  const lines = written.map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map((line) => [line.event, line.elapsedMs]),
    [
      ['snapshot.progress', 1],
      ['snapshot.progress', 5000],
      ['snapshot.finished', 4000],
    ],
  );
  assert.deepEqual(lines.at(-1), {
    event: 'snapshot.finished',
    connector: 'shop',
    rows: 10,
    tables: 1,
    tablesDone: 1,
    rowsPerSecond: 3,
    elapsedMs: 4000,
    etaMs: 0,
    tableRows: { 'public.a': 10 },
  });
});

test('a terminal gets a block that is drawn over, log lines above it, and one line that stays', () => {
  const { written, block, reporter } = capture(true);
  reporter.update('shop', status(RUNNING), 5000);
  block.write('12:00 info hello\n');
  reporter.update('shop', status(DONE), 5000);
  reporter.update('shop', status(DONE), 6000);
  const erase = '\x1b[2F\x1b[J';
  const lines = progressLines('shop', RUNNING, { nowMs: 5000, width: 100 }).map((line) => `${line}\n`);
  assert.deepEqual(written, [
    lines.join(''),
    `${erase}12:00 info hello\n${lines.join('')}`,
    erase,
    'snapshot of shop  10 rows  3 rows/s  1/1 tables  done in 4s\n',
  ]);
});
