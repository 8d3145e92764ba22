export type NameAdjustment = 'none' | 'avro' | 'avro_unicode';

/** Makes a dotted schema name valid for Avro, part by part. */
export function adjustSchemaName(name: string, mode: NameAdjustment): string {
  if (mode === 'none') return name;
  return name
    .split('.')
    .map((part) => adjustFieldName(part, mode))
    .join('.');
}

/**
 * Makes a field name valid for Avro (io.debezium.schema.SchemaNameAdjuster), a UTF-16 unit at a time. `avro`: what is
 * invalid becomes `_`, and a digit in front gets one before it. `avro_unicode`: it becomes `_uXXXX`, and so does the
 * underscore, which makes the names reversible.
 */
export function adjustFieldName(name: string, mode: NameAdjustment): string {
  switch (mode) {
    case 'none':
      return name;
    case 'avro':
      return name.replace(/^[0-9]/, '_$&').replace(/[^A-Za-z0-9_]/g, '_');
    case 'avro_unicode':
      return name.replace(/[^A-Za-z0-9]|^[0-9]/g, (unit) => `_u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }
}
