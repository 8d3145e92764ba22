import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subjectName } from '../../../src/converters/registry/settings.ts';

test('subjects are named by the topic, by the record, or by both', () => {
  const of = { topic: 'shop.orders', side: 'key', record: 'shop.orders.Key' } as const;
  assert.equal(subjectName('topic', of), 'shop.orders-key');
  assert.equal(subjectName('record', of), 'shop.orders.Key');
  assert.equal(subjectName('topic-record', of), 'shop.orders-shop.orders.Key');
  assert.equal(subjectName('record', { ...of, record: null }), 'shop.orders-key');
});
