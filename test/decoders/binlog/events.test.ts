import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, zstdCompressSync } from 'node:zlib';
import type { BinlogEvent } from '../../../decoders/binlog/event.ts';
import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import { EventParser } from '../../../decoders/binlog/parse-event.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { event, type FormatOptions, formatDescription, text, u8, u16, u32, u64 } from './event-bytes.ts';

const ARTIFICIAL = 0x20;
const IGNORABLE = 0x80;

function parserOf(options?: FormatOptions): EventParser {
  const parser = new EventParser();
  const format = formatDescription(options);
  parser.parse(format, 0, format.length);
  return parser;
}

function parse(type: number, body: readonly Buffer[], options?: FormatOptions): BinlogEvent {
  const bytes = event(type, body, { checksum: options?.checksum ?? false });
  return parserOf(options).parse(bytes, 0, bytes.length);
}

function fields(decoded: BinlogEvent): object {
  const { header, ...rest } = decoded;
  return rest;
}

test('checksums are verified by the algorithm of the file, whatever the file before had', () => {
  const parser = parserOf({ checksum: true });
  const plain = event(EVENT_TYPE.xid, [u64(5n)]);
  const summed = event(EVENT_TYPE.xid, [u64(5n)], { checksum: true });
  assert.equal(parser.parse(summed, 0, summed.length).kind, 'xid');
  for (const checksum of [false, true, false]) {
    const format = formatDescription({ checksum });
    parser.parse(format, 0, format.length);
    const [right, wrong] = checksum ? [summed, plain] : [plain, summed];
    assert.equal(parser.parse(right, 0, right.length).kind, 'xid');
    assert.throws(() => parser.parse(wrong, 0, wrong.length), DecodeError);
  }
});

test('the in-use flag of a file that is written to is not in the checksum of its format description', () => {
  const format = formatDescription({ checksum: true, flags: 1 });
  assert.equal(new EventParser().parse(format, 0, format.length).kind, 'format-description');
});

test('an event is read in the middle of other bytes', () => {
  const xid = event(EVENT_TYPE.xid, [u64(2n ** 63n)]);
  const around = Buffer.concat([Buffer.alloc(3, 0xee), xid, Buffer.alloc(9, 0xee)]);
  const decoded = parserOf().parse(around, 3, 3 + xid.length);
  assert.deepEqual(fields(decoded), { kind: 'xid', xid: 2n ** 63n });
  assert.deepEqual(decoded.header, {
    timestamp: 1_700_000_000,
    type: EVENT_TYPE.xid,
    serverId: 7,
    size: xid.length,
    nextPosition: 1234,
    flags: 0,
  });
});

test('nothing but an artificial rotate comes before the format description, and that with or without a checksum', () => {
  for (const checksum of [false, true]) {
    const body = [u64(4n), Buffer.from('binlog.000007')];
    const rotate = event(EVENT_TYPE.rotate, body, { flags: ARTIFICIAL, nextPosition: 0, checksum });
    const decoded = new EventParser().parse(rotate, 0, rotate.length);
    assert.deepEqual(fields(decoded), { kind: 'rotate', file: 'binlog.000007', position: 4, artificial: true });
    const real = event(EVENT_TYPE.rotate, body, { checksum });
    assert.throws(() => new EventParser().parse(real, 0, real.length), /before the format description/);
  }
});

test('a rotate goes beyond 4 GB', () => {
  const decoded = parse(EVENT_TYPE.rotate, [u64(2n ** 33n), Buffer.from('b.1')]);
  assert.deepEqual(fields(decoded), { kind: 'rotate', file: 'b.1', position: 2 ** 33, artificial: false });
});

