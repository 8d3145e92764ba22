import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RawConfig } from '../../src/config/config-def.ts';
import type { KafkaLogConfig } from '../../src/config/kafka-log.ts';
import { type ConfigCheck, checkConfigFile, formatIssue, readConfigFile } from '../../src/config/load.ts';
import { isWorkerFile, loadWorker, workerOfBrokers } from '../../src/config/worker-file.ts';
import { TailraceError } from '../../src/model/errors.ts';

const FOLDER = 'fixtures/workers';
const ENV = { KAFKA_PASSWORD: 'scram-secret' };
const folder = mkdtempSync(join(tmpdir(), 'tailrace-kafka-config-'));
after(() => rmSync(folder, { recursive: true }));

const CONNECTOR: RawConfig = {
  'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
  'database.hostname': 'localhost',
  'database.user': 'postgres',
  'database.dbname': 'shop',
  'topic.prefix': 'shop',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
};

/** One key a line, from line 3 on. */
function connectorFile(keys: RawConfig = {}): string {
  const path = join(folder, 'shop.json');
  const config = JSON.stringify({ ...keys, ...CONNECTOR }, null, 1);
  writeFileSync(path, `{"name": "shop",\n"config": ${config}}`);
  return path;
}

function check(worker: string, keys: RawConfig = {}): ConfigCheck {
  return checkConfigFile(connectorFile(keys), ENV, loadWorker(join(FOLDER, worker), ENV));
}

/** Everything that is said of a worker's file and of a connector under it, places without folders. */
function remarks(worker: string, keys: RawConfig = {}): { errors: readonly string[]; warnings: readonly string[] } {
  const loaded = loadWorker(join(FOLDER, worker), ENV);
  const { errors, warnings } = checkConfigFile(connectorFile(keys), ENV, loaded);
  const line = (issue: Parameters<typeof formatIssue>[0]) =>
    formatIssue(issue).replaceAll(`${folder}/`, '').replaceAll(`${FOLDER}/`, '');
  return { errors: errors.map(line), warnings: [...loaded.warnings, ...warnings].map(line) };
}

function kafkaOf(worker: string, keys: RawConfig = {}): KafkaLogConfig {
  const { connector, errors } = check(worker, keys);
  assert.deepEqual(errors, []);
  return connector!.kafka!;
}

const EXPECTED: Readonly<Record<string, { errors?: readonly string[]; warnings?: readonly string[] }>> = {
  'standalone.properties': {
    warnings: [
      'standalone.properties:10: offset.storage.file.filename is ignored: offsets are kept in the topic offset.storage.topic; `tailrace offsets import` reads such a file',
    ],
  },
  'distributed.properties': {
    warnings: [
      'distributed.properties:18: listeners is ignored: the address of /health, /lag and /metrics is tailrace.http.listen, or --http',
      'distributed.properties:29: compression.type is ignored: producers take it as producer.compression.type',
    ],
  },
  'confluent-cloud.properties': {
    warnings: [
      'confluent-cloud.properties:24: producer.interceptor.classes is ignored: it is a class of Java, which only Java loads; records are sent as they are',
    ],
  },
  'scram.properties': {
    warnings: [
      'scram.properties:11: ssl.enabled.protocols is ignored: Node decides: TLS 1.2 and 1.3 with its list of ciphers',
    ],
  },
  'mutual-tls.properties': {
    warnings: ['mutual-tls.properties:11: sasl.mechanism has no effect: security.protocol is SSL, without SASL'],
  },
  'oauth.properties': {},
  'avro.properties': {
    warnings: ['avro.properties:17: log4j.loggers is not a known key, ignored'],
  },
  'strimzi-oauth.properties': {},
  'msk-iam.properties': {
    errors: [
      "msk-iam.properties:4: sasl.mechanism 'AWS_MSK_IAM' is not supported: tailrace does not sign with AWS credentials; MSK takes SCRAM-SHA-512 and client certificates as well",
      "msk-iam.properties:7: producer.acks '1' is not supported: the database would be told that changes are safe which a broker can still lose; leave it at all",
      'msk-iam.properties:6: sasl.client.callback.handler.class is not supported: it is a class of Java',
      'msk-iam.properties:9: producer.partitioner.class is not supported: records are spread by murmur2 of their key, as Kafka’s default partitioner does',
    ],
    warnings: [
      'msk-iam.properties:8: producer.enable.idempotence is ignored: the producer is always idempotent: a request that is sent again is stored once',
    ],
  },
  'kerberos.properties': {
    errors: [
      'kerberos.properties: sasl.mechanism is not set, and security.protocol is SASL_PLAINTEXT; Kafka’s default is GSSAPI (Kerberos), which is not supported: set PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER',
    ],
    warnings: ['kerberos.properties:4: sasl.kerberos.service.name is ignored: there is no Kerberos here'],
  },
};

