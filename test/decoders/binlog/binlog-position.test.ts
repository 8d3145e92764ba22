import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareBinlogPositions,
  formatBinlogPosition,
  parseBinlogPosition,
  widenPosition,
} from '../../../decoders/binlog/binlog-position.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';

test('positions are ordered by the number of their file, then by their byte', () => {
  const ascending = [
    'binlog.000001:4',
    'binlog.000001:154',
    'binlog.000001:5000000000',
    'binlog.000002:4',
    'binlog.999999:4',
    'binlog.1000000:4',
  ].map(parseBinlogPosition);
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      assert.equal(Math.sign(compareBinlogPositions(a, b)!), Math.sign(i - j), `${a.file} ${b.file}`);
    }
  }
});

test('logs of different names have no order', () => {
  const position = parseBinlogPosition('a.000001:4');
  assert.equal(compareBinlogPositions(position, parseBinlogPosition('b.000001:4')), null);
  assert.equal(compareBinlogPositions(position, { file: 'a', position: 4 }), null);
});

test('a position is printed as it is read, and other text is refused', () => {
  for (const text of ['binlog.000001:4', 'db1.log-bin:x.000012:0', 'm.1:9007199254740991']) {
    assert.equal(formatBinlogPosition(parseBinlogPosition(text)), text);
  }
  for (const text of [
    '',
    'binlog.000001',
    'binlog.000001:',
    ':4',
    'binlog:4',
    'binlog.000001:-4',
    'b.1:9007199254740992',
  ]) {
    assert.throws(() => parseBinlogPosition(text), DecodeError, text);
  }
});

test('the 32 bits of an event header are widened by the position before them', () => {
  const GiB4 = 2 ** 32;
  let position = 4;
  for (const length of [150, 2 ** 30, 2 ** 31, 1, GiB4 - 1, 2 ** 30, 19, GiB4 - 20]) {
    const end = position + length;
    assert.equal(widenPosition(position, end % GiB4), end);
    position = end;
  }
  assert.ok(position > 3 * GiB4);
  assert.equal(widenPosition(position, position % GiB4), position, 'an event that ends where we are');
});
