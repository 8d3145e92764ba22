import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowChange, SnapshotMarker, Table } from '../../../decoders/change.ts';
import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import { createJsonConverter } from '../../../src/converters/json/json-converter.ts';
import { JsonSink } from '../../../src/converters/json/json-sink.ts';
import { CONNECT_JSON } from '../../../src/converters/json/json-value.ts';
import type { SourceBlockWriter } from '../../../src/model/plugin.ts';
import { PostgresSourceBlock } from '../../../src/sources/postgres/source-block.ts';

const json = createJsonConverter({ ...CONNECT_JSON, schemasEnable: false });

function changeOf(tx: Partial<PgTx>, table: Partial<Table>, snapshot: SnapshotMarker, at: number): RowChange<PgTx> {
  return {
    kind: 'row',
    op: 'c',
    table: { id: 1, namespace: 'public', name: 'orders', columns: [], replicaIdentity: 'default', ...table },
    before: null,
    after: null,
    tx: {
      xid: 555,
      commitLsn: 1,
      commitTimeMicros: 1_700_000_000_200_300,
      previousEndLsn: 24_023_128,
      origin: null,
      originLsn: null,
      ...tx,
    },
    ordinal: 0,
    at,
    snapshot,
  };
}

function textOf(writer: SourceBlockWriter<PgTx>, change: RowChange<PgTx>): string {
  const sink = new JsonSink();
  writer.write(sink, change);
  return sink.buffer.toString('utf8', 0, sink.position);
}

test('the compiled path writes the very text of the struct', () => {
  const block = new PostgresSourceBlock({ version: '1.0 "x"', name: 'app', database: 'sh"op😀' });
  const changes = [
    changeOf({}, {}, 'false', 24_023_300),
    changeOf({ previousEndLsn: null }, {}, 'first_in_data_collection', 0),
    changeOf({ origin: 'node "b"\n', originLsn: 2 ** 52 }, { namespace: 'Ä b', name: '"; --\\' }, 'false', 2 ** 53 - 1),
    changeOf({ commitTimeMicros: 0 }, {}, 'last', 7),
    changeOf({ commitTimeMicros: 946_684_800_000_999, xid: 2 ** 32 - 1 }, {}, 'true', 1),
  ];
  const writer = block.jsonWriter();
  for (const change of changes) {
    assert.equal(textOf(writer, change), json.text(block.schema, block.struct(change, change.table)));
  }
});

test('a change looks as Debezium has it', () => {
  const block = new PostgresSourceBlock({ version: '3.6.1.Final', name: 'app', database: 'shop' });
  assert.equal(
    textOf(block.jsonWriter(), changeOf({}, {}, 'false', 24_023_300)),
    '{"version":"3.6.1.Final","connector":"postgresql","name":"app","ts_ms":1700000000200,"snapshot":"false","db":"shop","sequence":"[\\"24023128\\",\\"24023300\\"]","ts_us":1700000000200300,"ts_ns":1700000000200300000,"schema":"public","table":"orders","txId":555,"lsn":24023300,"xmin":null,"origin":null,"origin_lsn":null}',
  );
});
