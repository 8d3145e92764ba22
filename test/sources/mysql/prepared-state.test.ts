import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceOffset } from '../../../src/model/log.ts';
import type { StateReader, StateRecord } from '../../../src/model/plugin.ts';
import { PreparedState } from '../../../src/sources/mysql/prepared-state.ts';

const XID = "X'6131',X'',1";
const OTHER = "X'6132',X'62',7";

function readerOf(records: readonly StateRecord[]): StateReader {
  return {
    async *read(topic) {
      for (const record of records) if (record.topic === topic) yield record;
    },
  };
}

const END = { file: 'binlog.000009', pos: 4 };

async function loaded(
  records: readonly StateRecord[],
  stored: SourceOffset | null = END,
): Promise<Record<string, string>> {
  const prepared = await new PreparedState('app').load(readerOf(records), { stored, family: 'mysql' });
  return Object.fromEntries([...prepared].map(([xid, one]) => [xid, one.parts().join('|')]));
}

test('what was prepared is there again after a restart, in all its parts, until it is completed', async () => {
  const state = new PreparedState('app');
  const parts = Array.from({ length: 12 }, (_, i) => Buffer.from(`part ${i}`));
  const log = [...state.record({ xid: XID, parts })];
  log.push(...state.record({ xid: OTHER, parts: [Buffer.from('alone')] }));
  assert.ok(log.every(({ topic }) => topic === 'app.prepared-transactions'));
  assert.equal(String(log[0]!.key), XID);
  assert.deepEqual(await loaded(log), { [XID]: parts.join('|'), [OTHER]: 'alone' });
  // Completed by a later run, that has only read of it.
  const next = new PreparedState('app');
  await next.load(readerOf(log), { stored: END, family: 'mysql' });
  log.push(...next.record({ xid: XID, parts: null }));
  assert.deepEqual(await loaded(log), { [OTHER]: 'alone' });
  assert.equal(log.filter(({ value }) => value === null).length, parts.length);
});

test('an XA transaction has none of the parts of one that had its name before', async () => {
  const state = new PreparedState('app');
  const log = [...state.record({ xid: XID, parts: ['a', 'b', 'c'].map((text) => Buffer.from(text)) })];
  log.push(...state.record({ xid: XID, parts: [Buffer.from('d')] }));
  assert.deepEqual(await loaded(log), { [XID]: 'd' });
});

test('once nothing is prepared the log is told that it may forget what was', async () => {
  const state = new PreparedState('app');
  const log = [...state.record({ xid: XID, parts: [Buffer.from('a')] })];
  log.push(...state.record({ xid: XID, parts: null }));
  assert.deepEqual(log.at(-1), { topic: 'app.prepared-transactions', key: null, value: null });
  assert.deepEqual(await loaded(log), {});
  log.push(...state.record({ xid: XID, parts: [Buffer.from('b')] }));
  assert.deepEqual(await loaded(log), { [XID]: 'b' });
});

for (const [how, at] of [
  ['a file', (n: number) => ({ file: 'binlog.000001', pos: 100 * n })],
  [
    'GTIDs',
    (n: number) => ({ gtids: `3e11fa47-71ca-11e1-9e33-c80aa9429562:1-${n}`, file: 'binlog.000001', pos: 100 * n }),
  ],
] as const) {
  test(`records that became durable before their offset do not count until it is stored, by ${how}`, async () => {
    const state = new PreparedState('app');
    const log: StateRecord[] = [];
    const push = (n: number, parts: Buffer[] | null): void => {
      const batch = { changes: [], bytes: 0, offset: at(n), state: state.record({ xid: XID, parts }) };
      log.push(...state.stamp(batch).state!);
    };
    push(2, [Buffer.from('a')]);
    push(5, null);
    assert.deepEqual(await loaded(log, null), {});
    assert.deepEqual(await loaded(log, at(1)), {});
    assert.deepEqual(await loaded(log, at(2)), { [XID]: 'a' });
    assert.deepEqual(await loaded(log, at(4)), { [XID]: 'a' });
    assert.deepEqual(await loaded(log, at(5)), {});
    // The task has ended in between, and reads the end of the transaction again.
    const next = new PreparedState('app');
    await next.load(readerOf(log), { stored: at(4), family: 'mysql' });
    log.push(
      ...next.stamp({ changes: [], bytes: 0, offset: at(5), state: next.record({ xid: XID, parts: null }) }).state!,
    );
    assert.deepEqual(await loaded(log, at(4)), { [XID]: 'a' });
    assert.deepEqual(await loaded(log, at(5)), {});
  });
}

test('a snapshot forgets what was durable before its offset, too', async () => {
  const state = new PreparedState('app');
  const offset = { file: 'binlog.000001', pos: 900 };
  const log = state.stamp({
    changes: [],
    bytes: 0,
    offset,
    state: state.record({ xid: XID, parts: [Buffer.from('a')] }),
  }).state!;
  const next = new PreparedState('app');
  assert.equal((await next.load(readerOf(log), { stored: null, family: 'mysql' })).size, 0);
  assert.deepEqual(next.forget(), [{ topic: 'app.prepared-transactions', key: null, value: null }]);
  assert.deepEqual(next.forget(), []);
});

test('a batch whose state is of others is left as it is', () => {
  const batch = {
    changes: [],
    bytes: 0,
    offset: END,
    state: [{ topic: 'history', key: null, value: Buffer.from('{}') }],
  };
  assert.equal(new PreparedState('app').stamp(batch), batch);
});
