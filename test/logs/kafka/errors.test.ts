import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type ErrorCode, TailraceError } from '../../../src/model/errors.ts';
import { startKafka, type TestKafka } from '../../services/kafka.ts';
import { uniqueName, whyNoKafka } from '../../services/shared-kafka.ts';
import { plainRecords } from './kafka-records.ts';
import {
  append,
  kafkaSettings,
  openLog,
  readAll,
  recordsOf,
  SERVER,
  type SettingsOverrides,
  storedOffset,
} from './log-fixture.ts';

const LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const SECRET = 'alice-secret';

function judged(code: ErrorCode, message: RegExp, remedy: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof TailraceError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.match(error.remedy ?? '', remedy);
    assert.doesNotMatch(`${error.message}${error.remedy}`, new RegExp(`\\n|${SECRET}`));
    return true;
  };
}

describe('what Kafka refuses is told in one line that names the key to change', { skip: await whyNoKafka() }, () => {
  let kafka: TestKafka;
  before(async () => {
    kafka = await startKafka({
      listeners: { LOGIN: 'SASL_PLAINTEXT' },
      settings: {
        'auto.create.topics.enable': 'false',
        'transaction.max.timeout.ms': '60000',
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
        'listener.name.login.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.login.plain.sasl.jaas.config': `${LOGIN} required user_alice="${SECRET}";`,
      },
    });
  });
  after(() => kafka[Symbol.asyncDispose]());

  const alice = (overrides: SettingsOverrides = {}): SettingsOverrides => ({
    ...overrides,
    client: {
      brokers: [kafka.listeners.LOGIN!],
      sasl: { mechanism: 'plain', username: 'alice', password: SECRET },
    },
  });
  const grant = (...args: string[]) =>
    kafka.tool(
      ...(['org.apache.kafka.tools.AclCommand', '--bootstrap-server', kafka.bootstrap, '--add'] as const),
      ...['--allow-principal', 'User:alice', ...args],
    );

  /** One append of a new task, of a record for `topic`. */
  async function appendOnce(t: TestContext, overrides: SettingsOverrides, topic = uniqueName()): Promise<void> {
    const settings = kafkaSettings(kafka.bootstrap, overrides);
    const log = openLog(t, settings);
    const { connector } = settings;
    const epoch = await log.fence(connector);
    await log.append(append(connector, epoch, { records: [recordsOf(topic, plainRecords(1))] }));
  }

  test('a host that there is not, and one where nothing listens', async (t) => {
    const at = (broker: string): SettingsOverrides => ({ client: { brokers: [broker] } });
    await assert.rejects(
      appendOnce(t, at('no-such-host.invalid:9092')),
      judged('log.connect', /no host no-such-host\.invalid/, /bootstrap\.servers/),
    );
    await assert.rejects(
      appendOnce(t, at('127.0.0.1:1')),
      judged('log.connect', /Kafka at 127\.0\.0\.1:1 refuses connections/, /bootstrap\.servers/),
    );
  });

  test('more replicas than brokers, of a topic and of the offsets topic', async (t) => {
    const fallback = { partitions: 1, replicationFactor: 3, configs: {} };
    await assert.rejects(
      appendOnce(t, { topicCreation: { fallback } }, 'wide'),
      judged('log.setting', /cannot create topic wide.*3/, /topic\.creation\.default\.replication\.factor/),
    );
    await assert.rejects(
      appendOnce(t, { offsets: { topic: 'wide-offsets', replicationFactor: 3 } }),
      judged('log.setting', /cannot create topic wide-offsets/, /offset\.storage\.replication\.factor/),
    );
  });

  test('a configuration of a topic that there is not, and a name that no topic may have', async (t) => {
    const fallback = { partitions: 1, replicationFactor: 1, configs: { 'retention.msec': '1' } };
    await assert.rejects(
      appendOnce(t, { topicCreation: { fallback } }, 'odd'),
      judged('log.setting', /cannot create topic odd.*retention\.msec/, /topic\.creation\.default\.\*/),
    );
    await assert.rejects(
      appendOnce(t, {}, 'a b'),
      judged('log.setting', /no topic with the name "a b"/, /topic\.prefix/),
    );
  });

  test('a topic that neither we nor the broker may make', async (t) => {
    await assert.rejects(
      appendOnce(t, { topicCreation: { enabled: false } }, 'nowhere'),
      judged(
        'log.topic_missing',
        /no topic nowhere/,
        /topic\.creation\.default\.partitions.*auto\.create\.topics\.enable/,
      ),
    );
  });

  test('a transaction timeout that the brokers do not allow', async (t) => {
    const exactlyOnce = { transactionalId: uniqueName('tx'), boundary: { kind: 'poll' } } as const;
    await assert.rejects(
      appendOnce(t, { exactlyOnce, producer: { transactionTimeoutMs: 61_000 } }),
      judged('log.setting', /transaction timeout/, /transaction\.timeout\.ms.*transaction\.max\.timeout\.ms/),
    );
  });

  test('rights that are missing: to see a topic, to make it, to write it, to use a transactional id', async (t) => {
    const topic = uniqueName('acl');
    const offsets = uniqueName('acl_offsets');
    const settings = alice({ offsets: { topic: offsets, partitions: 1 }, producer: { deliveryTimeoutMs: 2_000 } });
    const transactionalId = uniqueName('tx');
    const exactlyOnce = { transactionalId, boundary: { kind: 'poll' } } as const;
    await assert.rejects(
      appendOnce(t, { ...settings, exactlyOnce }),
      judged(
        'log.privilege',
        new RegExp(`transactional id ${transactionalId}`),
        new RegExp(`kafka-acls .*--operation Write .*--transactional-id ${transactionalId}`),
      ),
    );
    await assert.rejects(
      appendOnce(t, settings, topic),
      judged('log.privilege', /not allow this user to write anything/, /kafka-acls .*--operation Write .*--topic/),
    );
    await grant('--operation', 'Describe', '--operation', 'Create', '--operation', 'Write', '--topic', offsets);
    const named = (of: string) => new RegExp(`topic ${of}`);
    await assert.rejects(
      appendOnce(t, settings, topic),
      judged('log.privilege', named(topic), new RegExp(`--operation Write .*--topic ${topic}`)),
    );
    await grant('--operation', 'Describe', '--topic', topic);
    await assert.rejects(
      appendOnce(t, settings, topic),
      judged('log.privilege', named(topic), new RegExp(`--operation Create .*--topic ${topic}`)),
    );
    await grant('--operation', 'Create', '--topic', topic);
    await assert.rejects(
      appendOnce(t, settings, topic),
      judged('log.privilege', named(topic), new RegExp(`--operation Write .*--topic ${topic}`)),
    );
    await grant('--operation', 'Write', '--topic', topic);
    await appendOnce(t, settings, topic);
    const log = openLog(t, kafkaSettings(kafka.bootstrap, settings));
    await assert.rejects(
      log.offsets.get('c', SERVER),
      judged('log.privilege', named(offsets), new RegExp(`--operation Read .*--topic ${offsets}`)),
    );
  });

  test('a broker that ends in the midst of appends is waited for, and nothing is lost or out of order', async (t) => {
    const settings = kafkaSettings(kafka.bootstrap, { producer: { deliveryTimeoutMs: 60_000 } });
    const log = openLog(t, settings);
    const { connector } = settings;
    const epoch = await log.fence(connector);
    const topic = uniqueName();
    let killed: Promise<void> | null = null;
    for (let pos = 0; pos < 30; pos++) {
      if (pos === 10) killed = kafka.kill().then(() => kafka.start());
      const records = [recordsOf(topic, plainRecords(3, `v${pos}`))];
      await log.append(append(connector, epoch, { records, offset: { pos } }));
    }
    await killed;
    const read = (await readAll(log, topic)).map(({ value }) => value?.toString());
    assert.deepEqual(read, Array.from({ length: 30 }, (_, pos) => [`v${pos}-0`, `v${pos}-1`, `v${pos}-2`]).flat());
    assert.deepEqual(await storedOffset(t, settings), { pos: 29 });
  });

  test('a stop waits for a broker that is gone for a while only', async (t) => {
    const stopping = new AbortController();
    const settings = kafkaSettings(kafka.bootstrap, { producer: { deliveryTimeoutMs: 600_000 } });
    const log = openLog(t, settings, { stopping: stopping.signal });
    const { connector } = settings;
    const epoch = await log.fence(connector);
    await log.append(append(connector, epoch));
    await kafka.kill();
    const refused = assert.rejects(
      log.append(append(connector, epoch)),
      judged('log.unavailable', /time to stop/, /goes on from the checkpoint/),
    );
    stopping.abort();
    await refused;
  });
});
