import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TailraceError } from '../../../src/model/errors.ts';
import { formatOffset, type OffsetInput, parseOffset } from '../../../src/sources/mysql/offset.ts';

const AT: OffsetInput = {
  file: 'binlog.000003',
  position: 154,
  gtids: '3e7b12be-e5c5-11f1-9a06-02fc00000001:1-73',
  skip: null,
  timestampSeconds: 1_795_277_122,
  serverId: 1,
  serverUuid: '3e7b12be-e5c5-11f1-9a06-02fc00000001',
  fileBegan: 1_795_270_000,
};

test('an offset has Debezium’s keys, and parses back to what it was made of', () => {
  assert.deepEqual(formatOffset({ ...AT, serverUuid: null, fileBegan: null }), {
    server_id: 1,
    gtids: AT.gtids,
    file: 'binlog.000003',
    pos: 154,
    ts_sec: 1_795_277_122,
  });
  const skips = [
    null,
    { events: 3, rows: 0, changes: 40, gtid: 'a:1', prepared: false },
    { events: 0, rows: 7, changes: null, gtid: null, prepared: false },
    { events: 5, rows: 2, changes: null, gtid: '0-1-9', prepared: true },
    { events: 0, rows: 0, changes: 40, gtid: 'a:1', prepared: false },
  ];
  for (const skip of skips) {
    const offset = formatOffset({ ...AT, skip });
    const { snapshot, ...position } = parseOffset(JSON.parse(JSON.stringify(offset)));
    assert.deepEqual(position, { ...AT, skip });
    assert.equal(snapshot, 'none');
    assert.equal('event' in offset, skip !== null && skip.events > 0 && !skip.prepared);
  }
});

test('an offset that Debezium wrote in the middle of a transaction says what of it was delivered', () => {
  const position = parseOffset({
    transaction_id: null,
    ts_sec: 1,
    file: 'mysql-bin.000001',
    pos: 4,
    gtids: 'a:1-3,\nb:1-2',
    row: 2,
    server_id: 223344,
    event: 4,
  });
  assert.deepEqual(position.skip, { events: 4, rows: 2, changes: null, gtid: null, prepared: false });
  assert.equal(position.gtids, 'a:1-3,b:1-2');
  assert.equal(position.serverUuid, null);
});

test('a snapshot is unfinished until its offset says that it is complete', () => {
  const at = (extra: object) => parseOffset({ file: 'f.1', pos: 4, ...extra }).snapshot;
  assert.equal(at({}), 'none');
  assert.equal(at({ snapshot: false }), 'none');
  assert.equal(at({ snapshot: 'INITIAL' }), 'unfinished');
  assert.equal(at({ snapshot: true }), 'unfinished');
  assert.equal(at({ snapshot: 'INITIAL', snapshot_completed: true }), 'completed');
  const offset = formatOffset({ ...AT, snapshot: { type: 'ALWAYS', completed: false } });
  assert.equal(parseOffset(offset).snapshot, 'unfinished');
});

test('an offset that says no place is refused by name', () => {
  for (const offset of [
    {},
    { file: 'f.1' },
    { pos: 4 },
    { file: 'f.1', pos: '4' },
    { file: 'f.1', pos: 4, event: -1 },
  ]) {
    assert.throws(
      () => parseOffset(offset),
      (error) => error instanceof TailraceError && error.code === 'source.position_lost',
    );
  }
});
