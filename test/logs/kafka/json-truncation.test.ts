import assert from 'node:assert/strict';
import { test } from 'node:test';
import { truncateJson } from '../../../src/logs/kafka/json-truncation.ts';
import { Random } from '../../crash/random.ts';

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);

function cut(value: unknown, limit: number): Record<string, unknown> | null {
  const bytes = truncateJson(Buffer.from(JSON.stringify(value)), limit);
  if (bytes === null) return null;
  assert.ok(bytes.length <= limit, `${bytes.length} bytes, ${limit} allowed`);
  return JSON.parse(bytes.toString()) as Record<string, unknown>;
}

test('the longest texts are cut to one length, and all else stays as it is', () => {
  const value = { after: { id: 7, a: 'x'.repeat(1_000), b: 'y'.repeat(3_000), c: 'short' }, op: 'c' };
  const left = cut(value, 1_400) as typeof value;
  assert.deepEqual({ ...left.after, a: '', b: '' }, { id: 7, a: '', b: '', c: 'short' });
  assert.equal(left.after.a.length, left.after.b.length);
  assert.ok(left.after.a.length > 600);
  assert.equal((cut(value, 2_600) as typeof value).after.a.length, 1_000);
});

test('what is left of base64 is base64', () => {
  const data = Buffer.alloc(5_000, 'some bytes').toString('base64');
  const left = cut({ data }, 2_001)!.data as string;
  assert.equal(left.length % 4, 0);
  assert.ok(data.startsWith(left));
});

test('names of fields are not cut, and what cannot be made to fit is left alone', () => {
  assert.equal(cut({ ['n'.repeat(500)]: 1 }, 300), null);
  assert.equal(cut({ a: 'x'.repeat(500) }, 40), null);
  assert.equal(cut({ a: Array.from({ length: 500 }, () => 1) }, 300), null);
  assert.equal(truncateJson(Buffer.from([0, 0, 0, 0, 1, 0x22, 0x22]), 3), null);
  assert.equal(truncateJson(Buffer.from(`["${'x'.repeat(500)}"]`), 300), null);
  assert.equal(truncateJson(Buffer.from(`{"a":"${'x'.repeat(500)}`), 300), null);
});

test(`texts of any characters stay JSON, and begin as they did (TEST_SEED=${SEED})`, () => {
  const random = new Random(SEED);
  const alphabet = ['a', '"', '\\', '\n', 'é', '漢', '🔑', '\u2028', '\u0001'];
  for (let run = 0; run < 300; run++) {
    const text = Array.from({ length: random.integer(200, 600) }, () => random.pick(alphabet)).join('');
    const json = random.next() < 0.5 ? JSON.stringify({ text }) : asAscii(JSON.stringify({ text }));
    const limit = random.integer(120, Buffer.byteLength(json) - 1);
    const bytes = truncateJson(Buffer.from(json), limit);
    assert.ok(bytes !== null && bytes.length <= limit);
    const left = (JSON.parse(bytes.toString()) as { text: string }).text;
    assert.ok(text.startsWith(left), JSON.stringify({ text, left }));
    assert.ok(left.isWellFormed());
  }
});

function asAscii(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
