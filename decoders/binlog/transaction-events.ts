import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import type { XaPrepareEvent, Xid, XidEvent } from './event.ts';
import type { EventHeader } from './event-header.ts';

/** The X/Open XA limit, MAXGTRIDSIZE and MAXBQUALSIZE. */
const MAX_XID_PART_BYTES = 64;

/** XID_EVENT: `uint64 xid`, the commit of a transaction. */
export function parseXidEvent(cursor: BinlogCursor, header: EventHeader): XidEvent {
  const xid = cursor.bigUint64();
  cursor.expectEnd('XID event');
  return { kind: 'xid', header, xid };
}

/**
 * XA_PREPARE_LOG_EVENT:
 *
 *     uint8 onePhase, int32 formatId, uint32 gtridLength, uint32 bqualLength, gtrid, bqual
 *
 * (MySQL source, libs/mysql/binlog/event/control_events.h, `XA_prepare_event`.)
 */
export function parseXaPrepare(cursor: BinlogCursor, header: EventHeader): XaPrepareEvent {
  const onePhase = cursor.uint8() !== 0;
  const formatId = cursor.int32();
  const gtridLength = cursor.uint32();
  const xid = parseXid(cursor, formatId, gtridLength, cursor.uint32());
  cursor.expectEnd('XA prepare');
  return { kind: 'xa-prepare', header, onePhase, xid };
}

/** The parts of an XA id, copied: it outlives its event. */
export function parseXid(cursor: BinlogCursor, formatId: number, gtridLength: number, bqualLength: number): Xid {
  if (gtridLength > MAX_XID_PART_BYTES || bqualLength > MAX_XID_PART_BYTES) {
    throw new DecodeError(`XA id of ${gtridLength} and ${bqualLength} bytes`, cursor.position);
  }
  const gtrid = Buffer.from(cursor.view(gtridLength));
  return { formatId, gtrid, bqual: Buffer.from(cursor.view(bqualLength)) };
}
