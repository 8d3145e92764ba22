import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BinlogPosition, compareBinlogPositions } from '../../decoders/binlog/binlog-position.ts';
import { LagClock } from '../../src/observe/lag-clock.ts';

test('lag in time: nothing unconfirmed is no lag, however old; what stays unconfirmed grows older', () => {
  const clock = new LagClock<number>((lsn, other) => lsn > other);
  assert.equal(clock.lagMs(100, 100, 0), 0);
  assert.equal(clock.lagMs(100, 100, 60_000), 0);
  assert.equal(clock.lagMs(200, 100, 61_000), 0);
  assert.equal(clock.lagMs(300, 100, 62_000), 1000);
  assert.equal(clock.lagMs(300, 100, 70_000), 9000);
  // Confirmed up to the first sighting: what is left was first seen a second later.
  assert.equal(clock.lagMs(300, 200, 71_000), 9000);
  assert.equal(clock.lagMs(300, 300, 72_000), 0);
  for (let i = 0; i < 5000; i++) clock.lagMs(1000 + i, 300, 80_000 + i);
  assert.equal(clock.lagMs(9000, 300, 90_000), 10_000);
});

test('lag in time goes on over the borders of files, and its memory has a limit', () => {
  const clock = new LagClock<BinlogPosition>((a, b) => (compareBinlogPositions(a, b) ?? 0) > 0);
  const at = (file: number, position: number) => ({ file: `binlog.${String(file).padStart(6, '0')}`, position });
  assert.equal(clock.lagMs(at(1, 100), at(1, 100), 0), 0);
  assert.equal(clock.lagMs(at(1, 200), at(1, 100), 10), 0);
  assert.equal(clock.lagMs(at(2, 4), at(1, 100), 30), 20);
  assert.equal(clock.lagMs(at(2, 4), at(1, 200), 40), 10);
  assert.equal(clock.lagMs(at(2, 4), at(2, 4), 50), 0);
  for (let i = 0; i < 5_000; i++) clock.lagMs(at(3, i), at(2, 4), 100 + i);
  assert.equal(clock.lagMs(at(3, 5_000), at(2, 4), 10_100), 10_000);
});
