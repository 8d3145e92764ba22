import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kafkaClientDef } from '../../src/config/kafka-client.ts';
import { kafkaConnectorDef } from '../../src/config/kafka-connector.ts';
import { kafkaProducerDef } from '../../src/config/kafka-producer.ts';
import { kafkaWorkerDef } from '../../src/config/kafka-worker.ts';
import { mysqlDef } from '../../src/config/mysql.ts';
import { postgresDef } from '../../src/config/postgres.ts';

/** Keys that have one meaning here whatever they say: parsing them has decided already. */
const DECIDED = ['plugin.name', 'tasks.max', 'topic.naming.strategy', 'snapshot.isolation.mode'];

/** Keys of the converters are read for keys and values by one piece of code. */
function sidesOf(key: string): readonly string[] {
  const inner = /^(?:key|value)(\.converter.*)$/.exec(key)?.[1];
  if (inner === undefined) return [];
  return [`\`\${side}${inner}\``, `\`\${prefix}${inner.replace('.converter.schema.registry.ssl.', '')}\``];
}

test('no key is accepted and then read by nobody', () => {
  const sources = globSync('src/**/*.ts')
    // The demo writes a configuration; it reads none.
    .filter((path) => !path.startsWith('src/config/') && !path.startsWith('src/cli/demo/'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const keys = new Set([...Object.keys(postgresDef), ...Object.keys(mysqlDef)]);
  const isRead = (key: string): boolean =>
    sources.includes(`'${key}'`) || sources.includes(`.${key}`) || sidesOf(key).some((text) => sources.includes(text));
  const unread = [...keys].filter((key) => !isRead(key));
  assert.deepEqual(unread.sort(), DECIDED.toSorted());
});

/** Of Kafka: what a file's content tells, what has one meaning, and what another parser reads. */
const KAFKA_DECIDED = [
  'acks',
  'sasl.login.callback.handler.class',
  'sasl.oauthbearer.jwt.retriever.class',
  'ssl.keystore.type',
  'ssl.truststore.type',
  'topic.creation.<group>.<setting>',
  'topic.creation.groups',
];

test('no key of Kafka is accepted and then read by nobody', () => {
  const readers = ['kafka-log', 'kafka-access', 'worker-file'].map((name) =>
    readFileSync(`src/config/${name}.ts`, 'utf8'),
  );
  const defs = [kafkaClientDef, kafkaProducerDef, kafkaWorkerDef, kafkaConnectorDef];
  const unread = defs
    .flatMap((def) => Object.keys(def))
    .filter((key) => !readers.some((text) => text.includes(`['${key}']`)));
  assert.deepEqual(unread.sort(), KAFKA_DECIDED.toSorted());
});
