import { parseDefaultExpression } from '../../../../decoders/pgoutput/text/default-expression.ts';
import type { ValueCodec } from '../../../model/codec.ts';
import { TailraceError } from '../../../model/errors.ts';
import type { Schema, Value } from '../../../model/schema.ts';
import type { CatalogColumn, PgType, TypeRegistry } from '../catalog-types.ts';
import { type ColumnType, parsePlaceholder, type TypeOptions } from './column-type.ts';
import { mapType } from './registry.ts';

/**
 * The codec of a column; null when its type has no mapping, so that the column is left out, as Debezium does.
 * @throws TailraceError `source.type` when the catalog that was read does not know the type.
 */
export function createCodec(column: CatalogColumn, options: TypeOptions, types: TypeRegistry): ValueCodec | null {
  const { type, modifier } = resolveDomain(column, types);
  const placeholder = parsePlaceholder(options['unavailable.value.placeholder']);
  const columnType = mapType({ type, modifier, options, placeholder, registry: types });
  if (columnType === null) return null;
  const isDomain = type.oid !== column.typeOid;
  const defaultValue = isDomain ? null : columnDefault(columnType, column);
  const optional = columnType.schema.optional || !column.notNull;
  const schema: Schema = {
    ...columnType.schema,
    optional,
    ...(defaultValue === null ? {} : { default: defaultValue }),
  };
  const missing = column.notNull ? (defaultValue ?? columnType.fallback) : null;
  return {
    schema,
    read: columnType.read,
    write: columnType.write ?? ((sink, bytes, start, end) => sink.value(schema, columnType.read(bytes, start, end))),
    missing,
    unavailable: columnType.unavailable ?? missing,
  };
}

/** The type under a chain of domains, with the modifier that the chain sets. */
function resolveDomain(column: CatalogColumn, types: TypeRegistry): { type: PgType; modifier: number } {
  let type = typeOf(column.typeOid, column, types);
  let { modifier } = column;
  while (type.kind === 'domain') {
    if (type.baseModifier !== -1) modifier = type.baseModifier;
    type = typeOf(type.baseOid, column, types);
  }
  return { type, modifier };
}

function typeOf(oid: number, column: CatalogColumn, types: TypeRegistry): PgType {
  const type = types.get(oid);
  if (type === undefined) {
    throw new TailraceError('source.type', `column ${column.name} has a type that pg_type did not list: OID ${oid}`, {
      remedy: 'Restart the connector, so that it reads the types again.',
    });
  }
  return type;
}

/** Null where there is no default, or none that the expression's text tells. */
function columnDefault(type: ColumnType, column: CatalogColumn): Value {
  if (type.defaults === undefined || column.defaultExpression === null || column.generated) return null;
  const expression = parseDefaultExpression(column.defaultExpression);
  if (expression === null) return null;
  if (expression.kind === 'function') return type.defaults.computed;
  try {
    if (type.defaults.parse !== undefined) return type.defaults.parse(expression.text);
    const bytes = Buffer.from(expression.text);
    return type.read(bytes, 0, bytes.length);
  } catch {
    // A literal of another type, or a value that the schema cannot hold: the server casts it, the schema goes without.
    return null;
  }
}
