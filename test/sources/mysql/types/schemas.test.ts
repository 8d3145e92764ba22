import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { formatJsonSchema } from '../../../../src/converters/json/json-schema.ts';
import { CONNECT_JSON } from '../../../../src/converters/json/json-value.ts';
import type { ValueCodec } from '../../../../src/model/codec.ts';
import { createCodec } from '../../../../src/sources/mysql/types/create-codec.ts';
import { parseDataType } from '../../../../src/sources/mysql/types/data-type.ts';
import { sourceTypeOf } from '../../../../src/sources/mysql/types/source-type.ts';
import type { TypeOptions } from '../../../../src/sources/mysql/types/type-options.ts';
import {
  type ColumnChoices,
  columnOf,
  constantJson,
  codecOf as createFixtureCodec,
  DEFAULT_OPTIONS,
  MODES,
  maybeCodec,
  TEXT_FORM,
} from './codec-fixture.ts';

/** A line of fixtures/mysql-schemas/schemas.jsonl: what Debezium 3.6.1 makes of a column. */
interface Recorded
  extends Pick<
    ColumnSchema,
    'typeName' | 'jdbcType' | 'length' | 'scale' | 'optional' | 'hasDefault' | 'defaultValue' | 'labels'
  > {
  readonly place: string;
  /** By mode, null where it is as in the first. */
  readonly results: readonly ({
    readonly schema?: string;
    readonly missing?: string;
    readonly defaultError?: true;
  } | null)[];
}

/** Where we do not follow Debezium: the schema that we have by default. */
const OURS: Readonly<Record<string, string>> = {
  // Through a double its last digits are lost; beyond 2^63 it is another number than a row's value would be.
  'default_numbers.f': '{"type":"int64","optional":true,"default":-9007199254740993}',
  'default_numbers.g': '{"type":"int64","optional":false,"default":-1}',
  // The server rounds half away from zero.
  'default_numbers.af': '{"type":"int16","optional":true,"default":-2}',
  'default_numbers.p':
    '{"type":"bytes","optional":true,"name":"io.debezium.data.Bits","version":1,"parameters":{"length":"12"},"default":"BQA="}',
  // A year that MySQL has.
  'default_numbers.r': '{"type":"int32","optional":true,"name":"io.debezium.time.Year","version":1,"default":0}',
  // The server pads it.
  'default_strings.c': '{"type":"bytes","optional":true,"default":"YWIAAA=="}',
  'default_times.k': '{"type":"int64","optional":true,"name":"io.debezium.time.MicroTime","version":1,"default":0}',
  // No such day.
  'default_times.v': '{"type":"int64","optional":true,"name":"io.debezium.time.Timestamp","version":1}',
  // The server makes it a DOUBLE, and prints it as such in SHOW CREATE TABLE.
  'numbers.y': '{"type":"double","optional":true}',
  // A TINYINT(1) to the server, which is all that a snapshot, Debezium's too, sees of it.
  'numbers.ab': '{"type":"int16","optional":true}',
  'numbers.ac': '{"type":"int16","optional":false}',
  'default_numbers.t': '{"type":"int16","optional":true,"default":0}',
  // The server makes it a FLOAT.
  'numbers.aq': '{"type":"float","optional":true}',
};

