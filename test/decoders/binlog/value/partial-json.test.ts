import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { RowDataPacket } from 'mysql2/promise';
import { EventParser } from '../../../../decoders/binlog/parse-event.ts';
import { RowsReader } from '../../../../decoders/binlog/rows-reader.ts';
import { parseJson } from '../../../../decoders/binlog/value/json.ts';
import { applyJsonDiffs, parseJsonDiffs } from '../../../../decoders/binlog/value/json-diff.ts';
import { formatJson, SERVER_JSON } from '../../../../decoders/binlog/value/json-text.ts';
import { useSchema, whyNoMysql } from '../../../services/shared-mysql.ts';
import { randomSource, SEED } from '../seeded-random.ts';

const UPDATES = 150;
const KEYS = ['a', 'b', 'list', 'deep', '"a key"', '"é😀"', '"q\\\\"t"', 'longerKey'];

test(`a document with the diffs of an update is what the server has then (TEST_SEED=${SEED})`, {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  const random = randomSource(SEED);
  const schema = await useSchema('mysql', t);
  const { client } = schema;
  const filler = 'what is long enough for diffs to be worth it '.repeat(8);
  await client.query('CREATE TABLE t (id INT PRIMARY KEY, j JSON)');
  await client.query(
    `INSERT INTO t VALUES (1, JSON_OBJECT('z', '${filler}', 'list', JSON_ARRAY(1, 2, 3), 'deep', JSON_OBJECT('list', JSON_ARRAY())))`,
  );
  await client.query('FLUSH BINARY LOGS');
  const [files] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
  await client.query("SET binlog_row_value_options = 'PARTIAL_JSON'");
  const step = () => (random(3) === 0 ? `[${random(4)}]` : `.${KEYS[random(KEYS.length)]}`);
  const path = () => `'$${Array.from({ length: 1 + random(3) }, step).join('')}'`;
  const value = () => {
    return [
      String(random(1e6)),
      "'text'",
      'JSON_ARRAY(1, 2)',
      'JSON_OBJECT()',
      '1.50',
      'NULL',
      "CAST('2020-01-01' AS DATE)",
    ][random(7)];
  };
  const told: string[] = [];
  const text = async () => {
    const [[row]] = await client.query<RowDataPacket[]>('SELECT CAST(j AS CHAR) AS j FROM t');
    return String(row!.j);
  };
  let last = await text();
  for (let i = 0; i < UPDATES; i++) {
    const kind = ['JSON_SET', 'JSON_SET', 'JSON_REPLACE', 'JSON_REMOVE'][random(4)]!;
    const argument = () => (kind === 'JSON_REMOVE' ? path() : `${path()}, ${value()}`);
    const many = Array.from({ length: 1 + random(3) }, argument).join(', ');
    await client.query(`UPDATE t SET j = ${kind}(j, ${many})`);
    const now = await text();
    // An update that changes nothing is not in the binlog.
    if (now !== last) told.push(now);
    last = now;
  }
  await client.query('FLUSH BINARY LOGS');
  const [[place]] = await client.query<RowDataPacket[]>('SELECT @@log_bin_basename AS base');
  const bytes = readFileSync(join(dirname(String(place!.base)), String(files.at(-1)!.Log_name)));
  const parser = new EventParser();
  const reader = new RowsReader();
  const read: string[] = [];
  let diffs = 0;
  for (let at = 4; at < bytes.length; ) {
    const end = at + bytes.readUInt32LE(at + 9);
    const event = parser.parse(bytes, at, end);
    at = end;
    if (event.kind !== 'rows' || event.table.database !== schema.name) continue;
    reader.begin(event);
    while (reader.next()) {
      const [before, after] = [reader.before!, reader.after!];
      const span = (row: typeof before) => [row.spans[row.base + 2]!, row.spans[row.base + 3]!] as const;
      const isDiff = reader.diffs?.[1] === 1;
      if (isDiff) diffs++;
      const document = isDiff
        ? applyJsonDiffs(parseJson(bytes, ...span(before)), parseJsonDiffs(bytes, ...span(after)))
        : parseJson(bytes, ...span(after));
      const now = formatJson(document, SERVER_JSON);
      if (now !== formatJson(parseJson(bytes, ...span(before)), SERVER_JSON)) read.push(now);
    }
  }
  // How many there are is up to the seed: a document that lost its filler early is logged whole.
  assert.ok(diffs > 0, `${diffs} diffs`);
  assert.deepEqual(read, told);
});
