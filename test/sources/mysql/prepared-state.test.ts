import assert from 'node:assert/strict';
import { test } from 'node:test';
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

async function loaded(records: readonly StateRecord[]): Promise<Record<string, string>> {
  const prepared = await new PreparedState('app').load(readerOf(records));
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
  await next.load(readerOf(log));
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
