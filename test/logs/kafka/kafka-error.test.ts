import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLogError } from '../../../src/logs/kafka/kafka-error.ts';
import { KafkaRequestError } from '../../../src/logs/kafka/request-error.ts';
import { type ErrorCode, TailraceError } from '../../../src/model/errors.ts';
import { kafkaSettings } from './log-fixture.ts';

const { client } = kafkaSettings('kafka:9092');

function judge(type: string): TailraceError {
  const error = new KafkaRequestError('Produce', { type, topic: 'shop.orders', partition: 3, broker: 'kafka-2:9092' });
  const judged = toLogError(error, client, { doing: 'writing', transactionalId: 'g-shop-0' });
  assert.ok(judged instanceof TailraceError);
  return judged;
}

/** What one broker of a test cannot be brought to say. */
const table: readonly (readonly [type: string, code: ErrorCode, remedy: RegExp])[] = [
  ['NOT_ENOUGH_REPLICAS', 'log.unavailable', /min\.insync\.replicas of topic shop\.orders/],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'log.unavailable', /min\.insync\.replicas/],
  ['COORDINATOR_NOT_AVAILABLE', 'log.unavailable', /transaction\.state\.log/],
  ['UNSUPPORTED_COMPRESSION_TYPE', 'log.setting', /compression\.type/],
  ['POLICY_VIOLATION', 'log.setting', /topic\.creation\.default\.\*/],
  ['MESSAGE_TOO_LARGE', 'log.record_too_large', /max\.message\.bytes of topic shop\.orders/],
  ['INVALID_TIMESTAMP', 'log.setting', /message\.timestamp/],
  ['INVALID_RECORD', 'log.setting', /cleanup\.policy/],
  ['PRODUCER_FENCED', 'log.fenced', /once only/],
  ['UNSUPPORTED_VERSION', 'log.setting', /bootstrap\.servers/],
  ['REQUEST_TIMEOUT', 'log.unavailable', /request\.timeout\.ms/],
  ['CONNECTION_LOST', 'log.unavailable', /security\.protocol/],
  ['UNKNOWN_SERVER_ERROR', 'log.unavailable', /broker's own log/],
];

for (const [type, code, remedy] of table) {
  test(`${type} becomes ${code}, in one line that names the broker`, () => {
    const { code: given, message, remedy: told } = judge(type);
    assert.equal(given, code);
    assert.match(message, /Kafka at kafka-2:9092|g-shop-0/);
    assert.match(told!, remedy);
    assert.doesNotMatch(`${message}${told}`, /\n|undefined/);
  });
}

test('what is no error of Kafka stays what it is', () => {
  const error = new TypeError('a mistake');
  assert.equal(toLogError(error, client, { doing: 'writing' }), error);
});
