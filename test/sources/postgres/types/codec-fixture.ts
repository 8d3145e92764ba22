import assert from 'node:assert/strict';
import { JsonSink } from '../../../../src/converters/json/json-sink.ts';
import type { ValueCodec } from '../../../../src/model/codec.ts';
import type { CatalogColumn, PgType, TypeRegistry } from '../../../../src/sources/postgres/catalog-types.ts';
import type { TypeOptions } from '../../../../src/sources/postgres/types/column-type.ts';
import { createCodec } from '../../../../src/sources/postgres/types/create-codec.ts';
import { assertAvroAgrees } from '../../../converters/avro/column-agreement.ts';

export const DEFAULT_OPTIONS: TypeOptions = {
  'decimal.handling.mode': 'precise',
  'time.precision.mode': 'adaptive',
  'binary.handling.mode': 'bytes',
  'hstore.handling.mode': 'json',
  'interval.handling.mode': 'numeric',
  'money.fraction.digits': 2,
  'include.unknown.datatypes': false,
  'unavailable.value.placeholder': '__debezium_unavailable_value',
};

/** Name, OID, OID of the array. */
const BUILTIN = `bool 16 1000, bytea 17 1001, char 18 1002, name 19 1003, int8 20 1016, int2 21 1005, int4 23 1007, text 25 1009,
  oid 26 1028, json 114 199, xml 142 143, point 600 1017, box 603 1020, polygon 604 1027, circle 718 719, cidr 650 651, float4 700 1021, float8 701 1022, macaddr8 774 775,
  money 790 791, macaddr 829 1040, inet 869 1041, bpchar 1042 1014, varchar 1043 1015, date 1082 1182, time 1083 1183,
  timestamp 1114 1115, timestamptz 1184 1185, interval 1186 1187, timetz 1266 1270, bit 1560 1561, varbit 1562 1563,
  numeric 1700 1231, uuid 2950 2951, tsvector 3614 3643, tsquery 3615 3645, jsonb 3802 3807, int4range 3904 3905, numrange 3906 3907,
  tsrange 3908 3909, tstzrange 3910 3911, daterange 3912 3913, int8range 3926 3927`;
const EXTENSIONS = 'citext, hstore, ltree, isbn, vector, halfvec, sparsevec, geometry, geography';

const base = (oid: number, namespace: string, name: string): PgType => ({
  oid,
  namespace,
  name,
  kind: 'base',
  elementOid: 0,
  baseOid: 0,
  baseModifier: -1,
  enumLabels: [],
});

/** What pg_type holds, extensions and a few types of users included. */
export const TYPES: TypeRegistry = new Map(
  [
    ...BUILTIN.split(',').flatMap((entry) => {
      const [name, oid, arrayOid] = entry.trim().split(' ') as [string, string, string];
      return [
        base(Number(oid), 'pg_catalog', name),
        { ...base(Number(arrayOid), 'pg_catalog', `_${name}`), elementOid: Number(oid) },
      ];
    }),
    ...EXTENSIONS.split(', ').flatMap((name, i) => [
      base(20_000 + i, 'public', name),
      { ...base(21_000 + i, 'public', `_${name}`), elementOid: 20_000 + i },
    ]),
    { ...base(30_000, 'public', 'mood'), kind: 'enum' as const, enumLabels: ['sad', 'ok', "it's, ok"] },
    { ...base(30_001, 'public', '_mood'), elementOid: 30_000 },
    { ...base(30_002, 'public', 'price'), kind: 'domain' as const, baseOid: 1700, baseModifier: modifier(8, 3) },
    { ...base(30_003, 'public', 'price2'), kind: 'domain' as const, baseOid: 30_002 },
    { ...base(30_004, 'public', 'moods'), kind: 'domain' as const, baseOid: 30_000 },
    { ...base(30_005, 'public', 'pair'), kind: 'composite' as const },
    { ...base(30_006, 'public', '_pair'), elementOid: 30_005 },
    { ...base(30_007, 'public', '_price'), elementOid: 30_002 },
    { ...base(30_008, 'public', 'numbers'), kind: 'domain' as const, baseOid: 1007 },
  ].map((type) => [type.oid, type]),
);

/** numeric(precision, scale) as atttypmod. */
export function modifier(precision: number, scale: number): number {
  return ((precision << 16) | (scale & 0x7ff)) + 4;
}

export interface ColumnChoices extends Partial<Omit<CatalogColumn, 'name' | 'typeOid'>> {
  readonly options?: Partial<TypeOptions>;
}

/** The codec of a column `c` of a type by name, `int4[]` being an array. */
export function maybeCodec(typeName: string, choices: ColumnChoices = {}): ValueCodec | null {
  const { options, ...rest } = choices;
  const name = typeName.endsWith('[]') ? `_${typeName.slice(0, -2)}` : typeName;
  const type = [...TYPES.values()].find((candidate) => candidate.name === name);
  assert.ok(type, `no type ${typeName} in the fixture`);
  const column: CatalogColumn = {
    name: 'c',
    typeOid: type.oid,
    modifier: -1,
    notNull: false,
    defaultExpression: null,
    generated: false,
    ...rest,
  };
  return createCodec(column, { ...DEFAULT_OPTIONS, ...options }, TYPES);
}

export function codecOf(typeName: string, choices?: ColumnChoices): ValueCodec {
  const codec = maybeCodec(typeName, choices);
  assert.ok(codec, `${typeName} has no mapping`);
  return codec;
}

const sink = new JsonSink();

/** JSON of a value's text; the compiled and the structured road must agree on it. */
export function jsonOf(codec: ValueCodec, text: string): string {
  const bytes = Buffer.from(`"${text}"`);
  sink.position = 0;
  codec.write(sink, bytes, 1, bytes.length - 1);
  const compiled = sink.buffer.toString('utf8', 0, sink.position);
  sink.position = 0;
  sink.value(codec.schema, codec.read(bytes, 1, bytes.length - 1));
  assert.equal(compiled, sink.buffer.toString('utf8', 0, sink.position), 'write must equal read');
  assertAvroAgrees(codec, bytes, 1, bytes.length - 1);
  return compiled;
}

/** JSON of a constant of a codec: `missing` or `unavailable`. */
export function constantJson(codec: ValueCodec, constant: 'missing' | 'unavailable'): string {
  sink.position = 0;
  sink.value(codec.schema, codec[constant]);
  return sink.buffer.toString('utf8', 0, sink.position);
}
