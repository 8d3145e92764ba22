import type { Column, Table } from '../change.ts';
import type { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import type { TypeMessage } from './message.ts';

/**
 * `R` Int32 oid, String namespace, String name, Byte1 replicaIdentity, Int16 columns,
 * then per column: Int8 flags (1: part of the replica identity), String name, Int32 typeOid, Int32 typeModifier
 *
 * An empty namespace stands for pg_catalog.
 */
export function parseTable(cursor: Cursor): Table {
  const id = cursor.uint32();
  const namespace = parseNamespace(cursor);
  const name = cursor.cstring();
  const replicaIdentity = parseReplicaIdentity(cursor);
  const count = cursor.uint16();
  const columns: Column[] = [];
  for (let i = 0; i < count; i++) columns.push(parseColumn(cursor));
  cursor.expectEnd('relation');
  return { id, namespace, name, columns, replicaIdentity };
}

function parseColumn(cursor: Cursor): Column {
  const flags = cursor.uint8();
  if (flags > 1) throw new DecodeError(`relation column with unknown flags ${flags}`, cursor.position - 1);
  const name = cursor.cstring();
  const type = cursor.uint32();
  const modifier = cursor.int32();
  return { name, type, modifier, identity: flags === 1 };
}

/** pg_class.relreplident */
function parseReplicaIdentity(cursor: Cursor): Table['replicaIdentity'] {
  const letter = String.fromCharCode(cursor.uint8());
  switch (letter) {
    case 'd':
      return 'default';
    case 'n':
      return 'nothing';
    case 'f':
      return 'full';
    case 'i':
      return 'index';
    default:
      throw new DecodeError(`relation with unknown replica identity ${JSON.stringify(letter)}`, cursor.position - 1);
  }
}

/** `Y` Int32 oid, String namespace, String name */
export function parseType(cursor: Cursor, xid: number | null): TypeMessage {
  const oid = cursor.uint32();
  const namespace = parseNamespace(cursor);
  const name = cursor.cstring();
  cursor.expectEnd('type');
  return { kind: 'type', xid, oid, namespace, name };
}

function parseNamespace(cursor: Cursor): string {
  const namespace = cursor.cstring();
  return namespace === '' ? 'pg_catalog' : namespace;
}
