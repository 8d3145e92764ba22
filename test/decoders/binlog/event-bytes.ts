import { crc32 } from 'node:zlib';
import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';

export function u8(value: number): Buffer {
  return Buffer.of(value);
}

export function u16(value: number): Buffer {
  return Buffer.of(value & 0xff, value >> 8);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function u48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntLE(value, 0, 6);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** A string behind its length, a byte. */
export function text(value: string): Buffer {
  return Buffer.concat([u8(Buffer.byteLength(value)), Buffer.from(value)]);
}

export interface EventOptions {
  readonly flags?: number;
  readonly nextPosition?: number;
  readonly checksum?: boolean;
}

/** A whole event of server 7, with a header around `body`. */
export function event(type: number, body: readonly Buffer[], options: EventOptions = {}): Buffer {
  const { flags = 0, nextPosition = 1234, checksum = false } = options;
  const content = Buffer.concat(body);
  const size = 19 + content.length + (checksum ? 4 : 0);
  const bytes = Buffer.concat([
    u32(1_700_000_000),
    u8(type),
    u32(7),
    u32(size),
    u32(nextPosition),
    u16(flags),
    content,
  ]);
  return checksum ? Buffer.concat([bytes, u32(crc32(bytes))]) : bytes;
}

export interface FormatOptions {
  readonly mariadb?: boolean;
  readonly checksum?: boolean;
  readonly flags?: number;
}

export function formatDescription({ mariadb = false, checksum = false, flags = 0 }: FormatOptions = {}): Buffer {
  const lengths = Buffer.alloc(mariadb ? 171 : 42);
  for (const [type, length] of [
    [EVENT_TYPE.query, 13],
    [EVENT_TYPE.rotate, 8],
    [EVENT_TYPE.tableMap, 8],
    [EVENT_TYPE.writeRowsV1, 8],
    [EVENT_TYPE.updateRowsV1, 8],
    [EVENT_TYPE.deleteRowsV1, 8],
    [EVENT_TYPE.writeRows, 10],
    [EVENT_TYPE.updateRows, 10],
    [EVENT_TYPE.deleteRows, 10],
  ] as const) {
    lengths[type - 1] = length;
  }
  const version = Buffer.alloc(50);
  version.write(mariadb ? '10.11.6-MariaDB-log' : '8.4.0');
  const body = [u16(4), version, u32(0), u8(19), lengths, u8(checksum ? 1 : 0)];
  const bytes = event(EVENT_TYPE.formatDescription, body, { checksum: true });
  bytes[17] = flags;
  return bytes;
}
