import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareDelivery, type Delivered } from '../../src/cli/demo/delivery.ts';
import type { ShopChange } from '../../src/cli/demo/shop.ts';

const COMMITTED: readonly ShopChange[] = [
  { table: 'orders', op: 'r', id: 1 },
  { table: 'lines', op: 'c', id: 1 },
  { table: 'orders', op: 'u', id: 1 },
  { table: 'orders', op: 'c', id: 2 },
  { table: 'orders', op: 'd', id: 1 },
];
const DELIVERED: readonly Delivered[] = [
  { table: 'lines', op: 'c', id: 1 },
  { table: 'orders', op: 'r', id: 1 },
  { table: 'orders', op: 'u', id: 1 },
  { table: 'orders', op: 'c', id: 2 },
  { table: 'orders', op: 'd', id: 1 },
  { table: 'orders', op: 'tombstone', id: 1 },
];

test('what was committed and is in the log once, in each table’s order, compares as equal', () => {
  assert.deepEqual(compareDelivery(COMMITTED, DELIVERED), {
    tables: [
      { table: 'orders', committed: 4, delivered: 4 },
      { table: 'lines', committed: 1, delivered: 1 },
    ],
    differences: [],
  });
});

test('a change that is missing, there twice, out of order, another one, or of no table of the shop is a difference', () => {
  const differencesOf = (delivered: readonly Delivered[]) => compareDelivery(COMMITTED, delivered).differences;
  const [line, read, update, insert, gone, tombstone] = DELIVERED as readonly [
    Delivered,
    Delivered,
    Delivered,
    Delivered,
    Delivered,
    Delivered,
  ];
  assert.deepEqual(differencesOf([read, update, insert, gone, tombstone]), [
    'lines: record 0 is missing: the insert of id 1',
  ]);
  assert.deepEqual(differencesOf([line, line, read, update, insert, gone, tombstone]), [
    'lines: record 1 is one too many: the insert of id 1',
  ]);
  assert.deepEqual(differencesOf([line, read, update, update, insert, gone, tombstone]), [
    'orders: record 2 should be the insert of id 2, and is an update of id 1',
  ]);
  assert.deepEqual(differencesOf([line, read, insert, update, gone, tombstone]), [
    'orders: record 1 should be an update of id 1, and is the insert of id 2',
  ]);
  assert.deepEqual(differencesOf([line, read, { ...update, id: 2 }, insert, gone, tombstone]), [
    'orders: record 1 should be an update of id 1, and is an update of id 2',
  ]);
  assert.deepEqual(differencesOf([line, read, update, insert, gone]), [
    'orders: record 4 is missing: the tombstone of id 1',
  ]);
  assert.deepEqual(differencesOf([...DELIVERED, { table: 'other', op: 'c', id: 1 }]), [
    'other: record 0 is one too many: the insert of id 1',
  ]);
});

test('a bounded pass delivers every change once over a restart of the connector, also when its usual port is taken', async () => {
  const squatter = createServer();
  squatter.on('error', () => {});
  squatter.listen(8083, '127.0.0.1');
  try {
    const { status, stdout, stderr } = await runDemoProcess(['--once']);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, /^✓ Restart /m);
    const total = Number(/^ok: (\d+) changes, each in the log exactly once and in order$/m.exec(stdout)?.[1]);
    const counts = [...stdout.matchAll(/^(?:customers|products|orders|order_lines) +(\d+) +(\d+)$/gm)];
    assert.equal(counts.length, 4, stdout);
    assert.equal(
      counts.reduce((sum, [, committed]) => sum + Number(committed), 0),
      total,
    );
    for (const [line, committed, delivered] of counts) assert.equal(committed, delivered, line);
    assert.ok(total > 150, `only ${total} changes`);
    assert.doesNotMatch(stdout, /127\.0\.0\.1:8083/);
  } finally {
    squatter.close();
  }
});

async function runDemoProcess(
  args: readonly string[],
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, ['src/main.ts', 'demo', ...args], {
    env: { ...process.env, LOG_LEVEL: 'info' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status] = (await once(child, 'close')) as [number];
  return { status, stdout, stderr };
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`a demo that ends by ${signal} leaves no folder and no server`, async () => {
    const child = spawn(process.execPath, ['src/main.ts', 'demo'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    while (!/^insert /m.test(stdout) && child.exitCode === null) await sleep(20);
    const folder = /--log (\S+)\/shop\.tailrace\.db/.exec(stdout)?.[1];
    assert.ok(folder !== undefined && existsSync(folder), stdout);
    const postmaster = Number(readFileSync(`${folder}/data/postmaster.pid`, 'utf8').split('\n')[0]);
    child.kill(signal);
    const [status] = (await once(child, 'close')) as [number | null];
    if (signal === 'SIGINT') {
      assert.equal(status, 0, stdout);
      assert.match(stdout, /^ok: \d+ changes, each in the log exactly once and in order\nThe server is stopped/m);
    } else {
      for (let waits = 0; existsSync(folder) && waits < 200; waits++) await sleep(50);
    }
    assert.equal(existsSync(folder), false);
    assert.throws(() => process.kill(postmaster, 0), { code: 'ESRCH' });
  });
}
