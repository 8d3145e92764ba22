import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { FrameReader } from '../../../decoders/pgoutput/frame.ts';
import { readExpected, readStream, streamFile, streamFolders } from '../../../fixtures/pgoutput/fixture.ts';
import { describeFrames } from '../../../fixtures/pgoutput/frames.ts';
import { seededRandom, testSeed } from '../../logs/sqlite/log-fixture.ts';

/** Longer than any frame of the recorded streams, and so are some of the random chunks. */
const CHUNK_SIZES = [1, 2, 3, 4, 5, 6, 7, 64, 1000, 1 << 20];

for (const folder of streamFolders) {
  const stream = readStream(`${folder}/${streamFile}`);
  const expected = readExpected(`${folder}/stream`);

  test(`${folder}: a recorded connection decodes to what was reviewed, whatever the size of its chunks`, () => {
    for (const size of CHUNK_SIZES)
      assert.deepEqual(describeFrames(chunksOf(stream, size)), expected, `chunks of ${size}`);
  });

  test(`${folder}: frames do not depend on where chunks are cut`, (t) => {
    const seed = testSeed();
    t.diagnostic(`TEST_SEED=${seed}`);
    const random = seededRandom(seed);
    for (let round = 0; round < 30; round++) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = Math.floor(random() ** 3 * 500);
        chunks.push(stream.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(describeFrames(chunks), expected, `round ${round}`);
    }
  });

  test(`${folder}: a connection that ends inside a frame is told from one that ends between two`, () => {
    const reader = new FrameReader();
    let borders = 0;
    for (const byte of chunksOf(stream, 1)) {
      reader.push(byte);
      const ended = reader.next();
      assert.equal(reader.pendingBytes === 0, ended);
      if (ended) borders++;
    }
    assert.equal(borders, expected.length);
  });
}

test('a frame inside a chunk is a view of the chunk; one that straddles chunks is gathered once and then left alone', () => {
  const frame = Buffer.from([0x64, 0, 0, 0, 7, 1, 2, 3]);
  const first = Buffer.concat([frame, frame, frame.subarray(0, 6)]);
  const second = Buffer.concat([frame.subarray(6), frame]);
  const reader = new FrameReader();
  reader.push(first);
  assert.ok(reader.next());
  assert.equal(reader.bytes, first);
  assert.deepEqual([reader.type, reader.start, reader.end], [0x64, 5, 8]);
  assert.ok(reader.next());
  assert.deepEqual([reader.bytes, reader.start, reader.end], [first, 13, 16]);
  assert.equal(reader.next(), false);
  assert.equal(reader.pendingBytes, 6);
  reader.push(second);
  assert.ok(reader.next());
  const gathered = reader.bytes;
  assert.notEqual(gathered, second);
  assert.deepEqual([...gathered.subarray(reader.start, reader.end)], [1, 2, 3]);
  assert.ok(reader.next());
  assert.equal(reader.bytes, second);
  assert.equal(reader.next(), false);
  reader.push(Buffer.from([0x64, 0, 0]));
  assert.equal(reader.next(), false);
  reader.push(Buffer.from([0, 7, 9, 9, 9]));
  assert.ok(reader.next());
  assert.deepEqual([...gathered.subarray(5)], [1, 2, 3]);
});

test('a frame without a body is a frame', () => {
  const reader = new FrameReader();
  for (const chunk of [Buffer.from([0x63, 0, 0, 0, 4]), Buffer.from([0x63, 0]), Buffer.from([0, 0, 4])]) {
    reader.push(chunk);
    if (!reader.next()) continue;
    assert.equal(reader.type, 0x63);
    assert.equal(reader.end - reader.start, 0);
    assert.equal(reader.next(), false);
  }
  assert.equal(reader.pendingBytes, 0);
});

test('an impossible or unwanted length is an error that names it, before any memory is taken for it', () => {
  const cases: [number[], RegExp][] = [
    [[0x64, 0, 0, 0, 3], /length 3/],
    [[0x64, 0xff, 0xff, 0xff, 0xff], /length -1/],
    [[0x64, 0, 0, 0, 105], /"d" announces 105 bytes, the limit is 100/],
    [[0x64, 0x7f, 0xff, 0xff, 0xff], /announces 2147483647 bytes/],
  ];
  for (const [bytes, message] of cases) {
    for (const size of [1, 5]) {
      const reader = new FrameReader({ maxFrameBytes: 100 });
      const read = () => {
        for (const chunk of chunksOf(Buffer.from(bytes), size)) {
          reader.push(chunk);
          reader.next();
        }
      };
      assert.throws(read, (error) => error instanceof DecodeError && message.test(error.message));
    }
  }
  const reader = new FrameReader({ maxFrameBytes: 100 });
  reader.push(Buffer.concat([Buffer.from([0x64, 0, 0, 0, 104]), Buffer.alloc(100)]));
  assert.ok(reader.next());
});

test('a chunk is not dropped for the next one', () => {
  const reader = new FrameReader();
  const chunk = Buffer.from([0x63, 0, 0, 0, 4]);
  reader.push(chunk);
  assert.throws(() => reader.push(chunk), /until it is false/);
});

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
