import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import type { TransactionPayloadEvent } from '../../../decoders/binlog/event.ts';
import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import { payloadSlices } from '../../../decoders/binlog/transaction-payload.ts';
import { PIECE_BYTES, zstdPieces } from '../../../decoders/binlog/zstd-pieces.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { event } from './event-bytes.ts';
import { randomSource, SEED } from './seeded-random.ts';

const random = randomSource(SEED);

/** Compresses to about a third. */
function content(length: number): Buffer {
  const words = Array.from({ length: 50 }, () => String(random(1e9)));
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) at += bytes.write(words[random(words.length)]!, at, 'latin1') || 1;
  return bytes;
}

test(`frames give their content in pieces that are no larger than they may be, one when it is asked for (TEST_SEED=${SEED})`, () => {
  for (const lengths of [[0], [1], [PIECE_BYTES], [PIECE_BYTES + 1], [3_000_000], [10, 700_000, 0, PIECE_BYTES]]) {
    const parts = lengths.map(content);
    const whole = Buffer.concat(parts);
    const compressed = Buffer.concat(parts.map((part) => zstdCompressSync(part)));
    const pieces = [...zstdPieces(compressed, whole.length)];
    assert.ok(Buffer.concat(pieces).equals(whole), `${lengths}`);
    for (const { length } of pieces) assert.ok(length > 0 && length <= PIECE_BYTES);
    // What comes later is not looked at before.
    const broken = Buffer.from(compressed);
    broken.fill(0xff, broken.length - 4);
    if (whole.length > 1_000_000) assert.equal(zstdPieces(broken, whole.length).next().done, false);
  }
});

test(`what is no frame, is cut, damaged, or of another length is an error (TEST_SEED=${SEED})`, () => {
  const whole = content(600_000);
  const compressed = zstdCompressSync(whole);
  const read = (bytes: Buffer, size = whole.length): Buffer => Buffer.concat([...zstdPieces(bytes, size)]);
  for (const size of [0, 1, whole.length - 1, whole.length + 1, PIECE_BYTES]) {
    assert.throws(() => read(compressed, size), DecodeError, `${size}`);
  }
  assert.throws(() => read(whole), DecodeError);
  assert.throws(() => read(Buffer.alloc(0)), DecodeError);
  for (let i = 0; i < 300; i++) {
    assert.throws(() => read(compressed.subarray(0, random(compressed.length))), DecodeError);
    const damaged = Buffer.from(compressed);
    damaged[random(damaged.length)]! ^= 1 << random(8);
    try {
      assert.equal(read(damaged).length, whole.length);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  }
});

function payloadOf(events: readonly Buffer[]): TransactionPayloadEvent {
  const inner = Buffer.concat(events);
  const header = { timestamp: 0, type: EVENT_TYPE.transactionPayload, serverId: 7, size: 0, nextPosition: 0, flags: 0 };
  const payload = zstdCompressSync(inner);
  return { kind: 'transaction-payload', header, payload, compression: 'zstd', eventsBytes: inner.length };
}

test(`the events of a compressed transaction are whole, however long, and need no more than themselves and a piece (TEST_SEED=${SEED})`, () => {
  const sizes = [
    0,
    8,
    300_000,
    8_000,
    PIECE_BYTES - 19,
    1_500_000,
    ...Array.from({ length: 300 }, () => random(9_000)),
  ];
  const events = sizes.map((size) => event(EVENT_TYPE.rowsQuery, [content(size)]));
  const largest = Math.max(...events.map(({ length }) => length));
  const seen: Buffer[] = [];
  for (const { bytes, start, end } of payloadSlices(payloadOf(events))) {
    assert.ok(bytes.length < largest + PIECE_BYTES, `${bytes.length} bytes in memory`);
    seen.push(bytes.subarray(start, end));
  }
  assert.equal(seen.length, events.length);
  for (const [i, one] of seen.entries()) assert.ok(one.equals(events[i]!), `event ${i}`);
});
