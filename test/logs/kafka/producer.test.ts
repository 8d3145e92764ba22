import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../../src/logs/kafka/client.ts';
import { KafkaProducer } from '../../../src/logs/kafka/producer.ts';
import { sequenceAfter } from '../../../src/logs/kafka/record-batch.ts';
import type { KafkaRequestError } from '../../../src/logs/kafka/request-error.ts';
import type { Compression } from '../../../src/logs/kafka/settings.ts';
import { fetchKafkaJars, runKafkaTool } from '../../services/kafka.ts';
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
import { NO_HEADERS, plainRecords } from './kafka-records.ts';

const skip = await whyNoKafka();
const LOST = { answerLost: 'CONNECTION_LOST' };
const TIMED_OUT = { answerLost: 'REQUEST_TIMEOUT' };
const NOT_LEADER = { unsent: 'NOT_LEADER_OR_FOLLOWER' };

interface Scene extends AsyncDisposable {
  readonly client: FaultyClient;
  readonly producer: KafkaProducer;
  readonly topic: string;
}

async function setScene(options: Parameters<typeof createTopic>[2] = {}): Promise<Scene> {
  const client = new FaultyClient(clientSettings(await sharedKafka()), silent);
  const topic = uniqueName();
  await createTopic(client, topic, options);
  const producer = createProducer(client);
  await producer.init(soon());
  return { client, producer, topic, [Symbol.asyncDispose]: async () => client.close() };
}

test('what is sent is on the topic, in the order of its partition', { skip }, async () => {
  await using scene = await setScene({ partitions: 3 });
  const { client, producer, topic } = scene;
  const records = plainRecords(3000);
  const batches = encodeBatches(topic, records, { partition: null, partitions: 3, batchBytes: 2_000 });
  await producer.send(batches, soon());
  const read = [];
  for (const partition of [0, 1, 2]) {
    const own = await readPartition(client, topic, { partition });
    const numbers = own.map(({ value }) => Number(String(value).slice(2)));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    read.push(...valuesOf(own));
  }
  assert.deepEqual(read.sort(), valuesOf(records).sort());
});

for (const [name, fault] of [
  ['lost with its connection', LOST],
  ['late', TIMED_OUT],
] as const) {
  test(`an answer that is ${name} leads to no second copy`, { skip }, async () => {
    await using scene = await setScene();
    const { client, producer, topic } = scene;
    const records = plainRecords(500);
    client.plan('Produce', null, fault, null, fault);
    await producer.send(encodeBatches(topic, records, { batchBytes: 1_500 }), soon());
    await producer.send(encodeBatches(topic, plainRecords(3, 'next')), soon());
    assert.deepEqual(valuesOf(await readPartition(client, topic)), [
      ...valuesOf(records),
      ...valuesOf(plainRecords(3, 'next')),
    ]);
  });
}

test('a request that fails before others that are on their way leaves neither gap, nor disorder, nor copies', {
  skip,
}, async () => {
  await using scene = await setScene();
  const { client, producer, topic } = scene;
  const records = plainRecords(500);
  client.plan('Produce', NOT_LEADER, null, LOST, NOT_LEADER, null, null, null, LOST);
  await producer.send(encodeBatches(topic, records, { batchBytes: 500 }), soon());
  assert.deepEqual(valuesOf(await readPartition(client, topic)), valuesOf(records));
});

test('a failure of one partition does not send the others twice', { skip }, async () => {
  await using scene = await setScene({ partitions: 2 });
  const { client, producer, topic } = scene;
  const batches = [0, 1].flatMap((partition) =>
    encodeBatches(topic, plainRecords(100, `p${partition}`), { partition, partitions: 2, batchBytes: 700 }),
  );
  client.plan('Produce', null, LOST);
  await producer.send(batches, soon());
  for (const partition of [0, 1]) {
    const read = await readPartition(client, topic, { partition });
    assert.deepEqual(valuesOf(read), valuesOf(plainRecords(100, `p${partition}`)));
  }
});

test('a topic that comes into being meanwhile gets its records', { skip }, async () => {
  await using scene = await setScene();
  const { client, producer } = scene;
  const topic = uniqueName();
  const sent = producer.send(encodeBatches(topic, plainRecords(3)), soon());
  await createTopic(client, topic);
  await sent;
  assert.equal((await readPartition(client, topic)).length, 3);
});

test('at the deadline the last error is thrown, and says for what', { skip }, async () => {
  await using scene = await setScene();
  const { producer } = scene;
  const topic = uniqueName('missing');
  await assert.rejects(producer.send(encodeBatches(topic, plainRecords(3)), performance.now() + 200), {
    name: 'KafkaRequestError',
    type: 'UNKNOWN_TOPIC_OR_PARTITION',
    topic,
  });
});

test('what the broker refuses for good is thrown with topic, partition, and its words; then the producer is at its end', {
  skip,
}, async () => {
  await using scene = await setScene({ configs: { 'cleanup.policy': 'compact' } });
  const { client, producer, topic } = scene;
  const keyless = [{ key: null, value: Buffer.from('v'), headers: NO_HEADERS }];
  await assert.rejects(producer.send(encodeBatches(topic, keyless), soon()), (error: KafkaRequestError) => {
    assert.deepEqual([error.type, error.topic, error.partition], ['INVALID_RECORD', topic, 0]);
    assert.match(error.reason ?? '', /without key/);
    assert.equal(error.broker, client.address(1));
    return true;
  });
  await assert.rejects(producer.send(encodeBatches(topic, plainRecords(1)), soon()), /at its end/);
  await producer.init(soon());
  await producer.send(encodeBatches(topic, plainRecords(1)), soon());
  assert.equal((await readPartition(client, topic)).length, 1);
});