test('a GTID has what its server knew: times, versions and the ticket came one by one', () => {
  const uuid = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
  const start = [u8(1), uuid, u64(9n), u8(2), u64(3n), u64(4n)];
  const time = (micros: bigint, bit = 0) => {
    const bytes = u64(micros).subarray(0, 7);
    bytes[6]! |= bit;
    return bytes;
  };
  const gtid = { uuid: '01234567-89ab-cdef-0123-456789abcdef', tag: '', gno: 9n };
  const base = {
    kind: 'gtid',
    gtid,
    mayHaveStatements: true,
    lastCommitted: 3,
    sequenceNumber: 4,
    immediateCommitMicros: null,
    originalCommitMicros: null,
    transactionBytes: null,
    immediateServerVersion: null,
    originalServerVersion: null,
  };
  assert.deepEqual(fields(parse(EVENT_TYPE.gtid, start)), base);
  const timed = { ...base, immediateCommitMicros: 1_700_000_000_123_456, originalCommitMicros: 1_700_000_000_123_456 };
  const now = 1_700_000_000_123_456n;
  const size = Buffer.from('fc0102', 'hex');
  assert.deepEqual(fields(parse(EVENT_TYPE.gtid, [...start, time(now), size])), { ...timed, transactionBytes: 513 });
  const replicated = [...start, time(now, 0x80), time(now - 5n), size, u32(0x8000_0000 + 80_400), u32(80_036), u64(1n)];
  assert.deepEqual(fields(parse(EVENT_TYPE.gtid, replicated)), {
    ...timed,
    originalCommitMicros: timed.immediateCommitMicros - 5,
    transactionBytes: 513,
    immediateServerVersion: 80_400,
    originalServerVersion: 80_036,
  });
  const anonymous = [u8(0), Buffer.alloc(16), u64(0n), u8(2), u64(0n), u64(1n)];
  assert.deepEqual(fields(parse(EVENT_TYPE.anonymousGtid, anonymous)), {
    ...base,
    gtid: null,
    mayHaveStatements: false,
    lastCommitted: 0,
    sequenceNumber: 1,
  });
  assert.throws(() => parse(EVENT_TYPE.gtid, [u8(0), uuid, u64(0n), u8(2), u64(3n), u64(4n)]), DecodeError);
  assert.throws(() => parse(EVENT_TYPE.gtid, [...start, time(now), size, u32(80_400), u64(1n), u8(0)]), DecodeError);
});

test('a tagged GTID may leave fields out and have newer ones behind, unless those may not be skipped', () => {
  // Each number below is one of the library's integers of one byte: unsigned n as 2n, signed n >= 0 as 4n.
  const uuid = Buffer.alloc(16, 0x11 * 2);
  const known = [
    [u8(0), u8(1 * 2)],
    [u8(1 * 2), uuid],
    [u8(2 * 2), u8(7 * 4)],
    [u8(3 * 2), u8(3 * 2), Buffer.from('abc')],
    [u8(4 * 2), u8(3 * 4)],
    [u8(5 * 2), u8(4 * 4)],
    [u8(6 * 2), u8(99 * 2)],
    [u8(8 * 2), Buffer.from('fbff07', 'hex')],
    [u8(9 * 2), u8(80 * 2)],
  ].flat();
  const message = (lastNonIgnorable: number, parts: readonly Buffer[]) => {
    const rest = Buffer.concat([u8(lastNonIgnorable * 2), ...parts]);
    return [u8(1 * 2), u8((2 + rest.length) * 2), rest];
  };
  const expected = {
    kind: 'gtid',
    gtid: { uuid: '11111111-1111-1111-1111-111111111111', tag: 'abc', gno: 7n },
    mayHaveStatements: true,
    lastCommitted: 3,
    sequenceNumber: 4,
    immediateCommitMicros: 99,
    originalCommitMicros: 99,
    transactionBytes: 65535,
    immediateServerVersion: 80,
    originalServerVersion: 80,
  };
  assert.deepEqual(fields(parse(EVENT_TYPE.taggedGtid, message(0, known))), expected);
  const newer = [...known, u8(12 * 2), Buffer.from('whatever')];
  assert.deepEqual(fields(parse(EVENT_TYPE.taggedGtid, message(0, newer))), expected);
  assert.throws(() => parse(EVENT_TYPE.taggedGtid, message(13, newer)), /may not skip/);
  assert.throws(() => parse(EVENT_TYPE.taggedGtid, message(0, known.slice(2))), DecodeError);
  assert.throws(() => parse(EVENT_TYPE.taggedGtid, message(0, [...known, u8(0), u8(0)])), DecodeError);
});

