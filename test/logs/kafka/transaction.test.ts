import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../../src/logs/kafka/client.ts';
import type { KafkaProducer } from '../../../src/logs/kafka/producer.ts';
import { KafkaRequestError } from '../../../src/logs/kafka/request-error.ts';
import { KafkaTransaction } from '../../../src/logs/kafka/transaction.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../../services/shared-kafka.ts';
import {
  clientSettings,
  createProducer,
  createTopic,
  encodeBatches,
  FaultyClient,
  producerSettings,
  readPartition,
  silent,
  soon,
  valuesOf,
} from './kafka-fixture.ts';
import { plainRecords } from './kafka-records.ts';

const skip = await whyNoKafka();

interface Task {
  readonly client: FaultyClient;
  readonly producer: KafkaProducer;
  readonly transaction: KafkaTransaction;
}

interface Scene extends AsyncDisposable {
  readonly topic: string;
  readonly other: string;
  /** Straight to the broker. */
  readonly reader: KafkaClient;
  /** A task of the same transactional id; it fences the ones before. */
  startTask(): Promise<Task>;
}

async function setScene(): Promise<Scene> {
  const settings = clientSettings(await sharedKafka());
  const reader = new KafkaClient(settings, silent);
  const clients: KafkaClient[] = [reader];
  const [topic, other, transactionalId] = [uniqueName(), uniqueName(), uniqueName('tx')];
  await createTopic(reader, topic);
  await createTopic(reader, other);
  return {
    topic,
    other,
    reader,
    startTask: async () => {
      const client = new FaultyClient(settings, silent);
      clients.push(client);
      const producer = createProducer(client, transactionalId);
      await producer.init(soon());
      const transaction = new KafkaTransaction({ client, producer, transactionalId, settings: producerSettings });
      return { client, producer, transaction };
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close();
    },
  };
}

test('records of two topics are seen together at the commit, and not before', { skip }, async () => {
  await using scene = await setScene();
  const { topic, other, reader } = scene;
  const { transaction } = await scene.startTask();
  transaction.begin();
  await transaction.send(encodeBatches(topic, plainRecords(10)), soon());
  await transaction.send(
    [...encodeBatches(topic, plainRecords(5, 'w')), ...encodeBatches(other, plainRecords(1))],
    soon(),
  );
  assert.equal((await readPartition(reader, topic)).length, 0);
  assert.equal((await readPartition(reader, topic, { committed: false })).length, 15);
  await transaction.commit(soon());
  // The markers follow the answer: a new generation waits for them.
  await scene.startTask();
  assert.deepEqual(valuesOf(await readPartition(reader, topic)), [
    ...valuesOf(plainRecords(10)),
    ...valuesOf(plainRecords(5, 'w')),
  ]);
  assert.equal((await readPartition(reader, other)).length, 1);
});

test('transactions follow each other at once, each in its order', { skip }, async () => {
  await using scene = await setScene();
  const { topic, reader } = scene;
  const { transaction, client } = await scene.startTask();
  const expected: string[] = [];
  for (let i = 0; i < 30; i++) {
    const records = plainRecords(3, `t${i}`);
    transaction.begin();
    await transaction.send(encodeBatches(topic, records), soon());
    await transaction.commit(soon());
    expected.push(...valuesOf(records));
  }
  assert.equal(client.requests.filter((name) => name === 'EndTxn').length, 30);
  await scene.startTask();
  assert.deepEqual(valuesOf(await readPartition(reader, topic)), expected);
});

test('nobody sees what was aborted, and the producer goes on', { skip }, async () => {
  await using scene = await setScene();
  const { topic, reader } = scene;
  const { transaction } = await scene.startTask();
  transaction.begin();
  await transaction.send(encodeBatches(topic, plainRecords(3, 'aborted')), soon());
  await transaction.abort(soon());
  transaction.begin();
  await transaction.send(encodeBatches(topic, plainRecords(3, 'kept')), soon());
  await transaction.commit(soon());
  await scene.startTask();
  assert.deepEqual(valuesOf(await readPartition(reader, topic)), valuesOf(plainRecords(3, 'kept')));
});

test('an empty transaction asks nothing of the coordinator', { skip }, async () => {
  await using scene = await setScene();
  const { transaction, client } = await scene.startTask();
  client.requests.length = 0;
  transaction.begin();
  await transaction.commit(soon());
  assert.deepEqual(client.requests, []);
});

test('a new task ends the transaction of the one before, which can neither write nor commit any more', {
  skip,
}, async () => {
  await using scene = await setScene();
  const { topic, reader } = scene;
  const first = await scene.startTask();
  first.transaction.begin();
  await first.transaction.send(encodeBatches(topic, plainRecords(3, 'zombie')), soon());
  const second = await scene.startTask();
  const isFenced = (error: unknown): boolean => error instanceof KafkaRequestError && error.isFenced;
  await assert.rejects(first.transaction.send(encodeBatches(topic, plainRecords(3, 'late')), soon()), isFenced);
  await assert.rejects(first.transaction.commit(soon()), /at its end/);
  second.transaction.begin();
  await second.transaction.send(encodeBatches(topic, plainRecords(2, 'alive')), soon());
  await second.transaction.commit(soon());
  await scene.startTask();
  assert.deepEqual(valuesOf(await readPartition(reader, topic)), valuesOf(plainRecords(2, 'alive')));
});