const recorded: readonly Recorded[] = readFileSync(
  new URL('../../../../fixtures/mysql-schemas/schemas.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

function codecOf({ place, results: _, ...described }: Recorded, options: TypeOptions): ValueCodec {
  const column: ColumnSchema = {
    ...described,
    name: place,
    position: 1,
    charset: 'utf8mb4',
    autoIncremented: false,
    generated: false,
    comment: null,
  };
  const codec = createCodec(column, TEXT_FORM, options);
  assert.ok(codec, `${place} has no mapping`);
  return codec;
}

for (const [i, options] of MODES.entries()) {
  test(`schemas, defaults and what stands for NULL are Debezium's: ${Object.values(options).join(' ')}`, () => {
    for (const column of recorded.filter(({ place }) => OURS[place] === undefined)) {
      const expected = column.results[i] ?? column.results[0]!;
      const codec = codecOf(column, options);
      const where = `${column.place} ${column.typeName} ${column.defaultValue}`;
      assert.equal(formatJsonSchema(codec.schema, CONNECT_JSON), expected.schema, where);
      // Debezium's converters fail where they have no value of the schema.
      if (expected.missing !== 'error') assert.equal(constantJson(codec, 'missing'), expected.missing, where);
    }
  });
}

test('schemas that Debezium has otherwise', () => {
  for (const [place, schema] of Object.entries(OURS)) {
    const column = recorded.find((candidate) => candidate.place === place)!;
    assert.notEqual(column.results[0]!.schema, schema);
    assert.equal(formatJsonSchema(codecOf(column, DEFAULT_OPTIONS).schema, CONNECT_JSON), schema, place);
  }
});

test('what stands for NULL where Debezium has nothing', () => {
  check([
    ['point', {}, '{"x":0.0,"y":0.0,"wkb":"AQEAAAAAAAAAAAAAAAAAAAAAAAAA","srid":null}'],
    ['vector(3)', {}, '[]'],
    ['bigint unsigned', { options: { 'bigint.unsigned.handling.mode': 'precise' } }, '"AA=="'],
    ['uuid', {}, '""'],
    ['inet6', {}, '""'],
  ]);
  function check(rows: readonly (readonly [string, ColumnChoices, string])[]): void {
    for (const [declared, choices, json] of rows) {
      const codec = createFixtureCodec(declared, TEXT_FORM, { optional: false, ...choices });
      assert.equal(constantJson(codec, 'missing'), json, declared);
    }
  }
});

test('a value that a row image leaves out: the placeholder for text and bytes, else null', () => {
  const placeholder = '__debezium_unavailable_value';
  const bytes = Buffer.from(placeholder).toString('base64');
  const rows: readonly (readonly [string, ColumnChoices, string])[] = [
    ['text', {}, `"${placeholder}"`],
    ['varchar(5)', { optional: false, defaultValue: 'x' }, `"${placeholder}"`],
    ["enum('a')", {}, `"${placeholder}"`],
    ['json', {}, `"${placeholder}"`],
    ['uuid', {}, `"${placeholder}"`],
    ['blob', {}, `"${bytes}"`],
    ['binary(3)', {}, `"${bytes}"`],
    ['blob', { options: { 'binary.handling.mode': 'hex' } }, `"${placeholder}"`],
    ['blob', { options: { 'unavailable.value.placeholder': 'hex:00ff' } }, '"AP8="'],
    ['int', { optional: false }, 'null'],
    ['decimal(5,2)', { optional: false }, 'null'],
    ['timestamp', {}, 'null'],
    ['bit(9)', {}, 'null'],
    ['geometry', {}, 'null'],
  ];
  for (const [declared, choices, json] of rows) {
    const codec = createFixtureCodec(declared, TEXT_FORM, choices);
    if (json === 'null') assert.equal(codec.unavailable, null, declared);
    else assert.equal(constantJson(codec, 'unavailable'), json, declared);
  }
});

test('a comment that was kept is the schema’s doc', () => {
  const codec = createFixtureCodec('varchar(5)', TEXT_FORM, { comment: 'who', defaultValue: 'x' });
  assert.equal(
    formatJsonSchema(codec.schema, CONNECT_JSON),
    '{"type":"string","optional":true,"doc":"who","default":"x"}',
  );
  assert.equal(createFixtureCodec('geometry', TEXT_FORM, { comment: 'where' }).schema.doc, 'where');
});

test('a type that nobody has a mapping for has no codec', () => {
  for (const declared of ['xmltype', 'sys_refcursor', 'unknown', 'int_array']) {
    assert.equal(maybeCodec(declared, TEXT_FORM), null, declared);
  }
});

test('source types are told as the DDL has them', () => {
  assert.deepEqual(sourceTypeOf(columnOf('decimal(10,2) unsigned')), {
    name: 'DECIMAL UNSIGNED',
    length: 10,
    scale: 2,
  });
  assert.deepEqual(sourceTypeOf(columnOf('int')), { name: 'INT', length: null, scale: null });
});

test('every spelling of a type means the same', () => {
  const same: readonly (readonly [string, string])[] = [
    ['int unsigned', 'INTEGER(10) UNSIGNED'],
    ['int unsigned', 'int zerofill'],
    ['decimal', 'DEC'],
    ['decimal', 'FIXED SIGNED'],
    ['decimal', 'NUMERIC'],
    ['double', 'DOUBLE PRECISION'],
    ['double', 'REAL'],
    ['tinyint', 'BOOL'],
    ['tinyint', 'BOOLEAN'],
    ['bigint unsigned', 'SERIAL'],
    ['varchar', 'CHARACTER VARYING(20)'],
    ['varchar', 'NATIONAL CHARACTER VARYING'],
    ['varchar', 'NVARCHAR BINARY'],
    ['varchar', 'VARCHAR COMPRESSED'],
    ['char', 'NATIONAL CHAR'],
    ['char', 'CHAR BINARY'],
    ['text', 'LONG VARCHAR'],
    ['text', 'MEDIUMTEXT'],
    ['blob', 'LONG VARBINARY'],
    ['geometry', 'GEOMCOLLECTION'],
  ];
  for (const [name, spelling] of same) assert.deepEqual(parseDataType(spelling), parseDataType(name), spelling);
  assert.deepEqual(parseDataType('BINARY'), { name: 'binary', unsigned: false });
  assert.equal(parseDataType('toString'), null);
});
