import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { KafkaClient } from '../../src/logs/kafka/client.ts';
import {
  COORDINATOR_TYPES,
  createBroker,
  destroySockets,
  KAFKAJS_ERRORS,
  type KafkajsBroker,
  requestAddPartitions,
  requestMetadata,
} from '../../src/logs/kafka/kafkajs-internals.ts';
import { sendRaw } from '../../src/logs/kafka/raw-request.ts';
import { errorName, toRequestError } from '../../src/logs/kafka/request-error.ts';
import { fetchRequest } from '../../src/logs/kafka/requests.ts';
import { retryUntil } from '../../src/logs/kafka/retry.ts';
import { clientSettings, createTopic, silent } from '../logs/kafka/kafka-fixture.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../services/shared-kafka.ts';

// What our Kafka log builds on: the parts of kafkajs that no manual promises. Another version of kafkajs must pass this first.

const skip = await whyNoKafka();
const load = createRequire(import.meta.url);

interface Scene extends AsyncDisposable {
  readonly broker: KafkajsBroker;
}

async function connectBroker(overrides: Partial<Parameters<typeof createBroker>[0]> = {}): Promise<Scene> {
  const [host = '', port] = (await sharedKafka()).split(':');
  const broker = createBroker({
    host,
    port: Number(port),
    nodeId: null,
    clientId: 'contract',
    tls: null,
    sasl: null,
    connectionTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    logger: silent,
    ...overrides,
  });
  await broker.connect();
  return { broker, [Symbol.asyncDispose]: async () => destroySockets(broker) };
}

test('kafkajs is the version whose inner parts we use', () => {
  const { version } = load('kafkajs/package.json') as { version: string };
  const { dependencies } = load('../../package.json') as { dependencies: Record<string, string> };
  assert.equal(version, '2.2.4');
  assert.equal(dependencies.kafkajs, version);
});

test('a broker is connected when connect() resolves, and has two connections with a queue each', { skip }, async () => {
  await using scene = await connectBroker();
  const { broker } = scene;
  assert.equal(broker.isConnected(), true);
  const { pool } = broker.connectionPool;
  assert.equal(pool.length, 2);
  const [first, second] = pool;
  assert.deepEqual([first!.isConnected(), second!.isConnected()], [true, false]);
  assert.equal(first!.sasl, null);
  assert.equal(await broker.connectionPool.getConnection(0), first);
  assert.equal(await broker.connectionPool.getConnection(1), second);
  assert.equal(first!.nextCorrelationId() + 1, first!.nextCorrelationId());
});

test('sockets are those that we open: without delay', { skip }, async () => {
  await using scene = await connectBroker();
  const { socket } = scene.broker.connectionPool.pool[0]!;
  assert.ok(socket?.writable);
});

test("a request that is put into the queue is written by us and gets the answer's body", { skip }, async () => {
  await using scene = await connectBroker();
  // ApiVersions v0: error i16, (key i16, min i16, max i16)[].
  const versions = await sendRaw(scene.broker, 'contract', {
    apiKey: 18,
    apiName: 'ApiVersions',
    apiVersion: 0,
    body: [],
    decode: (answer) => [answer.readInt16BE(0), answer.readInt32BE(2)],
  });
  assert.equal(versions[0], 0);
  assert.ok(versions[1]! > 20);
});

test('requests of one tick are answered in their order', { skip }, async () => {
  await using scene = await connectBroker();
  const answered: number[] = [];
  const request = { apiKey: 18, apiName: 'ApiVersions', apiVersion: 0, body: [], decode: () => null };
  await Promise.all(
    [0, 1, 2, 3, 4].map((i) => sendRaw(scene.broker, 'contract', request).then(() => answered.push(i))),
  );
  assert.deepEqual(answered, [0, 1, 2, 3, 4]);
});

test('a throttle holds later requests back, which go out by themselves', { skip }, async () => {
  await using scene = await connectBroker();
  const [connection] = scene.broker.connectionPool.pool;
  connection!.requestQueue.maybeThrottle(30);
  const request = { apiKey: 18, apiName: 'ApiVersions', apiVersion: 0, body: [], decode: () => 'answered' };
  const sent = sendRaw(scene.broker, 'contract', request);
  assert.equal(connection!.requestQueue.pending.length, 1);
  assert.equal(await sent, 'answered');
});

test('a request without an answer is rejected after its time, with an error that we know', { skip }, async () => {
  await using scene = await connectBroker({ requestTimeoutMs: 100 });
  const topic = uniqueName();
  const client = new KafkaClient(clientSettings(await sharedKafka()), silent);
  await createTopic(client, topic);
  client.close();
  // One that waits for what does not come.
  const how = { maxWaitMs: 20_000, maxBytes: 1000, maxPartitionBytes: 1000, committed: true };
  const request = { ...fetchRequest([{ topic, partition: 0, offset: 0 }], how), timeoutMs: 0 };
  await assert.rejects(sendRaw(scene.broker, 'contract', request), { type: 'REQUEST_TIMEOUT' });
});

