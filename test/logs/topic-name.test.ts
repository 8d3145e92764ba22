import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTopicName, topicMissing } from '../../src/logs/topic-name.ts';

test('topic names are valid exactly where Kafka takes them', () => {
  for (const name of ['a', 'app.public.orders', 'A_b-9', '...', 'x'.repeat(249)]) checkTopicName(name);
  for (const name of ['', '.', '..', 'a b', 'caf\u00e9', 'a/b', 'a\n', 'x'.repeat(250)]) {
    assert.throws(() => checkTopicName(name), { code: 'config.invalid' }, name);
  }
});

test('a missing topic names those that look like it', () => {
  const known = ['app.public.orders', 'app.public.order_items', 'app.audit.log', 'billing'];
  assert.match(
    topicMissing('app.public.order', known, 'x.db').remedy!,
    /^Did you mean app\.public\.order_items, app\.public\.orders/,
  );
  assert.match(topicMissing('orders', known, 'x.db').remedy!, /^Did you mean app\.public\.orders\?$/);
  assert.match(topicMissing('zzz', known, 'x.db').remedy!, /tailrace topics/);
  assert.match(topicMissing('zzz', [], 'x.db').remedy!, /no topics yet/);
});
