import type { PgType } from '../catalog-types.ts';
import { arrayType } from './array.ts';
import { byteaType, unknownType } from './binary.ts';
import { bitType, booleanType } from './boolean.ts';
import type { ColumnType, TypeContext, TypeFactory } from './column-type.ts';
import { moneyType, numericType } from './decimal.ts';
import { geometryType, pointType } from './geometric.ts';
import { hstoreType } from './hstore.ts';
import { intervalType } from './interval.ts';
import { bigintType, floatType, integerType } from './numeric.ts';
import { dateType, timestampType, timeType } from './temporal.ts';
import { enumType, textType } from './text.ts';
import { sparseVectorType, vectorType } from './vector.ts';
import { timestampTzType, timeTzType } from './zoned.ts';

const JSON_TYPE = textType('io.debezium.data.Json', '{}');
const TEXT = textType(null, '');
const TEXT_WITHOUT_DEFAULTS = textType(null);
const BIT_OID = 1560;

/** Types of Postgres itself, by the OIDs of pg_type.dat. */
const BUILTIN_TYPES: ReadonlyMap<number, TypeFactory> = new Map<number, TypeFactory>([
  [16, booleanType],
  [17, byteaType],
  [18, TEXT_WITHOUT_DEFAULTS], // "char"
  [19, TEXT_WITHOUT_DEFAULTS], // name
  [20, bigintType({ defaults: true })],
  [21, integerType('int16')],
  [23, integerType('int32')],
  [25, TEXT],
  [26, bigintType({ defaults: false })], // oid
  [114, JSON_TYPE],
  [142, textType('io.debezium.data.Xml', '')],
  [600, pointType],
  [650, TEXT_WITHOUT_DEFAULTS], // cidr
  [700, floatType('float32')],
  [701, floatType('float64')],
  [774, TEXT_WITHOUT_DEFAULTS], // macaddr8
  [790, moneyType],
  [829, TEXT_WITHOUT_DEFAULTS], // macaddr
  [869, TEXT_WITHOUT_DEFAULTS], // inet
  [1042, TEXT], // bpchar
  [1043, TEXT], // varchar
  [1082, dateType],
  [1083, timeType],
  [1114, timestampType],
  [1184, timestampTzType],
  [1186, intervalType],
  [1266, timeTzType],
  [BIT_OID, bitType],
  [1562, bitType], // varbit
  [1700, numericType],
  [2950, textType('io.debezium.data.Uuid', '00000000-0000-0000-0000-000000000000')],
  [3614, textType('io.debezium.data.Tsvector')],
  [3802, JSON_TYPE], // jsonb
  [3904, TEXT_WITHOUT_DEFAULTS], // int4range
  [3906, TEXT_WITHOUT_DEFAULTS], // numrange
  [3908, TEXT_WITHOUT_DEFAULTS], // tsrange
  [3910, TEXT_WITHOUT_DEFAULTS], // tstzrange
  [3912, TEXT_WITHOUT_DEFAULTS], // daterange
  [3926, TEXT_WITHOUT_DEFAULTS], // int8range
]);

/** Types of extensions, by name: their OIDs differ between databases. */
const EXTENSION_TYPES: ReadonlyMap<string, TypeFactory> = new Map<string, TypeFactory>([
  ['citext', TEXT_WITHOUT_DEFAULTS],
  ['geography', geometryType('Geography')],
  ['geometry', geometryType('Geometry')],
  ['halfvec', vectorType('FloatVector')],
  ['hstore', hstoreType],
  ['isbn', TEXT_WITHOUT_DEFAULTS],
  ['ltree', textType('io.debezium.data.Ltree')],
  ['sparsevec', sparseVectorType],
  ['vector', vectorType('DoubleVector')],
]);

/** name, xml, point, money, interval, varbit: mapped, but never as elements of an array. */
const NOT_IN_ARRAYS: ReadonlySet<number> = new Set([19, 142, 600, 790, 1186, 1562]);

/** Debezium says that elements of these are never NULL; they may be. */
const REQUIRED_ELEMENTS: ReadonlySet<string> = new Set(['tsvector', 'isbn', 'vector', 'halfvec', 'sparsevec']);

/** The mapping of a type that is not a domain; null where it has none and unknown types are not wanted. */
export function mapType(context: TypeContext): ColumnType | null {
  const { type, options } = context;
  if (NOT_IN_ARRAYS.has(type.elementOid)) return null;
  const known = type.elementOid !== 0 ? mapArray(context) : mapScalar(context);
  if (known !== null || !options['include.unknown.datatypes']) return known;
  return type.elementOid === 0 ? unknownType(context) : mapUnknownArray(context);
}

function mapScalar(context: TypeContext): ColumnType | null {
  const { type } = context;
  if (type.kind === 'enum') return enumType(context);
  const factory = BUILTIN_TYPES.get(type.oid) ?? (type.kind === 'base' ? EXTENSION_TYPES.get(type.name) : undefined);
  return factory === undefined ? null : factory(context);
}

function mapArray(context: TypeContext): ColumnType | null {
  const { type, registry, placeholder } = context;
  const elementType = registry.get(type.elementOid);
  if (elementType === undefined) return null;
  const element = mapScalar({ ...context, type: elementType });
  if (element === null) return null;
  const optionalItems = elementType.kind !== 'enum' && !REQUIRED_ELEMENTS.has(elementType.name);
  return arrayType(element, placeholder, { optionalItems, delimiter: delimiterOf(elementType) });
}

function mapUnknownArray(context: TypeContext): ColumnType {
  const { type, registry, placeholder } = context;
  const elementType = registry.get(type.elementOid);
  const element = unknownType(elementType === undefined ? context : { ...context, type: elementType });
  const delimiter = elementType === undefined ? ',' : delimiterOf(elementType);
  return arrayType(element, placeholder, { optionalItems: false, delimiter });
}

/** pg_type.typdelim: a comma for all types but these. */
function delimiterOf({ name, namespace }: PgType): string {
  if (namespace === 'pg_catalog') return name === 'box' ? ';' : ',';
  return name === 'geometry' || name === 'geography' ? ':' : ',';
}
