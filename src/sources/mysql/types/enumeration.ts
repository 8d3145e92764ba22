import { parseEnum, parseSet } from '../../../../decoders/binlog/value/bits.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { Schema } from '../../../model/schema.ts';
import { columnText } from './charset-text.ts';
import type { ColumnType, Placeholder } from './column-type.ts';
import type { ValueForm } from './value-form.ts';

/** Sets of so few members have a text for each of their values made in advance. */
const PREPARED_MEMBERS = 8;
/** Of a set with more members so many bytes are a number without a bigint. */
const NUMBER_BYTES = 4;

/** ENUM: its label; the empty string that the server stores for an invalid value has index 0. */
export function enumType(column: ColumnSchema, form: ValueForm, placeholder: Placeholder): ColumnType {
  const shared = sharedOf('io.debezium.data.Enum', column.labels, placeholder);
  if (form.kind === 'text') return { ...shared, ...columnText(column, form) };
  const labels = storedLabels(column, form);
  const texts = ['', ...labels];
  const encoded = texts.map((text) => Buffer.from(text));
  return {
    ...shared,
    read: (bytes, start, end) => texts[parseEnum(bytes, start, end, labels.length)]!,
    write: (sink, bytes, start, end) => {
      const text = encoded[parseEnum(bytes, start, end, labels.length)]!;
      sink.utf8(text, 0, text.length);
    },
  };
}

/** SET: its members' labels, joined by commas. */
export function setType(column: ColumnSchema, form: ValueForm, placeholder: Placeholder): ColumnType {
  const shared = sharedOf('io.debezium.data.EnumSet', column.labels, placeholder);
  if (form.kind === 'text') return { ...shared, ...columnText(column, form) };
  const labels = storedLabels(column, form);
  if (labels.length <= PREPARED_MEMBERS) {
    const texts = Array.from({ length: 2 ** labels.length }, (_, bitmap) => joinMembers(labels, bitmap));
    const encoded = texts.map((text) => Buffer.from(text));
    return {
      ...shared,
      read: (bytes, start, end) => texts[smallBitmap(bytes, start, end, labels.length)]!,
      write: (sink, bytes, start, end) => {
        const text = encoded[smallBitmap(bytes, start, end, labels.length)]!;
        sink.utf8(text, 0, text.length);
      },
    };
  }
  const read = (bytes: Buffer, start: number, end: number): string =>
    joinMembers(labels, parseSet(bytes, start, end, labels.length));
  return { ...shared, read, write: (sink, bytes, start, end) => sink.string(read(bytes, start, end)) };
}

function sharedOf(name: string, labels: readonly string[], placeholder: Placeholder) {
  const schema: Schema = {
    type: 'string',
    optional: false,
    name,
    version: 1,
    // A comma inside of a label is escaped, as Debezium does it.
    parameters: { allowed: labels.map((label) => label.replaceAll(',', '\\,')).join(',') },
  };
  return { schema, fallback: '', unavailable: placeholder.text, parseDefault: (text: string) => text };
}

/** The table map has them as they are; SHOW CREATE TABLE prints a question mark for a character beyond the BMP. */
function storedLabels(column: ColumnSchema, form: ValueForm): readonly string[] {
  const members = form.kind === 'binlog' ? form.column.members : null;
  if (members === null) return column.labels;
  const text = columnText(column, form);
  return members.map((member) => text.read(member, 0, member.length));
}

/** The bitmap of a set of at most 8 members: one byte. */
function smallBitmap(bytes: Buffer, start: number, end: number, members: number): number {
  const bitmap = bytes[start]!;
  if (end - start !== 1 || bitmap >> members !== 0) {
    throw new DecodeError(`set: no value of a set of ${members} members`, start);
  }
  return bitmap;
}

function joinMembers(labels: readonly string[], bitmap: number | bigint): string {
  const isSmall = labels.length < NUMBER_BYTES * 8;
  const bits = isSmall ? Number(bitmap) : 0;
  const wide = isSmall ? 0n : BigInt(bitmap);
  return labels.filter((_, i) => (isSmall ? (bits >> i) & 1 : (wide >> BigInt(i)) & 1n)).join(',');
}