test('a zombie that only commits is told so', { skip }, async () => {
  await using scene = await setScene();
  const { topic, reader } = scene;
  const { transaction, producer } = await scene.startTask();
  transaction.begin();
  await transaction.send(encodeBatches(topic, plainRecords(3)), soon());
  await scene.startTask();
  await assert.rejects(
    transaction.commit(soon()),
    (error: unknown) => error instanceof KafkaRequestError && error.isFenced,
  );
  assert.equal(producer.identity, null);
  assert.equal((await readPartition(reader, topic)).length, 0);
});

for (const fault of ['CONNECTION_LOST', 'REQUEST_TIMEOUT']) {
  test(`a commit whose answer is lost (${fault}) is asked for again until it is known, and is there once`, {
    skip,
  }, async () => {
    await using scene = await setScene();
    const { topic, reader } = scene;
    const { transaction, client } = await scene.startTask();
    client.plan('EndTxn', { answerLost: fault }, { answerLost: fault });
    transaction.begin();
    await transaction.send(encodeBatches(topic, plainRecords(3)), soon());
    await transaction.commit(soon());
    assert.ok(client.requests.filter((name) => name === 'EndTxn').length >= 3);
    transaction.begin();
    await transaction.send(encodeBatches(topic, plainRecords(3, 'next')), soon());
    await transaction.commit(soon());
    await scene.startTask();
    assert.deepEqual(valuesOf(await readPartition(reader, topic)), [
      ...valuesOf(plainRecords(3)),
      ...valuesOf(plainRecords(3, 'next')),
    ]);
  });
}

test('a commit that nobody answers in time is an error; the next generation settles it and the topics tell', {
  skip,
}, async () => {
  await using scene = await setScene();
  const { topic, reader } = scene;
  const { transaction, producer, client } = await scene.startTask();
  client.plan('EndTxn', ...Array.from({ length: 1000 }, () => ({ answerLost: 'REQUEST_TIMEOUT' })));
  transaction.begin();
  await transaction.send(encodeBatches(topic, plainRecords(3)), soon());
  await assert.rejects(transaction.commit(performance.now() + 100), { type: 'REQUEST_TIMEOUT' });
  assert.equal(producer.identity, null);
  await producer.init(soon());
  assert.equal((await readPartition(reader, topic)).length, 3);
});

test('a coordinator that has moved is looked for again', { skip }, async () => {
  await using scene = await setScene();
  const { topic, reader } = scene;
  const { transaction, client } = await scene.startTask();
  client.plan('AddPartitionsToTxn', { unsent: 'NOT_COORDINATOR' }, { unsent: 'COORDINATOR_LOAD_IN_PROGRESS' });
  client.plan('EndTxn', { unsent: 'COORDINATOR_NOT_AVAILABLE' });
  client.requests.length = 0;
  transaction.begin();
  await transaction.send(encodeBatches(topic, plainRecords(3)), soon());
  await transaction.commit(soon());
  assert.equal(client.requests.filter((name) => name === 'FindCoordinator').length, 3);
  await scene.startTask();
  assert.equal((await readPartition(reader, topic)).length, 3);
});

test('the error of a partition that cannot join names it, not those that were not attempted', { skip }, async () => {
  await using scene = await setScene();
  const { topic } = scene;
  const { transaction } = await scene.startTask();
  const missing = uniqueName('missing');
  transaction.begin();
  const batches = [...encodeBatches(topic, plainRecords(1)), ...encodeBatches(missing, plainRecords(1))];
  await assert.rejects(transaction.send(batches, performance.now() + 100), {
    type: 'UNKNOWN_TOPIC_OR_PARTITION',
    topic: missing,
    partition: 0,
  });
});

test('a transaction that takes longer than its timeout is aborted by the coordinator', {
  skip,
  timeout: 60_000,
}, async () => {
  await using scene = await setScene();
  const { topic, reader } = scene;
  const task = await scene.startTask();
  const { client, transaction } = task;
  // The time-out is the producer's, of InitProducerId.
  const transactionalId = uniqueName('tx');
  const producer = createProducer(client, transactionalId, { transactionTimeoutMs: 300 });
  await producer.init(soon());
  const slow = new KafkaTransaction({ client, producer, transactionalId, settings: producerSettings });
  slow.begin();
  await slow.send(encodeBatches(topic, plainRecords(3, 'slow')), soon());
  transaction.begin();
  await transaction.send(encodeBatches(topic, plainRecords(2, 'quick')), soon());
  await transaction.commit(soon());
  // Behind an open transaction nothing is seen: this waits until it is ended.
  while ((await readPartition(reader, topic)).length === 0) await new Promise((wake) => setTimeout(wake, 100));
  assert.deepEqual(valuesOf(await readPartition(reader, topic)), valuesOf(plainRecords(2, 'quick')));
  await assert.rejects(slow.commit(soon()), (error: unknown) => error instanceof KafkaRequestError && error.isFenced);
});
