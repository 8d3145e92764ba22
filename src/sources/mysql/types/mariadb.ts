import { parseInet4, parseInet6, parseUuid } from '../../../../decoders/binlog/value/mariadb.ts';
import type { Schema } from '../../../model/schema.ts';
import type { ColumnType, Placeholder } from './column-type.ts';
import type { ValueForm } from './value-form.ts';

type MariadbTypeName = 'uuid' | 'inet4' | 'inet6';

const PARSERS: Readonly<Record<MariadbTypeName, (bytes: Buffer, start: number, end: number) => string>> = {
  uuid: parseUuid,
  inet4: parseInet4,
  inet6: parseInet6,
};

/** MariaDB's own types: the server's text. Debezium has no mapping for INET4 and INET6 and leaves such columns out. */
export function mariadbType(name: MariadbTypeName, form: ValueForm, placeholder: Placeholder): ColumnType {
  const schema: Schema =
    name === 'uuid'
      ? { type: 'string', optional: false, name: 'io.debezium.data.Uuid', version: 1 }
      : { type: 'string', optional: false };
  const shared = { schema, fallback: '', unavailable: placeholder.text, parseDefault: (text: string) => text };
  if (form.kind === 'text') {
    return {
      ...shared,
      read: (bytes, start, end) => bytes.toString('latin1', start, end),
      write: (sink, bytes, start, end) => sink.utf8(bytes, start, end),
    };
  }
  const parse = PARSERS[name];
  return {
    ...shared,
    read: parse,
    write: (sink, bytes, start, end) => sink.string(parse(bytes, start, end)),
  };
}
