import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonSink } from '../../src/converters/json/json-sink.ts';
import { columnRules } from '../../src/envelope/column-rules.ts';
import { type ColumnTransform, transformColumn } from '../../src/envelope/column-transform.ts';
import type { ColumnMapping } from '../../src/model/plugin.ts';
import type { Value } from '../../src/model/schema.ts';
import { configOf } from '../pipeline/fake-source.ts';
import { type ColumnSpec, tableOf } from '../pipeline/tables.ts';

function column(spec: ColumnSpec): ColumnMapping {
  return tableOf({ c: spec }).columns[0]!;
}

/** The value that a text becomes; both roads must agree on it. */
function transformed({ codec }: ColumnMapping, text: string): Value {
  const bytes = Buffer.from(`<${text}>`);
  const value = codec.read(bytes, 1, bytes.length - 1);
  const [written, specified] = [new JsonSink(), new JsonSink()];
  codec.write(written, bytes, 1, bytes.length - 1);
  specified.value(codec.schema, value);
  assert.equal(
    String(written.buffer.subarray(0, written.position)),
    String(specified.buffer.subarray(0, specified.position)),
  );
  return value;
}

const hash = (algorithm: string, salt: string, version: 1 | 2): ColumnTransform => ({
  kind: 'hash',
  algorithm,
  salt,
  version,
});
const TEXT: ColumnSpec = { type: 'text' };

test('hashes are what Debezium 3.6.1 makes of the same texts', () => {
  const sha256 = transformColumn(column(TEXT), hash('SHA-256', 'pepper', 1));
  assert.equal(transformed(sha256, ''), 'c03d43cc1b99b435eb8052eec9a3b514542d2154cb5e758b4c541b218c33bc70');
  assert.equal(transformed(sha256, 'secret'), 'af62dd5d234acfc6731ef060ef73c069cb2657923a84daa91a52f9f63c4ccc4d');
  assert.equal(transformed(sha256, 'ä😀漢'), '1ac263058d06b287b0874482479a9da85450341e70b94fa75cd0819e94ce022b');
  // Cut to the column's length.
  const sha512 = transformColumn(column({ type: 'varchar', length: 20 }), hash('SHA-512', 's4lt', 2));
  assert.equal(transformed(sha512, ''), '7162948f332e070165d6');
  assert.equal(transformed(sha512, 'secret'), 'db69765faa2d485daef3');
  assert.equal(transformed(sha512, 'ä😀漢'), '5f143459f9757d1e7645');
  const md5 = transformColumn(column({ type: 'bpchar', length: 6 }), hash('MD5', 'x', 1));
  assert.equal(transformed(md5, '      '), 'dafe80');
  assert.equal(transformed(md5, 'secret'), '4f7cf6');
  assert.equal(transformed(md5, 'ä     '), '81c158');
});

test('a hash of a text beyond Java’s short form differs from that of its beginning, and NULL stays NULL', () => {
  const hashed = transformColumn(column(TEXT), hash('SHA-1', '', 1));
  const values = [65_534, 65_535, 65_536, 70_000].map((length) => transformed(hashed, 'x'.repeat(length)));
  assert.equal(new Set(values).size, 4);
  assert.equal(hashed.codec.missing, null);
});

test('a mask hides the text, its length, and whether there is one', () => {
  const masked = transformColumn(column(TEXT), { kind: 'mask', text: '***' });
  assert.equal(transformed(masked, 'secret'), '***');
  assert.equal(transformed(masked, ''), '***');
  assert.equal(masked.codec.missing, '***');
  assert.equal(masked.codec.unavailable, '***');
  assert.deepEqual(masked.codec.schema.parameters, { masked: 'true' });
});

test('a cut counts UTF-16 units as Java does, and bytes in bytea; what fits anyway is left alone', () => {
  const cut = (spec: ColumnSpec): ColumnMapping => transformColumn(column(spec), { kind: 'truncate', length: 4 });
  assert.equal(transformed(cut(TEXT), 'secret'), 'secr');
  assert.equal(transformed(cut(TEXT), 'a😀b😀c'), 'a😀b');
  assert.equal(transformed(cut(TEXT), 'abc'), 'abc');
  assert.equal(cut(TEXT).codec.missing, null);
  assert.deepEqual(cut(TEXT).codec.schema.parameters, { truncateLength: '4' });
  assert.deepEqual(transformed(cut({ type: 'bytea' }), '\\x010203040506'), Buffer.from([1, 2, 3, 4]));
  const short = column({ type: 'varchar', length: 4 });
  assert.equal(transformColumn(short, { kind: 'truncate', length: 4 }), short);
});

test('values that are no plain text keep their value, and their schema tells of the setting all the same', () => {
  for (const [type, text] of [
    ['int4', '42'],
    ['uuid', '00112233-4455-6677-8899-aabbccddeeff'],
    ['jsonb', '{"a": 1}'],
  ] as const) {
    const plain = column({ type });
    const masked = transformColumn(plain, { kind: 'mask', text: '***' });
    assert.deepEqual(transformed(masked, text), transformed(plain, text));
    assert.equal(masked.codec.schema.parameters?.masked, 'true');
    assert.equal(masked.codec.missing, plain.codec.missing);
  }
});

test('of several settings for a column the first in Debezium’s order counts', () => {
  const rules = columnRules(
    configOf({
      'column.mask.hash.SHA-256.with.salt.s': '.*',
      'column.mask.with.3.chars': '.*\\.b,.*\\.c',
      'column.truncate.to.5.chars': '.*\\.c',
    }),
  );
  assert.equal(rules.transform('public.t.a')?.kind, 'hash');
  assert.equal(rules.transform('public.t.b')?.kind, 'mask');
  assert.equal(rules.transform('public.t.c')?.kind, 'truncate');
});
