import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSnapshotOffset, formatStreamOffset, parseOffset } from '../../../src/sources/postgres/offset.ts';
import { createVisibility } from '../../../src/sources/postgres/seen-transactions.ts';
import { findDivergence, parseSwitchPoint } from '../../../src/sources/postgres/server-identity.ts';

const server = { systemId: '7710595417462829926', timeline: 3 };
const last = { lsn: 190, xid: 7, commitTimeMicros: 5, messageType: 'INSERT' };

test('a position survives its offset', () => {
  const seen = { snapshot: '10:20:11,12', beforeLsn: 500 };
  const offset = JSON.parse(
    JSON.stringify(
      formatStreamOffset({
        ...{ endLsn: 100, skip: { xid: 7, count: 3, commitLsn: 195 }, messageLsn: 180, last, seen, server },
        ...{ previousEndLsn: 90, lastCommitTimeMicros: 4 },
      }),
    ),
  );
  assert.deepEqual(parseOffset(offset), {
    endLsn: 100,
    skip: { xid: 7, count: 3, commitLsn: 195 },
    messageLsn: 180,
    commitTimeMicros: 5,
    previousEndLsn: 90,
    snapshot: 'none',
    seen,
    server,
  });
});

test("at a transaction's end the offset is one that Debezium writes, with two keys more", () => {
  const commit = { previousEndLsn: 200, lastCommitTimeMicros: 5 };
  assert.deepEqual(
    formatStreamOffset({ endLsn: 200, skip: null, messageLsn: 150, last, seen: null, server, ...commit }),
    {
      lsn_proc: 200,
      lsn_commit: 200,
      lsn: 200,
      messageType: 'INSERT',
      txId: 7,
      ts_usec: 5,
      system_id: server.systemId,
      timeline: 3,
    },
  );
});

test('an offset of Debezium goes on at the LSN of the last change, in the transaction that it was of', () => {
  const theirs = { lsn_proc: 190, messageType: 'INSERT', lsn_commit: 100, lsn: 190, txId: 7, ts_usec: 5 };
  const skip = { xid: 7, count: 0, commitLsn: null, beforeLsn: 190 };
  const { endLsn, skip: parsed } = parseOffset(theirs);
  assert.deepEqual([endLsn, parsed], [100, skip]);
  // One that lies before another transaction's commit, which came first.
  assert.deepEqual(parseOffset({ ...theirs, lsn_commit: 300 }).skip, skip);
  assert.equal(parseOffset({ ...theirs, snapshot: 'INITIAL', snapshot_completed: true }).skip, null);
  assert.equal(parseOffset({ lsn: 190, lsn_commit: 100 }).skip, null);
  // It is kept while nothing of that transaction has come.
  const none = { messageLsn: null, previousEndLsn: null, seen: null };
  const common = { type: 'ALWAYS', lsn: 400, xid: 9, readTimeMicros: 1, ...none, server };
  const again = parseOffset(formatSnapshotOffset({ ...common, completed: true, endLsn: 100, skip }));
  assert.deepEqual(again.skip, skip);
  const own = formatStreamOffset({
    ...{ endLsn: 100, skip: null, messageLsn: null, last, seen: null, server },
    ...{ previousEndLsn: 100, lastCommitTimeMicros: 5 },
  });
  assert.equal(parseOffset(own).skip, null);
});

test('a snapshot that is under way has no position, one that is complete has', () => {
  const none = { skip: null, messageLsn: null, previousEndLsn: null, seen: null };
  const common = { type: 'INITIAL', lsn: 90, xid: 4, readTimeMicros: 1, ...none, server };
  const open = parseOffset(formatSnapshotOffset({ ...common, completed: false, endLsn: null }));
  assert.deepEqual([open.snapshot, open.endLsn], ['unfinished', null]);
  const whole = parseOffset(formatSnapshotOffset({ ...common, completed: true, endLsn: 80 }));
  assert.deepEqual([whole.snapshot, whole.endLsn], ['completed', 80]);
  assert.deepEqual([whole.messageLsn, whole.previousEndLsn], [null, null]);
  const later = { messageLsn: 95, previousEndLsn: 70 };
  const again = parseOffset(formatSnapshotOffset({ ...common, ...later, completed: true, endLsn: 80 }));
  assert.deepEqual([again.messageLsn, again.previousEndLsn], [95, 70]);
  // As Debezium leaves it.
  const theirs = parseOffset({
    last_snapshot_record: true,
    lsn: 90,
    txId: 4,
    ts_usec: 1,
    snapshot: 'INITIAL',
    snapshot_completed: true,
  });
  assert.deepEqual([theirs.snapshot, theirs.endLsn], ['completed', 90]);
});

test('a transaction is seen when the snapshot lists it as committed, also across the wrap of 32-bit ids', () => {
  const wrap = 2 ** 32;
  const isSeen = createVisibility({ snapshot: `${wrap - 5}:${wrap + 5}:${wrap - 3},${wrap + 2}`, beforeLsn: 1000 });
  const seen = (xid: number, lsn = 1): boolean => isSeen(xid, lsn);
  assert.equal(seen(wrap - 6), true);
  assert.equal(seen(wrap - 4), true);
  assert.equal(seen(wrap - 3), false, 'it was in progress');
  assert.equal(seen(1), true);
  assert.equal(seen(2), false, 'it was in progress');
  assert.equal(seen(5), false, 'it began later');
  assert.equal(seen(1, 1000), false, 'it committed later');
});

test('after a failover all that was delivered must lie before the point at which the timelines parted', async () => {
  const now = { systemId: server.systemId, timeline: 4, walEndLsn: 900, isStandby: false };
  const parted = async () => '3\t0/64\tno recovery target specified\n';
  const delivered = { server, endLsn: 90, skip: null, messageLsn: null };
  const of = async (more: object) => (await findDivergence({ ...delivered, ...more }, now, parted))?.code ?? null;
  assert.equal(await of({}), null);
  assert.equal(await of({ endLsn: 101 }), 'source.position_lost');
  assert.equal(await of({ skip: { xid: 7, count: 1, commitLsn: 99 } }), null);
  assert.equal(await of({ skip: { xid: 7, count: 1, commitLsn: 120 } }), 'source.position_lost');
  assert.equal(await of({ messageLsn: 120 }), 'source.position_lost');
});

test('a timeline history names where a timeline was left', () => {
  const history = '1\t0/3000000\tno recovery target specified\n\n2\t1/A0\tbefore 2026-01-01\n';
  assert.equal(parseSwitchPoint(history, 1), 0x3000000);
  assert.equal(parseSwitchPoint(history, 2), 0x1000000a0);
  assert.equal(parseSwitchPoint(history, 3), null);
});
