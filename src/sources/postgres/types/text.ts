import type { Schema } from '../../../model/schema.ts';
import type { ColumnType, TypeContext, TypeFactory } from './column-type.ts';

const PLAIN: Schema = { type: 'string', optional: false };

/** Text as the server prints it, under a semantic name or none. `computed`: see DefaultRules, absent without defaults. */
export function textType(name: string | null, computed?: string): TypeFactory {
  const schema: Schema = name === null ? PLAIN : { ...PLAIN, name, version: 1 };
  return ({ placeholder }) => stringType(schema, placeholder.text, computed);
}

/** An enum's labels, listed in its schema. */
export function enumType({ type, placeholder }: TypeContext): ColumnType {
  const schema: Schema = {
    ...PLAIN,
    name: 'io.debezium.data.Enum',
    version: 1,
    parameters: { allowed: type.enumLabels.join(',') },
  };
  return { ...stringType(schema, placeholder.text), defaults: { computed: null } };
}

function stringType(schema: Schema, unavailable: string, computed?: string): ColumnType {
  return {
    schema,
    read: (bytes, start, end) => bytes.toString('utf8', start, end),
    write: (sink, bytes, start, end) => sink.utf8(bytes, start, end),
    fallback: '',
    unavailable,
    ...(computed === undefined ? {} : { defaults: { computed } }),
  };
}