test('a MariaDB GTID tells what its transaction is: alone, of an XA transaction, of an ALTER in two phases', () => {
  const start = [u64(2n ** 63n), u32(3)];
  const base = {
    kind: 'mariadb-gtid',
    gtid: { domain: 3, server: 7, sequence: 2n ** 63n },
    standalone: false,
    ddl: false,
    transactional: false,
    commitId: null,
    xa: null,
    alter: null,
    threadId: null,
  };
  const of = (...body: Buffer[]) => fields(parse(EVENT_TYPE.mariadbGtid, [...start, ...body], { mariadb: true }));
  assert.deepEqual(of(u8(1 | 32), Buffer.alloc(6)), { ...base, standalone: true, ddl: true });
  assert.deepEqual(of(u8(2 | 4), u64(77n)), { ...base, transactional: true, commitId: 77n });
  const xid = [u32(0xffff_ffff), u8(1), u8(2), Buffer.from('gbb')];
  const parts = { formatId: -1, gtrid: Buffer.from('g'), bqual: Buffer.from('bb') };
  assert.deepEqual(of(u8(64), ...xid), { ...base, xa: { phase: 'prepared', xid: parts } });
  assert.deepEqual(of(u8(128), ...xid), { ...base, xa: { phase: 'completed', xid: parts } });
  assert.deepEqual(of(u8(0), u8(2), Buffer.alloc(5)), { ...base, alter: { phase: 'start', started: 0n } });
  assert.deepEqual(of(u8(0), u8(4 | 1 | 16), u8(2), u64(5n), u32(8)), {
    ...base,
    alter: { phase: 'commit', started: 5n },
    threadId: 8,
  });
  assert.throws(() => of(u8(0), u8(0), u8(9)), DecodeError);
});

test('a MariaDB GTID list has as many entries as it says', () => {
  const entries = [u32(0), u32(1), u64(2n), u32(3), u32(4), u64(5n)];
  const list = parse(EVENT_TYPE.mariadbGtidList, [u32(2 + 0x1000_0000), ...entries], { mariadb: true });
  assert.deepEqual(fields(list), {
    kind: 'mariadb-gtid-list',
    gtids: [
      { domain: 0, server: 1, sequence: 2n },
      { domain: 3, server: 4, sequence: 5n },
    ],
  });
  const empty = parse(EVENT_TYPE.mariadbGtidList, [u32(0), u16(0)], { mariadb: true });
  assert.deepEqual(fields(empty), { kind: 'mariadb-gtid-list', gtids: [] });
  assert.throws(() => parse(EVENT_TYPE.mariadbGtidList, [u32(1), ...entries], { mariadb: true }), DecodeError);
});

