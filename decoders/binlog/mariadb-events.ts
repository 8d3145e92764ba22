import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import type { MariadbGtidEvent, MariadbGtidListEvent, RowsQueryEvent } from './event.ts';
import type { EventHeader } from './event-header.ts';
import type { MariadbGtid } from './mariadb-gtid.ts';
import { parseXid } from './transaction-events.ts';

/** `Gtid_log_event::FL_*` */
const FLAG = { standalone: 1, groupCommitId: 2, transactional: 4, ddl: 32, preparedXa: 64, completedXa: 128 } as const;
/** `Gtid_log_event::FL_*_E1`, in the byte behind those. */
const EXTRA = { multiEngine: 1, startAlter: 2, commitAlter: 4, rollbackAlter: 8, threadId: 16 } as const;
/** The upper four bits of the count of a GTID list are flags. */
const LIST_COUNT_MASK = 0x0fff_ffff;
/** domain, server, sequence */
const LIST_ENTRY_BYTES = 4 + 4 + 8;
/** The server keeps room enough to replace an event by a dummy one for a replica that does not know it. */
const EMPTY_LIST_PADDING_BYTES = 2;

/**
 * MariaDB's GTID_EVENT, which also begins the transaction:
 *
 *     uint64 sequence, uint32 domain, uint8 flags, [uint64 commitId], [uint32 formatId, uint8 gtridLength,
 *     uint8 bqualLength, data], [uint8 extraFlags, [uint8 engines], [uint64 started], [uint32 threadId]], zeros
 *
 * The server id is the header's (MariaDB source, sql/log_event.cc, `Gtid_log_event::Gtid_log_event`).
 */
export function parseMariadbGtid(cursor: BinlogCursor, header: EventHeader): MariadbGtidEvent {
  const sequence = cursor.bigUint64();
  const domain = cursor.uint32();
  const flags = cursor.uint8();
  const commitId = flags & FLAG.groupCommitId ? cursor.bigUint64() : null;
  let xa: MariadbGtidEvent['xa'] = null;
  if (flags & (FLAG.preparedXa | FLAG.completedXa)) {
    const formatId = cursor.uint32() | 0;
    const gtridLength = cursor.uint8();
    const xid = parseXid(cursor, formatId, gtridLength, cursor.uint8());
    xa = { phase: flags & FLAG.preparedXa ? 'prepared' : 'completed', xid };
  }
  let alter: MariadbGtidEvent['alter'] = null;
  let threadId: number | null = null;
  if (cursor.remaining > 0) {
    const extra = cursor.uint8();
    if (extra & EXTRA.multiEngine) cursor.take(1);
    if (extra & EXTRA.startAlter) alter = { phase: 'start', started: 0n };
    if (extra & (EXTRA.commitAlter | EXTRA.rollbackAlter)) {
      alter = { phase: extra & EXTRA.commitAlter ? 'commit' : 'rollback', started: cursor.bigUint64() };
    }
    if (extra & EXTRA.threadId) threadId = cursor.uint32();
  }
  while (cursor.remaining > 0) cursor.expectByte(0, 'padding of a MariaDB GTID event');
  return {
    kind: 'mariadb-gtid',
    header,
    gtid: { domain, server: header.serverId, sequence },
    standalone: (flags & FLAG.standalone) !== 0,
    ddl: (flags & FLAG.ddl) !== 0,
    transactional: (flags & FLAG.transactional) !== 0,
    commitId,
    xa,
    alter,
    threadId,
  };
}

/**
 * MariaDB's GTID_LIST_EVENT:
 *
 *     uint32 flags << 28 | count, { uint32 domain, uint32 server, uint64 sequence }, [empty list: byte[2]]
 *
 * (MariaDB source, sql/log_event.h, `Gtid_list_log_event`.)
 */
export function parseMariadbGtidList(cursor: BinlogCursor, header: EventHeader): MariadbGtidListEvent {
  const at = cursor.position;
  const count = cursor.uint32() & LIST_COUNT_MASK;
  if (cursor.remaining !== (count === 0 ? EMPTY_LIST_PADDING_BYTES : count * LIST_ENTRY_BYTES)) {
    throw new DecodeError(`GTID list of ${count} entries in ${cursor.remaining} bytes`, at);
  }
  const gtids: MariadbGtid[] = [];
  for (let i = 0; i < count; i++) {
    gtids.push({ domain: cursor.uint32(), server: cursor.uint32(), sequence: cursor.bigUint64() });
  }
  return { kind: 'mariadb-gtid-list', header, gtids };
}

/** MariaDB's ANNOTATE_ROWS_EVENT: the statement and nothing else. */
export function parseAnnotateRows(cursor: BinlogCursor, header: EventHeader): RowsQueryEvent {
  return { kind: 'rows-query', header, query: cursor.view(cursor.remaining) };
}

/**
 * MariaDB's START_ENCRYPTION_EVENT. The dump thread decrypts and does not send it, so whoever meets one is reading an
 * encrypted file itself (MariaDB source, sql/sql_repl.cc, `send_format_descriptor_event`).
 */
export function encryptionError(at: number): DecodeError {
  const remedy = 'read it from the server, which decrypts what it sends';
  return new DecodeError(`this binlog is encrypted and its key is not here: ${remedy}`, at);
}
