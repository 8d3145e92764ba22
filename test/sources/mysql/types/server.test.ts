import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { RowDataPacket } from 'mysql2/promise';
import type { BinlogEvent } from '../../../../decoders/binlog/event.ts';
import { EventParser } from '../../../../decoders/binlog/parse-event.ts';
import { RowsReader } from '../../../../decoders/binlog/rows-reader.ts';
import type { TableMap } from '../../../../decoders/binlog/table-map.ts';
import { NULL_VALUE } from '../../../../decoders/change.ts';
import { createCodec } from '../../../../src/sources/mysql/types/create-codec.ts';
import { randomSource, SEED } from '../../../decoders/binlog/seeded-random.ts';
import { type Random, type RoundTripColumn, randomColumns } from '../../../decoders/binlog/value/random-column.ts';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../../../services/shared-mysql.ts';
import { columnOf, jsonOrRefusal, MODES, TEXT_FORM, textCharset } from './codec-fixture.ts';

const ROWS = 60;
const MAGIC_BYTES = 4;

type Column = Pick<RoundTripColumn, 'declared' | 'literal'>;

const number = (random: Random) => `${random(2) === 0 ? '-' : ''}${random(1_000_000)}.${random(1000)}`;
const positive = (random: Random) => String(random(256));

/** What the decoders' own random columns leave out. */
const MORE_COLUMNS: readonly Column[] = [
  { declared: 'tinyint(1)', literal: positive },
  { declared: 'int(8) unsigned zerofill', literal: positive },
  { declared: 'bigint(20) unsigned zerofill', literal: positive },
  { declared: 'decimal(12,4) unsigned zerofill', literal: positive },
  { declared: 'float unsigned zerofill', literal: positive },
  { declared: 'double unsigned zerofill', literal: positive },
  { declared: 'decimal(30,0)', literal: number },
  { declared: 'float(9,3)', literal: (random) => `${random(2) === 0 ? '-' : ''}${random(100_000)}.${random(1000)}` },
  { declared: 'float(30)', literal: number },
  { declared: 'double(12,4)', literal: number },
  { declared: 'bit(1)', literal: (random) => `b'${random(2)}'` },
  { declared: 'char(9)', literal: (random) => `'a${' '.repeat(random(3))}${'é'.repeat(random(3))}'` },
  { declared: 'char(9) character set utf16', literal: (random) => `'${'a'.repeat(random(5))} '` },
  { declared: 'binary(1)', literal: (random) => `x'${random(2) === 0 ? '00' : '41'}'` },
  { declared: 'tinytext character set latin1', literal: (random) => `'${'é€'.repeat(random(20))}'` },
  { declared: 'longtext', literal: (random) => `REPEAT('long é ', ${random(100)})` },
  { declared: 'longblob', literal: (random) => `REPEAT(x'00ff', ${random(100)})` },
  { declared: "enum('é','b,c') character set latin1", literal: (random) => ["'é'", "'b,c'", "''"][random(3)]! },
  {
    declared: "set('é','b','c') character set latin1",
    literal: (random) => `'${['é', 'b', 'c'].filter(() => random(2) === 0).join(',')}'`,
  },
  {
    declared: 'point',
    literal: (random) => `ST_GeomFromText('POINT(${random(90)}.5 -${random(90)})', ${4326 * random(2)})`,
  },
];

interface Image {
  readonly table: TableMap;
  readonly values: readonly (Buffer | null)[];
}