test("each worker's file has its expectation", () => {
  assert.deepEqual(readdirSync(FOLDER).sort(), Object.keys(EXPECTED).sort());
});

for (const [name, { errors = [], warnings = [] }] of Object.entries(EXPECTED)) {
  test(`${name} gives exactly the remarks that help, each with its place`, () => {
    const said = remarks(name, { 'key.converter': 'org.apache.kafka.connect.json.JsonConverter' });
    assert.deepEqual(said.errors, errors);
    assert.deepEqual(said.warnings, warnings);
  });
}

test('brokers alone are enough: the rest has Connect’s names and Kafka’s defaults', () => {
  const worker = workerOfBrokers('localhost:9092, b:9093', '--kafka');
  const { connector, warnings } = checkConfigFile(connectorFile(), ENV, worker);
  assert.deepEqual(warnings, []);
  assert.deepEqual(connector!.kafka, {
    connector: 'shop',
    client: {
      brokers: ['localhost:9092', 'b:9093'],
      clientId: 'connector-producer-shop-0',
      access: { tls: null, sasl: null },
      connectionTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      metadataMaxAgeMs: 300_000,
    },
    producer: {
      compression: 'none',
      compressionLevel: null,
      lingerMs: 0,
      batchBytes: 524_288,
      maxRequestBytes: 1_048_576,
      deliveryTimeoutMs: 120_000,
      retryBackoffMs: 100,
      transactionTimeoutMs: 60_000,
    },
    offsets: { topic: 'connect-offsets', partitions: 25, replicationFactor: null },
    exactlyOnce: null,
    topicCreation: {
      enabled: false,
      groups: [],
      fallback: { partitions: null, replicationFactor: null, configs: {} },
    },
    oversized: { kind: 'fail' },
  } satisfies KafkaLogConfig);
});

test('without a worker there is the embedded log, and keys of Kafka are told that they do nothing', () => {
  const { connector, warnings } = checkConfigFile(connectorFile({ 'producer.override.acks': '1' }), ENV);
  assert.equal(connector!.kafka, null);
  assert.equal(connector!.config['tailrace.log.path'], './shop.tailrace.db');
  assert.equal(warnings.map(({ key }) => key).join(), 'producer.override.acks');
});

test('with Kafka, keys of the embedded log are told that they do nothing', () => {
  assert.deepEqual(remarks('distributed.properties', { 'tailrace.log.partitions': 'x' }).warnings.slice(-1), [
    'shop.json:3: tailrace.log.partitions is ignored: records go to Kafka, and it concerns the embedded log',
  ]);
});

test("a distributed worker's file names the offsets topic, the transactions and the producer", () => {
  const kafka = kafkaOf('distributed.properties');
  assert.deepEqual(kafka.client.brokers, ['kafka-1:9092', 'kafka-2:9092', 'kafka-3:9092']);
  assert.deepEqual(kafka.offsets, { topic: 'my_connect_offsets', partitions: 25, replicationFactor: 3 });
  assert.deepEqual(kafka.exactlyOnce, { transactionalId: 'connect-cluster-shop-0', boundary: { kind: 'poll' } });
  assert.deepEqual(
    [kafka.producer.compression, kafka.producer.lingerMs, kafka.producer.batchBytes, kafka.producer.maxRequestBytes],
    ['lz4', 20, 524_288, 10_485_760],
  );
});

