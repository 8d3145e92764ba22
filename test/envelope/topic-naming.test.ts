import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sanitizeTopic, TopicNaming } from '../../src/envelope/topic-naming.ts';
import { configOf } from '../pipeline/fake-source.ts';

const naming = (properties: Readonly<Record<string, string>> = {}): TopicNaming =>
  new TopicNaming(configOf(properties));

test('topics are named after prefix, schema and table; blank parts are left out', () => {
  assert.equal(naming().data(['public', 'orders']), 'shop.public.orders');
  assert.equal(naming().data(['', 'orders']), 'shop.orders');
  assert.equal(naming().data([' ', 'orders']), 'shop.orders');
  assert.equal(naming({ 'topic.delimiter': '-' }).data(['public', 'a.b']), 'shop-public-a.b');
});

test('what a topic name cannot hold becomes an underscore, a UTF-16 unit at a time', () => {
  assert.equal(naming().data(['o"ther', 'Größe 😀/x']), 'shop.o_ther.Gr__e____x');
  assert.equal(sanitizeTopic('a-Z_0.9'), 'a-Z_0.9');
  assert.equal(sanitizeTopic('.'), '_');
  assert.equal(sanitizeTopic('..'), '__');
  assert.equal(sanitizeTopic('...'), '...');
});

test('no name is longer than Kafka takes', () => {
  assert.equal(naming().data(['public', 'x'.repeat(300)]).length, 249);
});

test('heartbeats, transactions and messages have topics of their own', () => {
  const plain = naming();
  assert.equal(plain.heartbeat(), '__debezium-heartbeat.shop');
  assert.equal(plain.transaction(), 'shop.transaction');
  assert.equal(plain.message(), 'shop.message');
  const named = naming({
    'topic.delimiter': '_',
    'topic.heartbeat.prefix': 'beat',
    'topic.transaction': 'tx',
  });
  assert.equal(named.heartbeat(), 'beat_shop');
  assert.equal(named.transaction(), 'shop_tx');
  assert.equal(named.message(), 'shop.message');
  assert.equal(naming({ 'topic.heartbeat.name': 'pulse' }).heartbeat(), 'pulse');
});
