import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { ZstdCompressor } from '../../src/logs/zstd-compressor.ts';
import { seededRandom } from './sqlite/log-fixture.ts';

test('each frame stands alone and gives back its input, whatever its size and what came before', () => {
  const random = seededRandom(5);
  const compressor = new ZstdCompressor();
  const sizes = [0, 1, 1000, 70_000, 1024, 5 << 20, 3, 600_000, (4 << 20) + 1, 4 << 20, 17];
  for (const size of sizes) {
    const noise = Buffer.from(Uint8Array.from({ length: size }, () => random() * 256));
    const text = Buffer.alloc(size, '{"before":null,"after":{"id":1}}');
    for (const input of [noise, text]) {
      const frame = compressor.compress(input);
      assert.ok(zstdDecompressSync(frame).equals(input), `${size} bytes`);
    }
    assert.ok(size < 1000 || compressor.compress(text).length < size / 10);
  }
});

test('a frame is not overwritten by the next one', () => {
  const compressor = new ZstdCompressor();
  const first = compressor.compress(Buffer.from('first '.repeat(300)));
  compressor.compress(Buffer.from('second '.repeat(300)));
  assert.equal(zstdDecompressSync(first).toString(), 'first '.repeat(300));
});

test('this Node has the internals that let one context be used again', () => {
  assert.equal(new ZstdCompressor().reuses, true);
});
