import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import { parseCompressed } from '../../../../decoders/binlog/value/compressed.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { columnText } from './charset-text.ts';
import type { ColumnType, Placeholder } from './column-type.ts';
import type { ValueForm } from './value-form.ts';

/** CHAR, VARCHAR and the TEXTs. */
export function textType(column: ColumnSchema, form: ValueForm, placeholder: Placeholder): ColumnType {
  const text = columnText(column, form);
  return {
    schema: { type: 'string', optional: false },
    ...uncompressed(form, text),
    fallback: '',
    unavailable: placeholder.text,
    parseDefault: (value) => value,
  };
}

/** MariaDB's COMPRESSED columns are so in the binlog as well. */
export function uncompressed(
  form: ValueForm,
  codec: Required<Pick<ColumnType, 'read' | 'write'>>,
): Required<Pick<ColumnType, 'read' | 'write'>> {
  if (form.kind === 'text') return codec;
  const { type } = form.column;
  if (type !== COLUMN_TYPE.varcharCompressed && type !== COLUMN_TYPE.blobCompressed) return codec;
  return {
    read: (bytes, start, end) => {
      const value = parseCompressed(bytes, start, end);
      return codec.read(value, 0, value.length);
    },
    write: (sink, bytes, start, end) => {
      const value = parseCompressed(bytes, start, end);
      codec.write(sink, value, 0, value.length);
    },
  };
}