test("the producer's keys are stronger than the worker's, the connector's stronger than both", () => {
  const plain = kafkaOf('confluent-cloud.properties', { 'key.converter': CONNECTOR['value.converter']! });
  assert.deepEqual(plain.client.access.sasl, {
    mechanism: 'plain',
    username: 'PRODUCERPRODUCER',
    password: 'producer-secret',
  });
  assert.equal(plain.producer.retryBackoffMs, 500);
  const override = kafkaOf('confluent-cloud.properties', {
    'key.converter': CONNECTOR['value.converter']!,
    'producer.override.sasl.jaas.config':
      'org.apache.kafka.common.security.plain.PlainLoginModule required username="own" password="own-secret";',
    'producer.override.linger.ms': '7',
    'producer.override.client.id': 'mine',
  });
  assert.deepEqual(override.client.access.sasl, { mechanism: 'plain', username: 'own', password: 'own-secret' });
  assert.equal(override.producer.lingerMs, 7);
  assert.equal(override.client.clientId, 'mine');
  assert.deepEqual(remarks('distributed.properties', { 'producer.override.linger.ms': 'x' }).errors, [
    "shop.json:3: producer.override.linger.ms 'x' is not a whole number between 0 and 2147483647",
  ]);
});

test("secrets of a worker's file are among a connector's, the passwords within a JAAS text too", () => {
  const { secrets } = check('confluent-cloud.properties');
  assert.ok(secrets.includes('producer-secret'));
  assert.ok(secrets.some((secret) => secret.startsWith('org.apache.kafka.common.security.plain')));
  const tls = check('mutual-tls.properties').secrets;
  assert.ok(tls.includes('key-secret'));
  assert.ok(tls.some((secret) => secret.includes('ENCRYPTED PRIVATE KEY')));
  assert.ok(check('oauth.properties').secrets.includes('client-secret'));
});

test('SCRAM, certificates and tokens are read from the keys that Connect has for them', () => {
  const scram = kafkaOf('scram.properties').client;
  assert.deepEqual(scram.brokers, ['broker1:9094', 'broker2:9094']);
  assert.deepEqual(scram.access.sasl, { mechanism: 'scram-sha-512', username: 'connect', password: 'scram-secret' });
  assert.deepEqual(scram.access.tls?.trust, {
    kind: 'file',
    key: 'ssl.truststore.location',
    file: '/etc/kafka/truststore.p12',
    password: 'changeit',
  });
  const mutual = kafkaOf('mutual-tls.properties').client;
  assert.deepEqual(mutual.brokers, ['[2001:db8::1]:9093']);
  assert.equal(mutual.access.tls?.checkHostname, false);
  assert.equal(mutual.access.tls?.identity?.kind, 'text');
  for (const [file, scope, extensions] of [
    ['oauth.properties', 'kafka', { logicalCluster: 'lkc-1' }],
    ['strimzi-oauth.properties', null, {}],
  ] as const) {
    const { sasl } = kafkaOf(file).client.access;
    assert.ok(sasl?.mechanism === 'oauthbearer');
    assert.equal(sasl.oauth.endpoint.protocol, 'https:');
    assert.deepEqual(sasl.oauth.client, { id: 'tailrace', secret: 'client-secret' });
    assert.deepEqual([sasl.oauth.scope, sasl.oauth.extensions], [scope, extensions]);
  }
});

