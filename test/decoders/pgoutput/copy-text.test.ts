import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NULL_VALUE } from '../../../decoders/change.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { CopyTextReader } from '../../../decoders/pgoutput/copy-text.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** What CopyAttributeOutText writes. */
function encode(fields: readonly (string | null)[]): Buffer {
  const texts = fields.map((field) =>
    field === null ? '\\N' : [...field].map((char) => ESCAPES[char] ?? char).join(''),
  );
  return Buffer.from(`${texts.join('\t')}\n`);
}

function decode(bytes: Buffer, columns: number): (string | null)[] {
  // Between other bytes, as in a socket's chunk.
  const chunk = Buffer.concat([Buffer.from('\\x\t\n'), bytes, Buffer.from('\t\\N\n')]);
  const row = new CopyTextReader(columns).row(chunk, 4, 4 + bytes.length);
  return Array.from({ length: columns }, (_, i) => {
    const start = row.spans[row.base + 2 * i]!;
    return start === NULL_VALUE ? null : row.bytes.toString('utf8', start, row.spans[row.base + 2 * i + 1]);
  });
}

test('rows of any text come back as they were', () => {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const alphabet = ['a', 'N', '\\', '\t', '\n', '\r', '\b', '\f', '\v', '.', 'é', '漢', '😀', ' ', ''];
  for (let i = 0; i < 3000; i++) {
    const fields = Array.from({ length: 1 + random(6) }, () =>
      random(5) === 0 ? null : Array.from({ length: random(7) }, () => alphabet[random(alphabet.length)]).join(''),
    );
    assert.deepEqual(decode(encode(fields), fields.length), fields);
  }
});

test('a row of no columns is an empty line', () => {
  assert.deepEqual(decode(Buffer.from('\n'), 0), []);
});

test('what the server never writes is refused', () => {
  const refused: readonly [string, number][] = [
    ['', 1],
    ['a', 1],
    ['a\tb\n', 1],
    ['a\n', 2],
    ['\\Nx\n', 1],
    ['a\\N\n', 1],
    ['\\q\n', 1],
    ['a\\\n', 1],
    ['a\n', 0],
  ];
  for (const [text, columns] of refused)
    assert.throws(() => decode(Buffer.from(text), columns), DecodeError, JSON.stringify(text));
});
