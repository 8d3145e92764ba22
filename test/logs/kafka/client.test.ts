import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { KafkaClient } from '../../../src/logs/kafka/client.ts';
import { requestMetadata } from '../../../src/logs/kafka/kafkajs-internals.ts';
import type { KafkaRequestError } from '../../../src/logs/kafka/request-error.ts';
import type { KafkaClientSettings } from '../../../src/logs/kafka/settings.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../../services/shared-kafka.ts';
import { clientSettings, createTopic, silent } from './kafka-fixture.ts';

const skip = await whyNoKafka();
const noTls = { ca: null, cert: null, key: null, passphrase: null, checkHostname: true };

/** `host:port` of a server that is none of Kafka's. */
async function listen(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return `127.0.0.1:${port}`;
}

async function openClient(t: TestContext, overrides: Partial<KafkaClientSettings> = {}): Promise<KafkaClient> {
  const client = new KafkaClient(clientSettings(await sharedKafka(), overrides), silent);
  t.after(() => client.close());
  return client;
}

async function connectFailure(
  brokers: string,
  overrides: Partial<KafkaClientSettings> = {},
): Promise<KafkaRequestError> {
  const client = new KafkaClient(clientSettings(brokers, overrides), silent);
  try {
    await client.connect();
  } catch (error) {
    return error as KafkaRequestError;
  } finally {
    client.close();
  }
  throw new Error('connected');
}

test('a server that says nothing fails the connection after its time', async (t) => {
  const server = await listen(t, () => {});
  const error = await connectFailure(server, { requestTimeoutMs: 200, connectionTimeoutMs: 200 });
  assert.deepEqual([error.type, error.broker], ['CONNECT_FAILED', server]);
  assert.match(error.reason ?? '', /timed out/);
});

test('a server that hangs up fails the connection', async (t) => {
  const server = await listen(t, (socket) => socket.end());
  const error = await connectFailure(server);
  assert.deepEqual([error.type, error.broker], ['CONNECT_FAILED', server]);
});

test('a server that leaves a TLS handshake open fails the connection after its time', async (t) => {
  const server = await listen(t, () => {});
  const error = await connectFailure(server, { tls: noTls, connectionTimeoutMs: 200 });
  assert.deepEqual([error.type, error.broker], ['CONNECT_FAILED', server]);
});

test('a server that answers TLS with something else fails the connection', async (t) => {
  const server = await listen(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const error = await connectFailure(server, { tls: noTls });
  assert.equal(error.type, 'CONNECT_FAILED');
});

test('the next of bootstrap.servers is tried where the first does not answer', { skip }, async (t) => {
  const server = await listen(t, () => {});
  const settings = clientSettings(`127.0.0.1:1,${server},${await sharedKafka()}`, {
    requestTimeoutMs: 1000,
    connectionTimeoutMs: 1000,
  });
  const client = new KafkaClient(settings, silent);
  await client.connect();
  assert.ok(client.nodeIds().length > 0);
  client.close();
});

test('an error of the token endpoint comes through as it is', { skip }, async () => {
  const cause = new TailraceError('log.authentication', 'the token endpoint answers 401');
  const token = (): Promise<string> => Promise.reject(cause);
  const error: unknown = await connectFailure(await sharedKafka(), {
    sasl: { mechanism: 'oauthbearer', token, extensions: {} },
  });
  // A listener without SASL does not get as far as to want a token.
  assert.ok(error === cause || (error as KafkaRequestError).type === 'ILLEGAL_SASL_STATE', String(error));
});

test("one topic's error leaves the metadata of the others", { skip }, async (t) => {
  const client = await openClient(t);
  const [topic, missing] = [uniqueName(), uniqueName('missing')];
  await createTopic(client, topic, { partitions: 3 });
  const found = new Map((await client.metadata([topic, missing])).map((metadata) => [metadata.topic, metadata]));
  assert.equal(found.get(missing)?.error, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.deepEqual(
    found.get(topic)?.partitions.map(({ partition, error }) => [partition, error]),
    [
      [0, null],
      [1, null],
      [2, null],
    ],
  );
  assert.equal(client.cachedTopic(missing), null);
  assert.equal(client.cachedTopic(topic)?.partitions.length, 3);
  client.forgetTopics([topic]);
  assert.equal(client.cachedTopic(topic), null);
  await assert.rejects(client.leader(missing, 0), { type: 'UNKNOWN_TOPIC_OR_PARTITION', topic: missing });
  await assert.rejects(client.leader(topic, 3), { type: 'UNKNOWN_TOPIC_OR_PARTITION', topic, partition: 3 });
});

test('a connection that broke is made again by the next call', { skip }, async (t) => {
  const client = await openClient(t);
  await client.connect();
  const { address } = await client.session(client.nodeIds()[0]!);
  await assert.rejects(
    client.call('any', 'Broken', (broker) => {
      const metadata = broker.connectionPool.pool[0]!;
      queueMicrotask(() => metadata.socket?.destroy(new Error('cut')));
      return broker.findGroupCoordinator({ groupId: uniqueName(), coordinatorType: 1 });
    }),
    { type: 'CONNECTION_LOST', broker: address },
  );
  assert.equal((await client.metadata(null)).length >= 0, true);
});

test('calls that come while a connection is being made wait for it', { skip }, async (t) => {
  const client = await openClient(t);
  await client.call('any', 'Cut', async ({ connectionPool }) => {
    const { socket } = connectionPool.pool[0]!;
    const closed = new Promise((resolve) => socket!.once('close', resolve));
    socket!.destroy(new Error('cut'));
    await closed;
  });
  const [nodeId] = client.nodeIds();
  const ask = (): Promise<unknown> =>
    client.call(nodeId!, 'Metadata', (broker) => requestMetadata(broker, null, false));
  await Promise.all([ask(), ask(), client.metadata(null), client.session(nodeId!), ask()]);
});

test('close() rejects what is on its way, and ends the client for good', { skip }, async (t) => {
  const client = await openClient(t);
  await client.connect();
  const asked = client.metadata(null);
  setImmediate(() => client.close());
  await Promise.allSettled([asked]);
  await assert.rejects(client.metadata(null), { type: 'CLIENT_CLOSED' });
});

test('what kafkajs says goes to the logger at debug, without requests, answers, or passwords', { skip }, async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const settings = clientSettings(await sharedKafka(), {
    sasl: { mechanism: 'plain', username: 'somebody', password: 'pa55word' },
  });
  const client = new KafkaClient(settings, logger);
  await assert.rejects(client.connect());
  client.close();
  assert.ok(lines.length > 0);
  for (const line of lines) {
    assert.equal((JSON.parse(line) as { level: number }).level, 20);
    assert.doesNotMatch(line, /pa55word|somebody/);
  }
});
