import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cursor } from '../../../decoders/cursor.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { RelationCache } from '../../../decoders/pgoutput/relation-cache.ts';

const NO_XID = Buffer.alloc(0);

function announce(cache: RelationCache, text: string, prefix = NO_XID) {
  const bytes = Buffer.concat([prefix, Buffer.from(text, 'latin1')]);
  const table = cache.announce(new Cursor(bytes, prefix.length));
  bytes.fill(0xee);
  return table;
}

const ledger = '\0\0\0\x07public\0ledger\0d\0\x01\x01id\0\0\0\0\x17\xff\xff\xff\xff';

test('an announcement that says nothing new gives the same Table, wherever its bytes lie', () => {
  const cache = new RelationCache();
  const table = announce(cache, ledger);
  assert.equal(announce(cache, ledger), table);
  assert.equal(announce(cache, ledger, Buffer.from([0, 0, 3, 1])), table);
  assert.equal(cache.get(7, 0), table);
});

test('any difference gives a new Table, and so does going back', () => {
  const changes = [
    ledger.replace('public', 'Public'),
    ledger.replace('ledger', 'ledgers'),
    ledger.replace('\0d\0', '\0f\0'),
    ledger.replace('\x01id', '\0id'),
    ledger.replace('id\0', 'ID\0'),
    ledger.replace('\x17', '\x14'),
    ledger.replace('\xff\xff\xff\xff', '\0\0\0\x05'),
    `${ledger.replace('\0\x01\x01id', '\0\x02\x01id')}\0b\0\0\0\0\x19\xff\xff\xff\xff`,
  ];
  const cache = new RelationCache();
  const seen = new Set([announce(cache, ledger)]);
  for (const change of changes) {
    for (const text of [change, ledger]) {
      const table = announce(cache, text);
      assert.ok(!seen.has(table));
      assert.equal(cache.get(7, 0), table);
      seen.add(table);
    }
  }
  assert.equal(seen.size, 1 + 2 * changes.length);
});

test('an unknown relation is a DecodeError at the byte that names it', () => {
  assert.throws(
    () => new RelationCache().get(9, 41),
    (error) => error instanceof DecodeError && error.offset === 41,
  );
});
