import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NULL_VALUE } from '../../decoders/change.ts';
import { DecodeError } from '../../decoders/decode-error.ts';
import { TextRowReader } from '../../decoders/mysql-text-row.ts';

/** What the server writes: the shortest length. */
function encode(values: readonly (Buffer | null)[]): Buffer {
  const parts = values.flatMap((value) => {
    if (value === null) return [Buffer.of(0xfb)];
    const { length } = value;
    if (length < 251) return [Buffer.of(length), value];
    const head = Buffer.alloc(9);
    if (length < 1 << 16) {
      head[0] = 0xfc;
      head.writeUInt16LE(length, 1);
      return [head.subarray(0, 3), value];
    }
    if (length < 1 << 24) {
      head[0] = 0xfd;
      head.writeUIntLE(length, 1, 3);
      return [head.subarray(0, 4), value];
    }
    head[0] = 0xfe;
    head.writeBigUInt64LE(BigInt(length), 1);
    return [head, value];
  });
  return Buffer.concat(parts);
}

function decode(body: Buffer, columns: number): (Buffer | null)[] {
  // Between other bytes, as in a socket's chunk.
  const chunk = Buffer.concat([Buffer.from('\x01\xfbab', 'latin1'), body, Buffer.from('\xfb\x01', 'latin1')]);
  const row = new TextRowReader(columns).row(chunk, 4, 4 + body.length);
  return Array.from({ length: columns }, (_, i) => {
    const start = row.spans[row.base + 2 * i]!;
    return start === NULL_VALUE ? null : row.bytes.subarray(start, row.spans[row.base + 2 * i + 1]);
  });
}

const LENGTHS = [0, 1, 249, 250, 251, 252, 255, 256, 65_535, 65_536, 70_000];

test('rows of values of any length come back as they were', () => {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let i = 0; i < 500; i++) {
    const values = Array.from({ length: random(6) }, () =>
      random(5) === 0
        ? null
        : Buffer.alloc(random(3) === 0 ? LENGTHS[random(LENGTHS.length)]! : random(30), random(256)),
    );
    assert.deepEqual(decode(encode(values), values.length), values, `TEST_SEED=${seed}`);
  }
});

test('a value of more than 16 MiB comes back as it was', () => {
  const values = [Buffer.from('a'), Buffer.alloc((1 << 24) + 3, 'x'), null];
  const decoded = decode(encode(values), 3);
  assert.equal(decoded[1]!.compare(values[1]!), 0);
  assert.deepEqual([decoded[0], decoded[2]], [values[0], values[2]]);
});

test('every row that is cut short, goes on, or has another number of columns is refused', () => {
  const values = [Buffer.from('abc'), null, Buffer.alloc(300, 1), Buffer.alloc(0)];
  const body = encode(values);
  for (let length = 0; length < body.length; length++) {
    assert.throws(() => decode(body.subarray(0, length), 4), DecodeError);
  }
  assert.throws(() => decode(body, 3), DecodeError);
  assert.throws(() => decode(body, 5), DecodeError);
  assert.throws(() => decode(Buffer.concat([body, Buffer.of(0)]), 4), DecodeError);
});

test('lengths that no packet has room for are refused', () => {
  assert.throws(() => decode(Buffer.of(0xff), 1), DecodeError);
  assert.throws(() => decode(Buffer.of(0xff, 0xff, 0xff, 0xff), 1), DecodeError);
  assert.throws(() => decode(Buffer.of(0xfe, 0, 0, 0, 0, 1, 0, 0, 0), 1), DecodeError);
  assert.throws(() => decode(Buffer.of(0xfe, 255, 255, 255, 255, 255, 255, 255, 255), 1), DecodeError);
  assert.throws(() => decode(Buffer.of(0xfd, 255, 255, 255, 1), 1), DecodeError);
});

test('a result without columns has empty rows', () => {
  assert.deepEqual(decode(Buffer.alloc(0), 0), []);
  assert.throws(() => decode(Buffer.of(0), 0), DecodeError);
});
