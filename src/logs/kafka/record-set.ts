import { crc32c } from '@node-rs/crc32';
import { Cursor } from '../../../decoders/cursor.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import type { EncodedHeader, LogRecord } from '../../model/record.ts';
import { decompress } from './decompression.ts';

/** A transaction that was aborted: its records of one producer from `firstOffset` on, up to its abort marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

export interface RecordSetContext {
  readonly topic: string;
  readonly partition: number;
  /** Records before it are left out: a batch is sent whole. */
  readonly from: number;
  /** Of the same fetch; empty where uncommitted records are wanted, too. */
  readonly aborted: readonly AbortedTransaction[];
}

export interface RecordSet {
  /** The records of a batch each; batches that have none left are left out. */
  readonly batches: readonly (readonly LogRecord[])[];
  /** Where to go on: behind the last batch, also where it holds nothing (compaction, markers, aborted). */
  readonly nextOffset: number;
}

/** From `baseOffset` to `crc`, which covers what follows it. */
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const OVERHEAD = 61;

const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

const ABORT_MARKER = 0;

/**
 * The records of a fetch of one partition: RecordBatch* in the message format 2 (Kafka 0.11),
 * ```
 * baseOffset i64, length i32, leaderEpoch i32, magic i8, crc u32, attributes i16, lastOffsetDelta i32,
 * baseTimestamp i64, maxTimestamp i64, producerId i64, producerEpoch i16, baseSequence i32, count i32, Record*
 * Record: length, attributes i8, timestampDelta, offsetDelta, keyLength, key, valueLength, value, headerCount, (key, value)*
 * ```
 * with zigzag varints where no size is given. A batch that is cut off at the end is left for the next fetch.
 * @throws DecodeError
 */
export function decodeRecordSet(bytes: Buffer, context: RecordSetContext): RecordSet {
  const batches: LogRecord[][] = [];
  const aborted = [...context.aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const skippedProducers = new Set<bigint>();
  let nextOffset = context.from;
  for (let at = 0; at + CRC_AT <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const batch = bytes.subarray(at, end);
    at = end;
    const header = readHeader(batch);
    nextOffset = header.lastOffset + 1;
    while (aborted.length > 0 && aborted[0]!.firstOffset <= header.lastOffset) {
      skippedProducers.add(aborted.shift()!.producerId);
    }
    if ((header.attributes & CONTROL) !== 0) {
      if (isAbortMarker(batch, header)) skippedProducers.delete(header.producerId);
      continue;
    }
    if ((header.attributes & TRANSACTIONAL) !== 0 && skippedProducers.has(header.producerId)) continue;
    if (nextOffset <= context.from) continue;
    const records = readRecords(batch, header, context);
    if (records.length > 0) batches.push(records);
  }
  return { batches, nextOffset: Math.max(nextOffset, context.from) };
}

interface BatchHeader {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly attributes: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: bigint;
  readonly count: number;
}

function readHeader(batch: Buffer): BatchHeader {
  const cursor = new Cursor(batch);
  const baseOffset = cursor.int64();
  cursor.take(8); // length, leader epoch
  const magic = cursor.uint8();
  if (magic !== 2) throw new DecodeError(`message format ${magic}, which Kafka wrote before 0.11`, 16);
  const crc = cursor.uint32();
  const actual = crc32c(batch.subarray(ATTRIBUTES_AT));
  if (crc !== actual) throw new DecodeError(`CRC ${crc} of the batch at offset ${baseOffset} is ${actual}`, CRC_AT);
  const attributes = cursor.uint16();
  const lastOffset = baseOffset + cursor.int32();
  const baseTimestampMs = cursor.int64();
  const maxTimestampMs = cursor.int64();
  const producerId = batch.readBigInt64BE(cursor.take(8));
  cursor.take(6); // producer epoch, base sequence
  return { baseOffset, lastOffset, attributes, baseTimestampMs, maxTimestampMs, producerId, count: cursor.int32() };
}

/** The one record of a control batch has for its key: version i16, type i16. */
function isAbortMarker(batch: Buffer, header: BatchHeader): boolean {
  if (header.count === 0) return false;
  const cursor = new Cursor(batch, OVERHEAD);
  varint(cursor); // length
  cursor.take(1);
  varlong(cursor);
  varint(cursor);
  varint(cursor); // key length
  cursor.take(2);
  return cursor.uint16() === ABORT_MARKER;
}

function readRecords(batch: Buffer, header: BatchHeader, context: RecordSetContext): LogRecord[] {
  const body = batch.subarray(OVERHEAD);
  const codec = header.attributes & COMPRESSION_MASK;
  const cursor = new Cursor(codec === 0 ? body : decompress(codec, body));
  const { topic, partition, from } = context;
  const isAppendTime = (header.attributes & LOG_APPEND_TIME) !== 0;
  const records: LogRecord[] = [];
  for (let i = 0; i < header.count; i++) {
    const length = varint(cursor);
    const end = cursor.take(length) + length;
    cursor.position = end - length + 1; // attributes
    const timestampDelta = varlong(cursor);
    const offset = header.baseOffset + varint(cursor);
    if (offset < from) {
      cursor.position = end;
      continue;
    }
    const timestampMs = isAppendTime ? header.maxTimestampMs : header.baseTimestampMs + timestampDelta;
    const key = sized(cursor);
    const value = sized(cursor);
    records.push({ topic, partition, offset, timestampMs, key, value, headers: readHeaders(cursor) });
    cursor.position = end;
  }
  return records;
}

const NONE: readonly EncodedHeader[] = [];

function readHeaders(cursor: Cursor): readonly EncodedHeader[] {
  const count = varint(cursor);
  if (count === 0) return NONE;
  const headers: EncodedHeader[] = [];
  for (let i = 0; i < count; i++) {
    headers.push({ key: (sized(cursor) ?? Buffer.alloc(0)).toString('utf8'), value: sized(cursor) });
  }
  return headers;
}

function sized(cursor: Cursor): Buffer | null {
  const length = varint(cursor);
  if (length < 0) return null;
  const start = cursor.take(length);
  return cursor.bytes.subarray(start, start + length);
}

function varint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift <= 28; shift += 7) {
    const byte = cursor.uint8();
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
  }
  throw new DecodeError('varint of more than 5 bytes', cursor.position);
}

/** Beyond 2^53 it loses its last digits: they are milliseconds. */
function varlong(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1, i = 0; i < 10; i++, scale *= 128) {
    const byte = cursor.uint8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  throw new DecodeError('varlong of more than 10 bytes', cursor.position);
}
