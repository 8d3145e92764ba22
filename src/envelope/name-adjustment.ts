export type NameAdjustment = 'none' | 'avro' | 'avro_unicode';

/** Makes a dotted schema name valid for Avro: each invalid character becomes `_`, or `_uXXXX` with its code unit. */
export function adjustSchemaName(name: string, mode: NameAdjustment): string {
  if (mode === 'none') return name;
  return name
    .split('.')
    .map((part) => adjustFieldName(part, mode))
    .join('.');
}

/** Makes a field name valid for Avro. A digit in front is invalid too. */
export function adjustFieldName(name: string, mode: NameAdjustment): string {
  if (mode === 'none') return name;
  return name.replace(/[^A-Za-z0-9_]|^[0-9]/g, (char) => (mode === 'avro' ? '_' : unicodeEscape(char)));
}

function unicodeEscape(char: string): string {
  return `_u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