/** All rows that the binlog, from file `from` on, has of the schema, by `id`. */
async function binlogRows(schema: TestSchema, from: string): Promise<Map<number, Image>> {
  const [[place]] = await schema.client.query<RowDataPacket[]>('SELECT @@log_bin_basename AS base');
  const [files] = await schema.client.query<RowDataPacket[]>('SHOW BINARY LOGS');
  const names = files.map((file) => String(file.Log_name));
  const rows = new Map<number, Image>();
  const reader = new RowsReader();
  const take = (event: BinlogEvent) => {
    if (event.kind !== 'rows' || event.table.database !== schema.name) return;
    reader.begin(event);
    while (reader.next()) {
      const { bytes, spans, base } = reader.after!;
      const values = event.table.columns.map((_, i) => {
        const [start, end] = [spans[base + 2 * i]!, spans[base + 2 * i + 1]!];
        return start === NULL_VALUE ? null : Buffer.from(bytes.subarray(start, end));
      });
      rows.set(values[0]!.readInt32LE(), { table: event.table, values });
    }
  };
  for (const name of names.slice(names.indexOf(from))) {
    const bytes = readFileSync(join(dirname(String(place!.base)), name));
    const parser = new EventParser();
    for (let at = MAGIC_BYTES; at < bytes.length; ) {
      const end = at + bytes.readUInt32LE(at + 9);
      const event = parser.parse(bytes, at, end);
      if (event.kind === 'transaction-payload') for (const inner of parser.payload(event)) take(inner);
      else take(event);
      at = end;
    }
  }
  return rows;
}

for (const family of ['mysql', 'mariadb'] satisfies MysqlFamily[]) {
  test(`a random row is the same from ${family}'s binlog and from a SELECT (TEST_SEED=${SEED})`, {
    skip: await whyNoMysql(family),
  }, async (t) => {
    const random = randomSource(SEED);
    const schema = await useSchema(family, t);
    const { client } = schema;
    await client.query("SET sql_mode = '', time_zone = '+00:00'");
    // The file that is open now ends, so that the server has written all of it when we read it.
    await client.query('FLUSH BINARY LOGS');
    const [files] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
    const from = String(files.at(-1)!.Log_name);
    const columns: readonly Column[] = [...randomColumns(family, random), ...MORE_COLUMNS];
    const definitions = columns.map(({ declared }, i) => `c${i} ${declared} NULL`);
    await client.query(`CREATE TABLE t (id INT PRIMARY KEY, ${definitions.join(', ')})`);
    for (let id = 1; id <= ROWS; id++) {
      const values = columns.map((column) => (random(12) === 0 ? 'NULL' : column.literal(random)));
      await client.query(`INSERT INTO t VALUES (${[id, ...values].join(', ')})`);
    }
    await client.query('FLUSH BINARY LOGS');
    const images = await binlogRows(schema, from);
    assert.equal(images.size, ROWS);

    await client.query('SET character_set_results = NULL');
    // mysql2 does not know every character set that a result may say it has.
    const selected = columns.map(({ declared }, i) => {
      return /^float/.test(declared)
        ? `c${i} + 0e0`
        : /character set/.test(declared)
          ? `CAST(c${i} AS BINARY)`
          : `c${i}`;
    });
    const [rows] = await client.query<RowDataPacket[]>({
      sql: `SELECT id, ${selected.join(', ')} FROM t ORDER BY t.id`,
      rowsAsArray: true,
      typeCast: (field) => field.buffer(),
    });
    await client.query('SET character_set_results = utf8mb4');

    const { table } = images.get(1)!;
    for (const [i, { declared }] of columns.entries()) {
      const column = table.columns[i + 1]!;
      const [type] = declared.split(/ (?=character set|compressed)/) as [string];
      const columnSchema = columnOf(type, { charset: textCharset(column.collation) });
      for (const options of MODES) {
        const binlog = createCodec(columnSchema, { kind: 'binlog', column, family }, options);
        const text = createCodec(columnSchema, TEXT_FORM, options);
        assert.ok(binlog && text, `${declared} has no mapping`);
        for (const [at, row] of (rows as unknown as (Buffer | null)[][]).entries()) {
          const [streamed, read] = [images.get(at + 1)!.values[i + 1]!, row[i + 1]!];
          const place = `${declared} of row ${at + 1} (TEST_SEED=${SEED})`;
          assert.equal(streamed === null, read === null, place);
          if (streamed !== null) assert.equal(jsonOrRefusal(binlog, streamed), jsonOrRefusal(text, read), place);
        }
      }
    }
  });
}