test('a batch that is too large for its topic is refused by name', { skip }, async () => {
  await using scene = await setScene({ configs: { 'max.message.bytes': '1000' } });
  const { producer, topic } = scene;
  await assert.rejects(producer.send(encodeBatches(topic, plainRecords(200)), soon()), {
    type: 'MESSAGE_TOO_LARGE',
    topic,
    partition: 0,
  });
});

test('a gap in the sequences ends the producer', { skip }, async () => {
  await using scene = await setScene();
  const { producer, topic } = scene;
  const identity = producer.identity!;
  await producer.send(encodeBatches(topic, plainRecords(5)), soon());
  const [skipped] = encodeBatches(topic, plainRecords(1));
  const [batch] = encodeBatches(topic, plainRecords(1));
  // Another one with the same id knows nothing of the five.
  const imposter = createProducer(scene.client);
  await imposter.init(soon());
  Object.assign(imposter.identity!, { producerId: identity.producerId, epoch: identity.epoch });
  await assert.rejects(imposter.send([skipped!, batch!].slice(1), soon()), { type: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
  assert.equal(imposter.identity, null);
});

for (const [batchesPerRequest, requests] of [
  [4, 1],
  [2.5, 2],
  [0.5, 4],
] as const) {
  test(`with room for ${batchesPerRequest} batches in max.request.size, 4 of them take ${requests} requests`, {
    skip,
  }, async () => {
    await using scene = await setScene({ partitions: 4 });
    const { client, topic } = scene;
    const batches = [0, 1, 2, 3].flatMap((partition) =>
      encodeBatches(topic, plainRecords(50), { partition, partitions: 4 }),
    );
    const settings = { ...producerSettings, maxRequestBytes: batchesPerRequest * batches[0]!.byteLength };
    const producer = new KafkaProducer({ client, settings, transactionalId: null });
    await producer.init(soon());
    const warmUp = [0, 1, 2, 3].flatMap((partition) =>
      encodeBatches(topic, plainRecords(1), { partition, partitions: 4 }),
    );
    await producer.send(warmUp, soon());
    client.requests.length = 0;
    await producer.send(batches, soon());
    assert.equal(client.requests.filter((name) => name === 'Produce').length, requests);
  });
}

test('linger.ms holds an append back that does not fill a batch', { skip }, async () => {
  await using scene = await setScene();
  const { client, topic } = scene;
  const settings = { ...producerSettings, lingerMs: 30 };
  const producer = new KafkaProducer({ client, settings, transactionalId: null });
  await producer.init(soon());
  client.requests.length = 0;
  const sent = producer.send(encodeBatches(topic, plainRecords(1)), soon(), { mayLinger: true });
  await new Promise((wake) => setImmediate(wake));
  assert.deepEqual(client.requests, []);
  await sent;
  assert.deepEqual(client.requests, ['Produce']);
  const full = plainRecords(3000);
  const filling = producer.send(encodeBatches(topic, full), soon(), { mayLinger: true });
  await new Promise((wake) => setImmediate(wake));
  assert.deepEqual(client.requests, ['Produce', 'Produce']);
  await filling;
});

test("Java's consumer reads batches of every codec, with headers, nulls, and keys", {
  skip,
  timeout: 120_000,
}, async () => {
  await using scene = await setScene();
  const { producer, topic } = scene;
  const codecs: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
  const long = Buffer.alloc(100_000, 'snappy blocks, lz4 frames ');
  for (const codec of codecs) {
    const records = [
      { key: Buffer.from(codec), value: Buffer.from('plain'), headers: [{ key: 'h', value: Buffer.from('1') }] },
      { key: null, value: long, headers: NO_HEADERS },
      { key: Buffer.from('tombstone'), value: null, headers: [{ key: 'n', value: null }] },
    ];
    await producer.send(encodeBatches(topic, records, { codec }), soon());
  }
  const read = await runKafkaTool(
    await fetchKafkaJars(),
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...['--bootstrap-server', await sharedKafka(), '--topic', topic, '--from-beginning'],
    ...['--max-messages', String(3 * codecs.length), '--timeout-ms', '30000'],
    ...['--formatter-property', 'print.key=true', '--formatter-property', 'print.headers=true'],
  );
  const expected = codecs.flatMap((codec) => [
    `h:1\t${codec}\tplain`,
    `NO_HEADERS\tnull\t${long}`,
    'n:null\ttombstone\tnull',
  ]);
  assert.deepEqual(read.trimEnd().split('\n'), expected);
});

test("sequences begin again behind the largest int32, as Java's do", () => {
  assert.equal(sequenceAfter(2 ** 31 - 1, 1), 0);
  assert.equal(sequenceAfter(2 ** 31 - 2, 5), 3);
  assert.equal(sequenceAfter(7, 5), 12);
});

test('a client that is closed does not wait for its deadline', { skip }, async () => {
  await using scene = await setScene();
  const { client, producer } = scene;
  const sent = producer.send(encodeBatches(uniqueName('missing'), plainRecords(1)), soon());
  setTimeout(() => client.close(), 50);
  await assert.rejects(sent, { type: 'CLIENT_CLOSED' });
});

test('nobody there: the error names each server and what was wrong with it', { skip: false }, async () => {
  const client = new KafkaClient(clientSettings('127.0.0.1:1,nowhere.invalid:9092'), silent);
  await assert.rejects(client.connect(), (error: KafkaRequestError) => {
    assert.equal(error.type, 'CONNECT_FAILED');
    assert.match(error.message, /127\.0\.0\.1:1: .*ECONNREFUSED.*; nowhere\.invalid:9092: .*(ENOTFOUND|EAI_AGAIN)/);
    return true;
  });
  client.close();
});
