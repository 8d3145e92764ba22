import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { RowDataPacket } from 'mysql2/promise';
import type { BinlogEvent } from '../../../../decoders/binlog/event.ts';
import { EventParser } from '../../../../decoders/binlog/parse-event.ts';
import { RowsReader } from '../../../../decoders/binlog/rows-reader.ts';
import { NULL_VALUE } from '../../../../decoders/change.ts';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../../../services/shared-mysql.ts';
import { randomSource, SEED } from '../seeded-random.ts';
import { type RoundTripColumn, randomColumns } from './random-column.ts';
import { serverText } from './server-text.ts';

const ROWS = 150;
const MAGIC_BYTES = 4;

/** All rows that the binlog, from file `from` on, has of a table, as text by `id`. */
async function rowsOfBinlog(
  schema: TestSchema,
  from: string,
  columns: readonly RoundTripColumn[],
): Promise<Map<string, (string | null)[]>> {
  const [[place]] = await schema.client.query<RowDataPacket[]>('SELECT @@log_bin_basename AS base');
  const [files] = await schema.client.query<RowDataPacket[]>('SHOW BINARY LOGS');
  const names = files.map((file) => String(file.Log_name));
  const rows = new Map<string, (string | null)[]>();
  const reader = new RowsReader();
  const take = (event: BinlogEvent) => {
    if (event.kind !== 'rows' || event.table.database !== schema.name) return;
    reader.begin(event);
    while (reader.next()) {
      const { bytes, spans, base } = reader.after!;
      const values = event.table.columns.map((column, i) => {
        const [start, end] = [spans[base + 2 * i]!, spans[base + 2 * i + 1]!];
        if (start === NULL_VALUE) return null;
        return serverText(column, columns[i - 1]?.declared ?? 'int', bytes, start, end);
      });
      rows.set(values[0]!, values.slice(1));
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
  test(`random values of every type are in the binlog what ${family} says they are (TEST_SEED=${SEED})`, {
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
    const columns = randomColumns(family, random);
    const definitions = columns.map(({ declared }, i) => `c${i} ${declared} NULL`);
    await client.query(`CREATE TABLE t (id INT PRIMARY KEY, ${definitions.join(', ')})`);
    for (let id = 1; id <= ROWS; id++) {
      const values = columns.map((column) => (random(12) === 0 ? 'NULL' : column.literal(random)));
      await client.query(`INSERT INTO t VALUES (${[id, ...values].join(', ')})`);
    }
    await client.query('FLUSH BINARY LOGS');
    const selected = columns.map(({ select }, i) => `CAST(${select(`c${i}`)} AS CHAR) AS c${i}`);
    const [expected] = await client.query<RowDataPacket[]>(
      `SELECT CAST(id AS CHAR) AS id, ${selected.join(', ')} FROM t ORDER BY t.id`,
    );
    const actual = await rowsOfBinlog(schema, from, columns);
    assert.equal(expected.length, ROWS);
    assert.equal(actual.size, ROWS);
    for (const row of expected) {
      const values = actual.get(row.id)!;
      for (const [i, { declared, same }] of columns.entries()) {
        const [told, read] = [row[`c${i}`] as string | null, values[i]!];
        const isSame = told === read || (told !== null && read !== null && same?.(told, read) === true);
        if (!isSame) assert.equal(read, told, `${declared} of row ${row.id} (TEST_SEED=${SEED})`);
      }
    }
  });
}
