import { TailraceError } from '../../model/errors.ts';
import { isAvroName } from './avro-name.ts';
import { type AvroSchema, fullNameOf } from './avro-schema.ts';

/**
 * Names that no reader of Avro would take.
 * @throws TailraceError `converter.schema`, before the registry refuses them with less to say.
 */
export function checkNames(schema: AvroSchema, topic: string): void {
  switch (schema.kind) {
    case 'primitive':
      return;
    case 'array':
      checkNames(schema.items, topic);
      return;
    case 'map':
      checkNames(schema.values, topic);
      return;
    case 'optional':
      checkNames(schema.of, topic);
      return;
    case 'record':
      if (!isAvroName(schema.name)) {
        throw invalidName(`the schema name ${fullNameOf(schema)} of ${topic}`, 'schema.name.adjustment.mode');
      }
      for (const { name, schema: of } of schema.fields) {
        if (!isAvroName(name))
          throw invalidName(`field ${name} of ${fullNameOf(schema)}`, 'field.name.adjustment.mode');
        checkNames(of, topic);
      }
  }
}

function invalidName(what: string, key: string): TailraceError {
  return new TailraceError('converter.schema', `${what} is no name of Avro's: letters, digits and underscores`, {
    remedy: `Set ${key} to avro or avro_unicode.`,
  });
}