test("a worker's converters hold for connectors that name none, whole, as in Connect", () => {
  const path = join(folder, 'plain.properties');
  const { 'value.converter': _, ...rest } = CONNECTOR;
  const keys = { name: 'shop', ...rest, 'value.converter.schemas.enable': 'true', 'key.converter': 'x' };
  writeFileSync(
    path,
    Object.entries(keys)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const { errors, warnings } = checkConfigFile(path, ENV, loadWorker(join(FOLDER, 'standalone.properties'), ENV));
  assert.match(formatIssue(errors[0]!), /plain\.properties:8: key\.converter 'x' is not one of /);
  assert.equal(
    formatIssue(warnings[0]!),
    `${path}:7: value.converter.schemas.enable is ignored, as in Connect: value.converter is that of ${FOLDER}/standalone.properties, with its settings; set value.converter here, too`,
  );
  const good = check('standalone.properties', { 'key.converter': CONNECTOR['value.converter']! });
  assert.equal(good.connector!.raw['key.converter.schemas.enable'], undefined);
  const inherited = check('standalone.properties');
  assert.equal(inherited.connector!.raw['key.converter.schemas.enable'], 'false');
});

test("a registry that a worker's file names is that of its connectors, its password a secret of theirs", () => {
  const { 'value.converter': _, ...rest } = CONNECTOR;
  const path = join(folder, 'avro.json');
  writeFileSync(path, JSON.stringify({ name: 'shop', config: rest }));
  const { connector, secrets } = checkConfigFile(path, ENV, loadWorker(join(FOLDER, 'avro.properties'), ENV));
  assert.equal(connector!.config['value.converter'], 'io.confluent.connect.avro.AvroConverter');
  assert.equal(connector!.raw['value.converter.schema.registry.url'], 'http://schema-registry:8081');
  assert.ok(secrets.includes('registry:registry-secret'));
});

test("tailrace's own keys in a worker's file hold for all connectors, and a fault in them is told there", () => {
  const path = join(folder, 'worker.properties');
  writeFileSync(path, 'bootstrap.servers=a:1\ntailrace.batch.bytes=1048576\ntailrace.kafka.oversized=drop\n');
  const worker = loadWorker(path, ENV);
  const { errors } = checkConfigFile(connectorFile(), ENV, worker);
  assert.deepEqual(errors.map(formatIssue), [
    `${path}:3: tailrace.kafka.oversized 'drop' is not one of fail, truncate, dead-letter:<topic>`,
  ]);
  const { connector } = checkConfigFile(
    connectorFile({ 'tailrace.kafka.oversized': 'dead-letter:too.big' }),
    ENV,
    worker,
  );
  assert.equal(connector!.config['tailrace.batch.bytes'], 1_048_576);
  assert.deepEqual(connector!.kafka!.oversized, { kind: 'dead-letter', topic: 'too.big' });
});

test('topics are made as the groups say', () => {
  const { topicCreation } = kafkaOf('distributed.properties', {
    'topic.creation.groups': 'compacted, big',
    'topic.creation.default.replication.factor': '-1',
    'topic.creation.default.partitions': '4',
    'topic.creation.default.retention.ms': '1000',
    'topic.creation.compacted.include': 'shop\\.public\\.(a|b),x.*',
    'topic.creation.compacted.exclude': 'xy',
    'topic.creation.compacted.cleanup.policy': 'compact',
    'topic.creation.big.include': '.*',
    'topic.creation.big.partitions': '12',
  });
  assert.equal(topicCreation.enabled, true);
  assert.deepEqual(topicCreation.fallback, {
    partitions: 4,
    replicationFactor: null,
    configs: { 'retention.ms': '1000' },
  });
  const [compacted, big] = topicCreation.groups;
  assert.deepEqual(
    ['shop.public.a', 'shop.public.A', 'xyz', 'wx'].map((name) => compacted!.include.some((one) => one.test(name))),
    [true, false, true, false],
  );
  assert.deepEqual(compacted!.template, {
    partitions: null,
    replicationFactor: null,
    configs: { 'cleanup.policy': 'compact' },
  });
  assert.equal(big!.template.partitions, 12);
});

test('what topic.creation lacks is told with its key', () => {
  assert.deepEqual(
    remarks('distributed.properties', {
      'topic.creation.groups': 'a',
      'topic.creation.b.partitions': '1',
      'topic.creation.default.partitions': '0',
    }),
    {
      errors: [
        'shop.json: topic.creation.a.include is not set, but topic.creation.groups lists it',
        'shop.json: topic.creation.default.replication.factor is not set, but other keys of the default group are',
        "shop.json:5: topic.creation.default.partitions '0' is neither a whole number of 1 or more nor -1 (the brokers’ default)",
      ],
      warnings: [
        'distributed.properties:18: listeners is ignored: the address of /health, /lag and /metrics is tailrace.http.listen, or --http',
        'distributed.properties:29: compression.type is ignored: producers take it as producer.compression.type',
        'shop.json:4: topic.creation.b.partitions has no effect: topic.creation.groups does not list its group',
      ],
    },
  );
});

test('exactly once: asked for by the worker or by the connector, with its boundary', () => {
  const boundaryOf = (keys: RawConfig, worker = 'standalone.properties') => kafkaOf(worker, keys).exactlyOnce;
  assert.equal(boundaryOf({ 'exactly.once.support': 'requested' }), null);
  assert.deepEqual(boundaryOf({ 'exactly.once.support': 'required', 'transaction.boundary': 'interval' }), {
    transactionalId: 'tailrace-shop-0',
    boundary: { kind: 'interval', intervalMs: 10_000 },
  });
  assert.deepEqual(boundaryOf({ 'transaction.boundary': 'interval' }, 'distributed.properties')?.boundary, {
    kind: 'interval',
    intervalMs: 10_000,
  });
  const late = { 'exactly.once.support': 'required', 'transaction.boundary': 'interval' };
  assert.deepEqual(remarks('standalone.properties', { ...late, 'transaction.boundary.interval.ms': '60000' }).errors, [
    'shop.json:5: transaction.boundary.interval.ms is 60000, and brokers abort a transaction after the 60000 of producer.override.transaction.timeout.ms: set it below that',
  ]);
});

test('overrides are held to the policy of the worker', () => {
  const path = join(folder, 'policy.properties');
  const keys = { 'producer.override.linger.ms': '1', 'producer.override.security.protocol': 'PLAINTEXT' };
  for (const [policy, refused] of [
    ['All', []],
    ['None', ['producer.override.linger.ms', 'producer.override.security.protocol']],
    ['Principal', ['producer.override.linger.ms']],
  ] as const) {
    writeFileSync(path, `bootstrap.servers=a:1\nconnector.client.config.override.policy=${policy}\n`);
    const { errors } = checkConfigFile(connectorFile(keys), ENV, loadWorker(path, ENV));
    assert.deepEqual(
      errors.map(({ key }) => key),
      refused,
    );
  }
});

test("a worker's file is known by its keys; without brokers they are Kafka's default", () => {
  const path = join(folder, 'short.properties');
  writeFileSync(path, 'offset.storage.file.filename=/tmp/o\n');
  const file = readConfigFile(path);
  assert.ok(isWorkerFile(file));
  const { connector } = checkConfigFile(connectorFile(), ENV, loadWorker(path, ENV));
  assert.deepEqual(connector!.kafka!.client.brokers, ['localhost:9092']);
  assert.equal(isWorkerFile(readConfigFile(connectorFile())), false);
  assert.equal(isWorkerFile({ ...file, raw: { 'database.hostname': 'h' } }), false);
});

test("a worker's file with a fault is refused, each fault on a line of its own", () => {
  const path = join(folder, 'bad.properties');
  writeFileSync(path, 'bootstrap.servers=a\noffset.storage.topic=a b\noffset.storage.partitions=0\n');
  assert.throws(
    () => loadWorker(path, ENV),
    (error) =>
      error instanceof TailraceError &&
      error.code === 'config.invalid' &&
      error.message ===
        `${path}:2: offset.storage.topic 'a b' may only hold letters, digits, dot, dash and underscore\n${path}:3: offset.storage.partitions '0' is not a whole number between 1 and 100000`,
  );
  for (const [brokers, message] of [
    ['a', "bootstrap.servers 'a' is not of the form host:port"],
    ['a:1,b:x', "bootstrap.servers 'a:1,b:x' holds 'b:x', which is not of the form host:port"],
    ['a:70000', "bootstrap.servers 'a:70000' is not of the form host:port"],
    [',', "bootstrap.servers ',' names no broker: write host:port"],
  ] as const) {
    const { errors } = checkConfigFile(connectorFile(), ENV, workerOfBrokers(brokers, '--kafka'));
    assert.deepEqual(errors.map(formatIssue), [`--kafka: ${message}`]);
  }
});
