/** A property or default as JSON text: its numbers are printed as Java prints them. */
export type JsonText = string;

export type AvroPrimitive = 'int' | 'long' | 'float' | 'double' | 'boolean' | 'string' | 'bytes';

/** `props` are what Avro itself has no use for, in the order in which they are printed. */
export type AvroSchema =
  | { readonly kind: 'primitive'; readonly type: AvroPrimitive; readonly props: Map<string, JsonText> }
  | { readonly kind: 'array'; readonly items: AvroSchema; readonly props: Map<string, JsonText> }
  | { readonly kind: 'map'; readonly values: AvroSchema; readonly props: Map<string, JsonText> }
  | AvroRecord
  | { readonly kind: 'optional'; readonly of: AvroSchema; readonly nullFirst: boolean };

export interface AvroRecord {
  readonly kind: 'record';
  readonly name: string;
  readonly namespace: string | null;
  readonly doc: string | null;
  readonly fields: AvroField[];
  readonly props: Map<string, JsonText>;
}

export interface AvroField {
  readonly name: string;
  readonly schema: AvroSchema;
  readonly doc: string | null;
  /** Null: the field has none; the default null is the text `null`. */
  readonly default: JsonText | null;
}

/** Two different records of one name in a schema: Avro cannot tell them apart. The message names it. */
export class AvroNameClash extends Error {
  override readonly name = 'AvroNameClash';
}

interface Names {
  readonly defined: Map<string, AvroRecord>;
  /** The namespace of the record around. */
  space: string | null;
}

/**
 * The JSON text of a schema as Avro's Java library prints it: a record is written out where it comes first and named after that,
 * a namespace is left out where it is that of the record around.
 * @throws AvroNameClash
 */
export function formatAvroSchema(schema: AvroSchema): string {
  return format(schema, { defined: new Map(), space: null });
}

export function fullNameOf({ name, namespace }: AvroRecord): string {
  return namespace === null ? name : `${namespace}.${name}`;
}

function format(schema: AvroSchema, names: Names): string {
  switch (schema.kind) {
    case 'primitive':
      return schema.props.size === 0 ? `"${schema.type}"` : `{"type":"${schema.type}"${formatProps(schema.props)}}`;
    case 'array':
      return `{"type":"array","items":${format(schema.items, names)}${formatProps(schema.props)}}`;
    case 'map':
      return `{"type":"map","values":${format(schema.values, names)}${formatProps(schema.props)}}`;
    case 'optional': {
      const of = format(schema.of, names);
      return schema.nullFirst ? `["null",${of}]` : `[${of},"null"]`;
    }
    case 'record':
      return formatRecord(schema, names);
  }
}

function formatRecord(record: AvroRecord, names: Names): string {
  const { name, namespace, doc, fields, props } = record;
  const fullName = fullNameOf(record);
  const known = names.defined.get(fullName);
  if (known !== undefined) {
    if (known !== record && formatAvroSchema(known) !== formatAvroSchema(record)) throw new AvroNameClash(fullName);
    return formatText(namespace === null || namespace === names.space ? name : fullName);
  }
  names.defined.set(fullName, record);
  const outer = names.space;
  let text = `{"type":"record","name":${formatText(name)}`;
  if (namespace !== outer) text += `,"namespace":${formatText(namespace ?? '')}`;
  names.space = namespace;
  if (doc !== null) text += `,"doc":${formatText(doc)}`;
  text += `,"fields":[${fields.map((field) => formatField(field, names)).join(',')}]`;
  names.space = outer;
  return `${text}${formatProps(props)}}`;
}

function formatField(field: AvroField, names: Names): string {
  const doc = field.doc === null ? '' : `,"doc":${formatText(field.doc)}`;
  const byDefault = field.default === null ? '' : `,"default":${field.default}`;
  return `{"name":${formatText(field.name)},"type":${format(field.schema, names)}${doc}${byDefault}}`;
}

function formatProps(props: ReadonlyMap<string, JsonText>): string {
  return [...props].map(([key, value]) => `,${formatText(key)}:${value}`).join('');
}

/** JSON text as Jackson prints it into a string: escapes in capitals, everything beyond ASCII as it is. */
export function formatText(text: string): JsonText {
  return JSON.stringify(text).replace(/\\(?:u[0-9a-f]{4}|.)/g, (found) =>
    found.length === 6 ? `\\u${found.slice(2).toUpperCase()}` : found,
  );
}
