import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaClient } from '../../../src/logs/kafka/client.ts';
import { KafkaTransaction } from '../../../src/logs/kafka/transaction.ts';
import { startKafka } from '../../services/kafka.ts';
import { uniqueName, whyNoKafka } from '../../services/shared-kafka.ts';
import {
  clientSettings,
  createProducer,
  createTopic,
  encodeBatches,
  producerSettings,
  readPartition,
  silent,
  soon,
  valuesOf,
} from './kafka-fixture.ts';
import { plainRecords } from './kafka-records.ts';

const skip = await whyNoKafka();

test('a broker that is killed and started again has everything once, in order, with transactions and without', {
  skip,
}, async () => {
  await using kafka = await startKafka();
  const client = new KafkaClient(clientSettings(kafka.bootstrap, { requestTimeoutMs: 5_000 }), silent);
  using _ = { [Symbol.dispose]: () => client.close() };
  const [plainTopic, committedTopic, transactionalId] = ['plain', 'committed', uniqueName('tx')];
  await createTopic(client, plainTopic);
  await createTopic(client, committedTopic);
  const plain = createProducer(client);
  await plain.init(soon());
  const producer = createProducer(client, transactionalId);
  await producer.init(soon());
  const transaction = new KafkaTransaction({ client, producer, transactionalId, settings: producerSettings });
  const sent: Record<string, string[]> = { [plainTopic]: [], [committedTopic]: [] };
  let rounds = 0;
  let isEnding = false;
  const repeat = async (topic: string, work: (round: string) => Promise<void>): Promise<void> => {
    for (let i = 0; !isEnding; i++, rounds++) {
      await work(`${topic}-${i}`);
      sent[topic]!.push(...valuesOf(plainRecords(20, `${topic}-${i}`)));
    }
  };
  const writers = Promise.all([
    repeat(plainTopic, (round) =>
      plain.send(encodeBatches(plainTopic, plainRecords(20, round), { batchBytes: 300 }), soon()),
    ),
    repeat(committedTopic, async (round) => {
      transaction.begin();
      await transaction.send(encodeBatches(committedTopic, plainRecords(20, round)), soon());
      await transaction.commit(soon());
    }),
  ]);
  /** Both go on while this waits: a failure of theirs ends it. */
  const untilRounds = async (count: number): Promise<void> => {
    while (rounds < count) await Promise.race([writers, sleep(20)]);
  };
  await untilRounds(20);
  await kafka.kill();
  await kafka.start();
  await untilRounds(rounds + 20);
  isEnding = true;
  await writers;
  // Waits for the last transaction's markers.
  await producer.init(soon());
  for (const topic of [plainTopic, committedTopic]) {
    assert.deepEqual(valuesOf(await readPartition(client, topic)), sent[topic]);
  }
});
