/** What of a type tells how bytes are read and what they mean; documentation, defaults and Connect's properties do not. */
const MEANING = ['logicalType', 'precision', 'scale', 'size', 'symbols'];

/** Whether values written by one schema are read by the other as what they are: both JSON texts of Avro schemas. */
export function isSameLayout(one: string, other: string): boolean {
  return layout(JSON.parse(one), null) === layout(JSON.parse(other), null);
}

type Json = string | readonly Json[] | { readonly [key: string]: Json };

function layout(schema: Json, space: string | null): string {
  if (typeof schema === 'string') return isPrimitive(schema) ? schema : qualify(schema, space);
  if (Array.isArray(schema)) return `[${schema.map((branch) => layout(branch, space)).join(',')}]`;
  const type = schema as { readonly [key: string]: Json };
  const meaning = MEANING.filter((key) => type[key] !== undefined).map((key) => `${key}=${JSON.stringify(type[key])}`);
  return `${shape(type, space)}${meaning.length === 0 ? '' : `{${meaning.join(',')}}`}`;
}

function shape(type: { readonly [key: string]: Json }, space: string | null): string {
  switch (type.type) {
    case 'array':
      return `array<${layout(type.items!, space)}>`;
    case 'map':
      return `map<${layout(type.values!, space)}>`;
    case 'record':
    case 'enum':
    case 'fixed': {
      const name = qualify(type.name as string, (type.namespace as string | undefined) ?? space);
      if (type.type !== 'record') return `${type.type} ${name}`;
      const dot = name.lastIndexOf('.');
      const inner = dot === -1 ? null : name.slice(0, dot);
      const fields = (type.fields as readonly { readonly name: string; readonly type: Json }[]).map(
        (field) => `${field.name}:${layout(field.type, inner)}`,
      );
      return `record ${name}(${fields.join(',')})`;
    }
    default:
      return layout(type.type!, space);
  }
}

function qualify(name: string, space: string | null): string {
  return name.includes('.') || space === null || space === '' ? name : `${space}.${name}`;
}

function isPrimitive(name: string): boolean {
  return ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'].includes(name);
}
