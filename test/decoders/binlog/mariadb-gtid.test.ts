import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMariadbGtid, MariadbGtidList, parseMariadbGtid } from '../../../decoders/binlog/mariadb-gtid.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { randomSource, SEED } from './seeded-random.ts';

test('a GTID is printed as it is read, up to the widest numbers, and other text is refused', () => {
  for (const text of ['0-1-1', '4294967295-4294967295-18446744073709551615']) {
    assert.equal(formatMariadbGtid(parseMariadbGtid(text)), text);
  }
  for (const text of [
    '',
    '1',
    '0-1',
    '0-1-',
    '0-1-2-3',
    '4294967296-1-1',
    '0-4294967296-1',
    '0-1-18446744073709551616',
  ]) {
    assert.throws(() => parseMariadbGtid(text), DecodeError, text);
  }
  for (const text of ['0-1-1,', ',', '0-1-1 0-1-2'])
    assert.throws(() => MariadbGtidList.parse(text), DecodeError, text);
});

test(`a list keeps the last GTID of each domain (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 500; round++) {
    const gtids = Array.from({ length: random(12) }, () => ({
      domain: random(3),
      server: random(3),
      sequence: BigInt(1 + random(50)),
    }));
    const list = MariadbGtidList.parse(gtids.map(formatMariadbGtid).join(','));
    for (const domain of [0, 1, 2]) {
      const sequences = gtids.filter((gtid) => gtid.domain === domain).map((gtid) => gtid.sequence);
      const highest = sequences.reduce((a, b) => (a > b ? a : b), 0n);
      for (const sequence of [1n, highest, highest + 1n]) {
        const expected = sequences.length > 0 && sequence <= highest;
        assert.equal(list.has({ domain, server: 9, sequence }), expected);
      }
    }
    assert.ok(MariadbGtidList.parse(list.format()).equals(list) && list.contains(list));
    const ahead = list.copy();
    ahead.add({ domain: 1, server: 7, sequence: 1000n });
    assert.ok(ahead.contains(list) && !list.contains(ahead) && !ahead.isEmpty);
  }
  assert.equal(MariadbGtidList.parse(' 5-1-7, 0-2-9,5-2-3').format(), '0-2-9,5-1-7');
  assert.ok(MariadbGtidList.parse(' ').isEmpty);
});

test('adding follows the stream, also where a sequence number goes back', () => {
  const list = MariadbGtidList.parse('0-1-100');
  list.add(parseMariadbGtid('0-2-50'));
  assert.equal(list.format(), '0-2-50');
});
