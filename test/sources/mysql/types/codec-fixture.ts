import assert from 'node:assert/strict';
import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import type { TableMapColumn } from '../../../../decoders/binlog/table-map.ts';
import { charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { JsonSink } from '../../../../src/converters/json/json-sink.ts';
import type { ValueCodec } from '../../../../src/model/codec.ts';
import { TailraceError } from '../../../../src/model/errors.ts';
import { createCodec } from '../../../../src/sources/mysql/types/create-codec.ts';
import type { TypeOptions } from '../../../../src/sources/mysql/types/type-options.ts';
import type { ValueForm } from '../../../../src/sources/mysql/types/value-form.ts';
import { assertAvroAgrees } from '../../../converters/avro/column-agreement.ts';

export const DEFAULT_OPTIONS: TypeOptions = {
  'decimal.handling.mode': 'precise',
  'bigint.unsigned.handling.mode': 'long',
  'time.precision.mode': 'adaptive_time_microseconds',
  'binary.handling.mode': 'bytes',
  'unavailable.value.placeholder': '__debezium_unavailable_value',
};

/** Every value of every option is in one of these. */
export const MODES: readonly TypeOptions[] = [
  DEFAULT_OPTIONS,
  {
    ...DEFAULT_OPTIONS,
    'decimal.handling.mode': 'string',
    'bigint.unsigned.handling.mode': 'precise',
    'time.precision.mode': 'microseconds',
    'binary.handling.mode': 'hex',
  },
  {
    ...DEFAULT_OPTIONS,
    'decimal.handling.mode': 'double',
    'time.precision.mode': 'isostring',
    'binary.handling.mode': 'base64-url-safe',
  },
  { ...DEFAULT_OPTIONS, 'time.precision.mode': 'nanoseconds', 'binary.handling.mode': 'base64' },
  { ...DEFAULT_OPTIONS, 'time.precision.mode': 'connect' },
];

/** Everything a test may change of a column, and of the options. */
export interface ColumnChoices extends Partial<Omit<ColumnSchema, 'name' | 'position' | 'typeName'>> {
  readonly options?: Partial<TypeOptions>;
}

/** A nullable column `c`; its type as in `decimal(10,2) unsigned` or `enum('a','b')`. */
export function columnOf(declared: string, choices: ColumnChoices = {}): ColumnSchema {
  const { options: _, ...rest } = choices;
  const [, name, list, attributes] = /^([a-z ]+[0-9]?[a-z]*)(?:\((.*)\))?(.*)$/is.exec(declared)!;
  const isList = /^(?:enum|set)$/i.test(name!);
  const [length, scale] = isList || list === undefined ? [] : list.split(',').map(Number);
  const labels = isList
    ? [...list!.matchAll(/'((?:[^']|'')*)'/g)].map(([, label]) => label!.replaceAll("''", "'"))
    : [];
  return {
    name: 'c',
    position: 1,
    typeName: `${name}${attributes}`.trim().toUpperCase(),
    jdbcType: 0,
    length: length ?? null,
    scale: scale ?? null,
    charset: null,
    optional: true,
    autoIncremented: false,
    generated: false,
    comment: null,
    hasDefault: rest.defaultValue !== undefined,
    defaultValue: null,
    labels,
    ...rest,
  };
}

export const TEXT_FORM: ValueForm = { kind: 'text' };

/** The form of a column whose table map says no more than its type. */
export function binlogForm(type: keyof typeof COLUMN_TYPE, metadata = 0): ValueForm {
  const column: TableMapColumn = {
    type: COLUMN_TYPE[type],
    metadata,
    nullable: true,
    unsigned: null,
    collation: null,
    name: null,
    members: null,
    geometryType: null,
    dimensions: null,
    visible: null,
  };
  return { kind: 'binlog', column, family: 'mysql' };
}

export function maybeCodec(declared: string, form: ValueForm, choices: ColumnChoices = {}): ValueCodec | null {
  return createCodec(columnOf(declared, choices), form, { ...DEFAULT_OPTIONS, ...choices.options });
}

export function codecOf(declared: string, form: ValueForm, choices?: ColumnChoices): ValueCodec {
  const codec = maybeCodec(declared, form, choices);
  assert.ok(codec, `${declared} has no mapping`);
  return codec;
}

const sink = new JsonSink();

/** JSON of a value; the compiled and the structured road must agree on it. The bytes stand inside of others. */
export function jsonOf(codec: ValueCodec, value: Uint8Array): string {
  const bytes = Buffer.concat([Buffer.from([0x31, 0xff]), value, Buffer.from([0x30, 0xff])]);
  const [start, end] = [2, 2 + value.length];
  sink.position = 0;
  codec.write(sink, bytes, start, end);
  const compiled = sink.buffer.toString('utf8', 0, sink.position);
  sink.position = 0;
  sink.value(codec.schema, codec.read(bytes, start, end));
  assert.equal(compiled, sink.buffer.toString('utf8', 0, sink.position), 'write must equal read');
  assertAvroAgrees(codec, bytes, start, end);
  return compiled;
}

/** The same, or the message of a value that the options cannot hold. */
export function jsonOrRefusal(codec: ValueCodec, value: Uint8Array): string {
  try {
    return jsonOf(codec, value);
  } catch (error) {
    if (error instanceof TailraceError) return error.message;
    throw error;
  }
}

/** JSON of a constant of a codec: `missing` or `unavailable`. */
export function constantJson(codec: ValueCodec, constant: 'missing' | 'unavailable'): string {
  sink.position = 0;
  sink.value(codec.schema, codec[constant]);
  return sink.buffer.toString('utf8', 0, sink.position);
}

/** Whether a collation, by its number, is of text. */
export function textCharset(collation: number | null): string | null {
  const charset = collation === null ? null : charsetOfCollation(collation);
  return charset === 'binary' ? null : charset;
}
