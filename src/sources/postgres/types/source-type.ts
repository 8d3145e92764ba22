import type { ColumnMapping } from '../../../model/plugin.ts';
import type { CatalogColumn, PgType, TypeRegistry } from '../catalog-types.ts';
import { numericModifier } from './decimal.ts';

/** What the JDBC driver gives as the length of a type without one. */
const UNLIMITED = 2_147_483_647;
const VARLENA_HEADER_BYTES = 4;
/** The driver's length of a numeric of any size: 131072 digits before the point and 16383 behind it, less a header. */
const UNLIMITED_NUMERIC_ELEMENT = 131_089;
const DEFAULT_PRECISION = 6;
/** `HH:MM:SS` and its zone; `YYYYYY-MM-DD HH:MM:SS BC`, and its zone. */
const TIME_LENGTH = 8;
const TIMESTAMP_LENGTH = 22;
const ZONE_LENGTH = 6;

interface Size {
  readonly length: number;
  readonly scale: number | null;
}

const FIXED_SIZES: Readonly<Record<string, Size>> = {
  bool: { length: 1, scale: 0 },
  char: { length: 1, scale: 0 },
  int2: { length: 5, scale: 0 },
  int4: { length: 10, scale: 0 },
  int8: { length: 19, scale: 0 },
  oid: { length: 10, scale: 0 },
  float4: { length: 8, scale: 8 },
  float8: { length: 17, scale: 17 },
  date: { length: 13, scale: 0 },
};

const SERIAL_NAMES: Readonly<Record<string, string>> = { int2: 'smallserial', int4: 'serial', int8: 'bigserial' };

/** Name, length and scale of a column's type as the Postgres JDBC driver, and so Debezium, tells them. */
export function sourceTypeOf(column: CatalogColumn, types: TypeRegistry): ColumnMapping['sourceType'] {
  const declared = types.get(column.typeOid);
  if (declared === undefined) return { name: `OID ${column.typeOid}`, length: null, scale: null };
  let type = declared;
  let { modifier } = column;
  while (type.kind === 'domain') {
    if (type.baseModifier !== -1) modifier = type.baseModifier;
    type = types.get(type.baseOid) ?? { ...type, kind: 'pseudo' };
  }
  const isSerial = column.defaultExpression?.includes('nextval(') === true;
  const name = (isSerial ? SERIAL_NAMES[declared.name] : undefined) ?? qualifiedName(declared);
  return { name, ...sizeOf(type, modifier, types) };
}

/** Types outside of the usual search path carry their schema. */
function qualifiedName({ namespace, name }: PgType): string {
  return namespace === 'pg_catalog' || namespace === 'public' ? name : `"${namespace}"."${name}"`;
}

/** An array has the size of its elements. */
function sizeOf(type: PgType, modifier: number, types: TypeRegistry): Size {
  const element = type.elementOid === 0 ? undefined : types.get(type.elementOid);
  const { name } = element ?? type;
  switch (name) {
    case 'numeric': {
      const numeric = numericModifier(modifier);
      if (numeric !== null) return { length: numeric.precision, scale: numeric.scale };
      return element === undefined ? { length: 0, scale: null } : { length: UNLIMITED_NUMERIC_ELEMENT, scale: 0 };
    }
    case 'varchar':
    case 'bpchar':
      return { length: modifier === -1 ? UNLIMITED : modifier - VARLENA_HEADER_BYTES, scale: 0 };
    case 'bit':
    case 'varbit':
      return { length: modifier === -1 ? UNLIMITED : modifier, scale: 0 };
    case 'time':
      return temporalSize(TIME_LENGTH, modifier);
    case 'timetz':
      return temporalSize(TIME_LENGTH + ZONE_LENGTH, modifier);
    case 'timestamp':
      return temporalSize(TIMESTAMP_LENGTH, modifier);
    case 'timestamptz':
      return temporalSize(TIMESTAMP_LENGTH + ZONE_LENGTH, modifier);
    case 'interval':
      return { length: 49, scale: modifier === -1 ? DEFAULT_PRECISION : modifier & 0xffff };
    default:
      return FIXED_SIZES[name] ?? { length: UNLIMITED, scale: 0 };
  }
}

/** The driver counts two digits where one is declared. */
function temporalSize(length: number, modifier: number): Size {
  const scale = modifier === -1 ? DEFAULT_PRECISION : modifier;
  return { length: length + (scale === 0 ? 0 : Math.max(scale, 2) + 1), scale };
}