test('a statement comes with its database and session; status variables behind an unknown one are left', () => {
  const status = Buffer.concat([
    Buffer.concat([u8(0), u32(0)]),
    Buffer.concat([u8(1), u64(4n)]),
    Buffer.concat([u8(6), text('std')]),
    Buffer.concat([u8(4), u16(33), u16(45), u16(255)]),
    Buffer.concat([u8(5), text('+02:00')]),
    Buffer.concat([u8(12), u8(2), Buffer.from('a\0b\0')]),
    Buffer.concat([u8(13), Buffer.of(0x40, 0xe2, 0x01)]),
    Buffer.concat([u8(16), u8(1), u8(17), u64(6n), u8(18), u16(255)]),
    Buffer.concat([u8(99), u8(1)]),
  ]);
  const head = [u32(5), u32(6), u8(2), u16(1064), u16(status.length)];
  const decoded = parse(EVENT_TYPE.query, [...head, status, Buffer.from('db\0DROP TABLE t')]);
  const expected = {
    kind: 'query',
    threadId: 5,
    executionSeconds: 6,
    errorCode: 1064,
    database: 'db',
    query: Buffer.from('DROP TABLE t'),
    loadsFile: false,
    status: {
      sqlMode: 4n,
      clientCollation: 33,
      connectionCollation: 45,
      serverCollation: 255,
      databaseCollation: null,
      timeZone: '+02:00',
      microseconds: 123456,
      explicitDefaultsForTimestamp: true,
      ddlXid: 6n,
      defaultCollationForUtf8mb4: 255,
    },
  };
  assert.deepEqual(fields(decoded), expected);
  const load = [...head, Buffer.alloc(13), status, Buffer.from('db\0DROP TABLE t')];
  assert.deepEqual(fields(parse(EVENT_TYPE.executeLoadQuery, load)), { ...expected, loadsFile: true });
  const short = [u32(5), u32(6), u8(2), u16(0), u16(3), u8(0), u16(0), Buffer.from('db\0x')];
  assert.throws(() => parse(EVENT_TYPE.query, short), DecodeError);
});

test('a compressed statement gives as many bytes as it announces, or a DecodeError', () => {
  const statement = Buffer.from('x'.repeat(300));
  const head = [u32(5), u32(6), u8(0), u16(0), u16(0), u8(0)];
  const of = (announced: number, data: Buffer, first = 0x82) =>
    parse(EVENT_TYPE.mariadbQueryCompressed, [...head, Buffer.of(first, announced >> 8, announced & 0xff), data], {
      mariadb: true,
    });
  const data = deflateSync(statement);
  const decoded = of(300, data);
  assert.ok(decoded.kind === 'query' && decoded.query.equals(statement));
  assert.throws(() => of(299, data), DecodeError);
  assert.throws(() => of(301, data), DecodeError);
  assert.throws(() => of(300, data.subarray(0, -5)), DecodeError);
  assert.throws(() => of(300, data, 0x02), DecodeError);
  assert.throws(() => of(300, data, 0x92), DecodeError);
});

test('a transaction payload gives its events, and only those that a transaction can hold', () => {
  const inner = Buffer.concat([event(EVENT_TYPE.xid, [u64(1n)]), event(EVENT_TYPE.xid, [u64(2n)])]);
  const field = (code: number, value: number) => [u8(code), u8(3), Buffer.of(0xfc, value & 0xff, value >> 8)];
  const payload = (data: Buffer, compression: number, size: number) => [
    ...[...field(3, size), ...field(1, data.length), ...field(9, 1), ...field(2, compression), u8(0)],
    data,
  ];
  const kinds = (body: readonly Buffer[]) => {
    const parser = parserOf();
    const bytes = event(EVENT_TYPE.transactionPayload, body);
    const decoded = parser.parse(bytes, 0, bytes.length);
    assert.ok(decoded.kind === 'transaction-payload');
    return [...parser.payload(decoded)].map(({ kind }) => kind);
  };
  assert.deepEqual(kinds(payload(zstdCompressSync(inner), 0, inner.length)), ['xid', 'xid']);
  assert.deepEqual(kinds(payload(inner, 255, inner.length)), ['xid', 'xid']);
  const frames = Buffer.concat([zstdCompressSync(inner.subarray(0, 9)), zstdCompressSync(inner.subarray(9))]);
  assert.deepEqual(kinds(payload(frames, 0, inner.length)), ['xid', 'xid']);
  assert.throws(() => kinds(payload(zstdCompressSync(inner), 0, inner.length - 1)), DecodeError);
  assert.throws(() => kinds(payload(zstdCompressSync(inner), 0, inner.length + 1)), DecodeError);
  assert.throws(() => kinds(payload(zstdCompressSync(inner).subarray(0, -1), 0, inner.length)), DecodeError);
  assert.throws(() => kinds(payload(inner, 7, inner.length)), DecodeError);
  assert.throws(() => kinds(payload(inner.subarray(0, -1), 255, 0)), DecodeError);
  const nested = event(EVENT_TYPE.transactionPayload, payload(inner, 255, inner.length));
  assert.throws(() => kinds(payload(nested, 255, 0)), /inside of a transaction payload/);
});

