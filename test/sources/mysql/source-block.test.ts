import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BinlogTx } from '../../../decoders/binlog/binlog-tx.ts';
import type { RowChange, SchemaChange, SnapshotMarker, Table } from '../../../decoders/change.ts';
import { createJsonConverter } from '../../../src/converters/json/json-converter.ts';
import { JsonSink } from '../../../src/converters/json/json-sink.ts';
import { CONNECT_JSON } from '../../../src/converters/json/json-value.ts';
import type { SourceBlockWriter } from '../../../src/model/plugin.ts';
import { MysqlSourceBlock } from '../../../src/sources/mysql/source-block.ts';

const json = createJsonConverter({ ...CONNECT_JSON, schemasEnable: false });

const TX: BinlogTx = {
  commitTimeMicros: 1_700_000_000_000_000,
  serverId: 223_344,
  gtid: null,
  file: 'binlog.000003',
  position: 154,
  threadId: 7,
  query: null,
  transactionId: 'file=binlog.000003,pos=4',
};

function changeOf(
  tx: Partial<BinlogTx> = {},
  table: Partial<Table> = {},
  snapshot: SnapshotMarker = 'false',
  at = 0,
): RowChange<BinlogTx> {
  return {
    kind: 'row',
    op: 'c',
    table: { id: 1, namespace: 'shop', name: 'orders', columns: [], replicaIdentity: 'full', ...table },
    before: null,
    after: null,
    tx: { ...TX, ...tx },
    ordinal: 0,
    at,
    snapshot,
  };
}

function textOf(writer: SourceBlockWriter<BinlogTx>, change: RowChange<BinlogTx>): string {
  const sink = new JsonSink();
  writer.write(sink, change);
  return sink.buffer.toString('utf8', 0, sink.position);
}

test('the compiled path writes the very text of the struct', () => {
  const block = new MysqlSourceBlock({ version: '1.0 "x"', family: 'mariadb', name: 'app' });
  const changes = [
    changeOf({}, {}, 'false', 3),
    changeOf(
      { gtid: '0-1-5', threadId: null, query: 'INSERT INTO "t" VALUES (\'😀\\n\')\n' },
      {},
      'false',
      2 ** 31 - 1,
    ),
    changeOf({ commitTimeMicros: 0, serverId: 0, threadId: 0 }, { namespace: 'Ä b', name: '"; --\\' }, 'last'),
    changeOf(
      { commitTimeMicros: 946_684_800_000_999, position: 2 ** 40, file: 'b"in.1', serverId: 2 ** 32 - 1 },
      {},
      'true',
    ),
  ];
  // A change after another that differs from it in one thing has nothing of it.
  const base = changeOf({ gtid: 'a:1' });
  const others: Partial<BinlogTx>[] = [
    { gtid: 'a:2' },
    { gtid: null },
    { commitTimeMicros: 5 },
    { serverId: 2 },
    { file: 'x' },
    { position: 9 },
    { threadId: 8 },
    { query: 'q' },
  ];
  for (const other of others) {
    changes.push(base, { ...base, tx: { ...base.tx, ...other } });
  }
  changes.push(base, { ...base, snapshot: 'last' }, base, { ...base, table: { ...base.table, name: 'other' } });
  const writer = block.jsonWriter();
  for (const change of changes) {
    assert.equal(textOf(writer, change), json.text(block.schema, block.struct(change, change.table)));
  }
});

test('a change looks as Debezium has it', () => {
  const block = new MysqlSourceBlock({ version: '3.6.1.Final', family: 'mysql', name: 'app' });
  assert.equal(
    textOf(block.jsonWriter(), changeOf()),
    '{"version":"3.6.1.Final","connector":"mysql","name":"app","ts_ms":1700000000000,"snapshot":"false","db":"shop","sequence":null,"ts_us":1700000000000000,"ts_ns":1700000000000000000,"table":"orders","server_id":223344,"gtid":null,"file":"binlog.000003","pos":154,"row":0,"thread":7,"query":null}',
  );
});

test('a schema change names the tables of its whole statement; its time is in milliseconds, its snapshot marker its own', () => {
  const block = new MysqlSourceBlock({ version: '1', family: 'mysql', name: 'app' });
  const dropped = (name: string) => ({ type: 'DROP', database: 'shop', name, previous: null, table: null }) as const;
  const ddl: SchemaChange<BinlogTx> = {
    kind: 'schema',
    database: 'other',
    ddl: 'DROP TABLE shop.a, shop.b',
    tables: [dropped('a')],
    subjects: ['a', 'b'],
    snapshot: 'true',
    tx: { ...TX, commitTimeMicros: 1_700_000_000_123_456 },
    ordinal: 0,
    at: 9,
  };
  const { db, table, row, snapshot, ts_us: time } = block.struct(ddl, null);
  assert.deepEqual([db, table, row, snapshot, time], ['shop', 'a,b', 0, 'true', 1_700_000_000_123_000n]);
  const ofDatabase = block.struct({ ...ddl, tables: [], subjects: null, snapshot: 'false' }, null);
  assert.deepEqual([ofDatabase.db, ofDatabase.table, ofDatabase.snapshot], ['other', null, 'false']);
  assert.equal(block.struct({ ...ddl, tables: [], subjects: [] }, null).table, '');
});

test('a transaction is called by its GTID, or by where it began', () => {
  const block = new MysqlSourceBlock({ version: '1', family: 'mysql', name: 'app' });
  assert.equal(block.transactionId({ kind: 'commit', tx: TX, at: 0 }), 'file=binlog.000003,pos=4');
});