test('destroyed sockets reject what waits for an answer, and everything after it', { skip }, async () => {
  const { broker } = await connectBroker();
  const asked = requestMetadata(broker, null, false);
  setImmediate(() => destroySockets(broker));
  await assert.rejects(asked, ({ name }: Error) => /^KafkaJSConnection(Closed)?Error$/.test(name));
  await assert.rejects(requestMetadata(broker, null, false), { name: 'KafkaJSConnectionClosedError' });
});

test('metadata has the brokers and the controller, and an error for each topic', { skip }, async () => {
  await using scene = await connectBroker();
  const missing = uniqueName('missing');
  const { brokers, controllerId, topicMetadata } = await requestMetadata(scene.broker, [missing], false);
  assert.ok(brokers.some(({ nodeId }) => nodeId === controllerId));
  assert.equal(typeof brokers[0]?.host, 'string');
  assert.deepEqual(
    topicMetadata.map(({ topic, topicErrorCode, partitionMetadata }) => [
      topic,
      errorName(topicErrorCode),
      partitionMetadata,
    ]),
    [[missing, 'UNKNOWN_TOPIC_OR_PARTITION', []]],
  );
  assert.deepEqual((await requestMetadata(scene.broker, [], false)).topicMetadata, []);
});

test('coordinator, producer id, and the errors of partitions, as transactions need them', { skip }, async () => {
  await using scene = await connectBroker();
  const { broker } = scene;
  const transactionalId = uniqueName('tx');
  // The topic of transactions is made on first use, which takes the broker a moment.
  const coordinate = async () =>
    broker.findGroupCoordinator({ groupId: transactionalId, coordinatorType: COORDINATOR_TYPES.TRANSACTION });
  const { coordinator } = await retryUntil(
    { deadlineMs: performance.now() + 30_000, backoffMs: 50, onRetry: () => {} },
    () => coordinate().catch((error: unknown) => Promise.reject(toRequestError(error, 'FindCoordinator'))),
  );
  assert.deepEqual(Object.keys(coordinator), ['nodeId', 'host', 'port']);
  const plain = await broker.initProducerId({ transactionTimeout: 60_000 });
  assert.match(plain.producerId, /^\d+$/);
  const { producerId, producerEpoch } = await broker.initProducerId({ transactionalId, transactionTimeout: 60_000 });
  assert.equal(producerEpoch, 0);
  const { errors } = await requestAddPartitions(broker, {
    transactionalId,
    producerId,
    producerEpoch,
    topics: [{ topic: 'missing', partitions: [0, 1] }],
  });
  assert.deepEqual(
    errors.map(({ topic, partitionErrors }) => [topic, partitionErrors.map(({ errorCode }) => errorName(errorCode))]),
    [['missing', ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION']]],
  );
  await assert.rejects(
    broker.endTxn({ transactionalId, producerId, producerEpoch: producerEpoch + 1, transactionResult: true }),
    (error: Error & { code?: number }) => error.name === 'KafkaJSProtocolError' && typeof error.code === 'number',
  );
});

test('codes of errors that kafkajs knows have the names that Kafka gives them', () => {
  assert.equal(KAFKAJS_ERRORS.find(({ code }) => code === 87)?.type, 'INVALID_RECORD');
  const names = [3, 6, 7, 15, 45, 46, 47, 51, 90].map(errorName);
  assert.deepEqual(names, [
    'UNKNOWN_TOPIC_OR_PARTITION',
    'NOT_LEADER_OR_FOLLOWER',
    'REQUEST_TIMED_OUT',
    'COORDINATOR_NOT_AVAILABLE',
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'DUPLICATE_SEQUENCE_NUMBER',
    'INVALID_PRODUCER_EPOCH',
    'CONCURRENT_TRANSACTIONS',
    'PRODUCER_FENCED',
  ]);
});

test('kafkajs is loaded in one file alone', () => {
  const root = new URL('../../src/', import.meta.url);
  const loaders = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => /['"]kafkajs['"/]/.test(readFileSync(new URL(name, root), 'utf8')));
  assert.deepEqual(loaders, ['logs/kafka/kafkajs-internals.ts']);
});

test("no timer with a negative time is set, of which Node would warn on the user's terminal", { skip }, async () => {
  const warnings: string[] = [];
  const listen = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', listen);
  await using scene = await connectBroker();
  for (let i = 0; i < 5; i++) await requestMetadata(scene.broker, [], false);
  await new Promise((wake) => setTimeout(wake, 20));
  process.off('warning', listen);
  assert.deepEqual(warnings, []);
});