test('an encrypted binlog says that it is one, and who can read it', () => {
  // Scheme, version of the key, nonce.
  const body = [u8(1), u32(1), Buffer.alloc(12)];
  assert.throws(() => parse(EVENT_TYPE.mariadbStartEncryption, body, { mariadb: true }), {
    name: 'DecodeError',
    message: /^this binlog is encrypted and its key is not here: read it from the server/,
  });
});

test('heartbeats tell where the dump thread stands, version 2 also beyond 4 GB', () => {
  const first = fields(parse(EVENT_TYPE.heartbeat, [Buffer.from('b.000001')]));
  assert.deepEqual(first, { kind: 'heartbeat', file: 'b.000001', position: 1234, version: 1 });
  const position = Buffer.concat([u8(0xfe), u64(2n ** 34n)]);
  const body = [u8(1), text('b.000002'), u8(7), text('new'), u8(2), u8(position.length), position, u8(0)];
  const second = fields(parse(EVENT_TYPE.heartbeatV2, body));
  assert.deepEqual(second, { kind: 'heartbeat', file: 'b.000002', position: 2 ** 34, version: 2 });
  assert.throws(() => parse(EVENT_TYPE.heartbeatV2, [u8(1), text('b.000002'), u8(0)]), DecodeError);
});

test('an XA prepare has both parts of its id, copied', () => {
  const body = [u8(1), u32(0xffff_fffe), u32(2), u32(1), Buffer.from('ggb')];
  const bytes = event(EVENT_TYPE.xaPrepare, body);
  const decoded = parserOf().parse(bytes, 0, bytes.length);
  bytes.fill(0);
  const xid = { formatId: -2, gtrid: Buffer.from('gg'), bqual: Buffer.from('b') };
  assert.deepEqual(fields(decoded), { kind: 'xa-prepare', onePhase: true, xid });
  assert.throws(() => parse(EVENT_TYPE.xaPrepare, [u8(0), u32(1), u32(65), u32(0), Buffer.alloc(65)]), DecodeError);
});

test('an incident and the statement behind rows keep their text', () => {
  const incident = fields(parse(EVENT_TYPE.incident, [u16(1), text('lost it')]));
  assert.deepEqual(incident, { kind: 'incident', incident: 1, message: 'lost it' });
  const rowsQuery = fields(parse(EVENT_TYPE.rowsQuery, [u8(3), Buffer.from('INSERT ...')]));
  assert.deepEqual(rowsQuery, { kind: 'rows-query', query: Buffer.from('INSERT ...') });
});

test('an unknown event is fatal, as it may carry rows, unless its server says that it may be skipped', () => {
  const unknown = event(99, [u64(0n)]);
  assert.throws(() => parserOf().parse(unknown, 0, unknown.length), /unknown type 99/);
  const ignorable = event(99, [u64(0n)], { flags: IGNORABLE });
  const decoded = parserOf().parse(ignorable, 0, ignorable.length);
  assert.deepEqual(fields(decoded), { kind: 'ignored', what: 'ignorable' });
});

test('an encrypted file says that it is', () => {
  const body = [u8(1), u32(1), Buffer.alloc(12)];
  assert.throws(() => parse(EVENT_TYPE.mariadbStartEncryption, body, { mariadb: true }), /encrypted/);
});
