import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseOffsetLines } from '../../src/logs/offset-lines.ts';
import { isJavaSerialized, readOffsetsFile } from '../../src/logs/offsets-file.ts';
import { TailraceError } from '../../src/model/errors.ts';

/** Written by java.io.ObjectOutputStream from a HashMap<byte[], byte[]>, as Connect's FileOffsetBackingStore does. */
const FILE = readFileSync('fixtures/offsets/connect.offsets');

test("a standalone worker's offsets are read from its file", () => {
  assert.ok(isJavaSerialized(FILE));
  const offsets = readOffsetsFile(FILE, 'connect.offsets').toSorted((a, b) => (a.connector < b.connector ? -1 : 1));
  assert.deepEqual(offsets, [
    { connector: 'old', partition: { server: 'old' }, offset: null },
    {
      connector: 'shop',
      partition: { server: 'shop' },
      offset: { lsn_proc: 26723064, messageType: 'INSERT', lsn: 26723064, txId: 745, ts_usec: 1700000000123456 },
    },
    {
      connector: 'stock',
      partition: { server: 'stöck' },
      offset: { ts_sec: 1700000000, file: 'binlog.000003', pos: 157, row: 1, server_id: 1, event: 2 },
    },
  ]);
});

test('a file that is cut short or damaged anywhere is refused or read, and never hangs', () => {
  const judged = (bytes: Buffer): void => {
    try {
      readOffsetsFile(bytes, 'x');
    } catch (error) {
      assert.ok(error instanceof TailraceError && error.code === 'config.unreadable', String(error));
    }
  };
  for (let length = 4; length < FILE.length - 1; length++) {
    assert.throws(() => readOffsetsFile(FILE.subarray(0, length), 'x'), TailraceError, `${length}`);
  }
  for (let at = 4; at < FILE.length; at++) {
    for (const value of [0x00, 0x71, 0x7f, 0xff]) {
      const bytes = Buffer.from(FILE);
      bytes[at] = value;
      judged(bytes);
    }
  }
});

const LINE = '{"connector":"a","partition":{"server":"p"},"offset":{"lsn":1,"snapshot":null}}';

test('offsets are read from lines, and from an answer of Connect', () => {
  const offset = { connector: 'a', partition: { server: 'p' }, offset: { lsn: 1, snapshot: null } };
  const source = { name: 'f', connector: null };
  assert.deepEqual(parseOffsetLines(`${LINE}\n\n${LINE}\r\n`, source), [offset, offset]);
  const answer =
    '{"offsets":[{"partition":{"server":"p"},"offset":{"lsn":1,"snapshot":null}},{"partition":{"server":"q"},"offset":null}]}';
  const expected = [offset, { connector: 'a', partition: { server: 'q' }, offset: null }];
  assert.deepEqual(parseOffsetLines(answer, { name: 'f', connector: 'a' }), expected);
  assert.deepEqual(
    parseOffsetLines(JSON.stringify(JSON.parse(answer), null, 2), { name: 'f', connector: 'a' }),
    expected,
  );
});

test('a line that is no offset is told with its number', () => {
  const refused = (text: string, connector: string | null = null): string => {
    try {
      parseOffsetLines(text, { name: 'f', connector });
    } catch (error) {
      assert.ok(error instanceof TailraceError);
      return error.message;
    }
    return assert.fail(text);
  };
  const whole = 'it is not {"connector": ..., "partition": {...}, "offset": {...}}';
  assert.equal(refused(`${LINE}\n{"connector":"a"`), `f:2: ${whole}`);
  assert.equal(refused('[]'), `f:1: ${whole}`);
  assert.equal(
    refused('{"connector":"a","partition":{"server":1},"offset":{}}'),
    'f:1: its partition is not a flat object of strings, such as {"server":"shop"}',
  );
  assert.equal(
    refused('{"connector":"a","partition":{"server":"p"},"offset":{"a":{}}}'),
    'f:1: its offset is neither a flat object nor null',
  );
  assert.equal(refused('{"offsets":[]}'), 'f is an answer of Connect, which does not name the connector');
  assert.equal(
    refused('{"offsets":[{"offset":{}}]}', 'a'),
    'f: offset 1: its partition is not a flat object of strings, such as {"server":"shop"}',
  );
});
