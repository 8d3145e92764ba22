import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ValueCodec } from '../../../model/codec.ts';
import type { Schema, Value } from '../../../model/schema.ts';
import { binaryType, varbinaryType } from './binary.ts';
import { bitType } from './bits.ts';
import { type ColumnType, parsePlaceholder, type WriteValue } from './column-type.ts';
import { type DataType, parseDataType } from './data-type.ts';
import { decimalType } from './decimal.ts';
import { enumType, setType } from './enumeration.ts';
import { doubleType, floatType } from './float.ts';
import { bigintType, integerType } from './integer.ts';
import { jsonType } from './json.ts';
import { mariadbType } from './mariadb.ts';
import { geometryType, pointType, vectorType } from './spatial.ts';
import { dateTimeType, dateType, timestampType } from './temporal.ts';
import { textType } from './text.ts';
import { timeType } from './time.ts';
import type { TypeOptions } from './type-options.ts';
import type { ValueForm } from './value-form.ts';
import { yearType } from './year.ts';

/**
 * The codec of a column for values in one form; null when its type has no mapping, so that the column is left out. The schema
 * depends on the column and the options alone.
 * @throws TailraceError `source.type` for a text column in a character set that nobody here can read.
 */
export function createCodec(column: ColumnSchema, form: ValueForm, options: TypeOptions): ValueCodec | null {
  const dataType = parseDataType(column.typeName);
  if (dataType === null) return null;
  const type = mapType(dataType, column, form, options);
  const defaultValue = columnDefault(type, column);
  const schema: Schema = {
    ...type.schema,
    optional: type.schema.optional || column.optional,
    // Comments are kept where they are wanted (`include.schema.comments`).
    ...(column.comment === null ? {} : { doc: column.comment }),
    ...(defaultValue === null ? {} : { default: defaultValue }),
  };
  const missing = column.optional ? null : (defaultValue ?? type.fallback);
  return {
    schema,
    read: (bytes, start, end) => type.read(bytes, start, end) ?? missing,
    write: writerOf(type, schema, missing),
    missing,
    unavailable: type.unavailable ?? null,
  };
}

function writerOf({ write, writeUnlessZero, read }: ColumnType, schema: Schema, missing: Value): WriteValue {
  if (write !== undefined) return write;
  if (writeUnlessZero === undefined) {
    return (sink, bytes, start, end) => sink.value(schema, read(bytes, start, end));
  }
  return (sink, bytes, start, end) => {
    if (!writeUnlessZero(sink, bytes, start, end)) sink.value(schema, missing);
  };
}

function mapType(
  { name, unsigned }: DataType,
  column: ColumnSchema,
  form: ValueForm,
  options: TypeOptions,
): ColumnType {
  const placeholder = parsePlaceholder(options['unavailable.value.placeholder']);
  switch (name) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
      return integerType(name, unsigned, form);
    case 'bigint':
      return bigintType(unsigned, form, options['bigint.unsigned.handling.mode']);
    case 'decimal':
      return decimalType(column, form, options['decimal.handling.mode'], placeholder);
    case 'float':
      return floatType(column, form);
    case 'double':
      return doubleType(form);
    case 'bit':
      return bitType(column);
    case 'year':
      return yearType(form);
    case 'date':
      return dateType(form, options['time.precision.mode']);
    case 'time':
      return timeType(column, form, options['time.precision.mode']);
    case 'datetime':
      return dateTimeType(column, form, options['time.precision.mode']);
    case 'timestamp':
      return timestampType(column, form);
    case 'char':
    case 'varchar':
    case 'text':
      // A text whose character set is `binary` is one of the binary types.
      if (column.charset !== 'binary') return textType(column, form, placeholder);
      return name === 'char'
        ? binaryType(column, options['binary.handling.mode'], placeholder)
        : varbinaryType(form, options['binary.handling.mode'], placeholder);
    case 'binary':
      return binaryType(column, options['binary.handling.mode'], placeholder);
    case 'varbinary':
    case 'blob':
      return varbinaryType(form, options['binary.handling.mode'], placeholder);
    case 'enum':
      return enumType(column, form, placeholder);
    case 'set':
      return setType(column, form, placeholder);
    case 'json':
      return jsonType(form, placeholder);
    case 'point':
      return pointType();
    case 'geometry':
      return geometryType();
    case 'vector':
      return vectorType();
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return mariadbType(name, form, placeholder);
  }
}

/** Null where there is no default, or none that its text tells. */
function columnDefault({ parseDefault }: ColumnType, column: ColumnSchema): Value {
  const { hasDefault, defaultValue } = column;
  if (parseDefault === undefined || !hasDefault || defaultValue === null) return null;
  try {
    return parseDefault(defaultValue, column.optional);
  } catch {
    // An expression, or a value that the schema cannot hold: the server knows what it means, the schema goes without.
    return null;
  }
}
