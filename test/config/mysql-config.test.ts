import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawConfig } from '../../src/config/config-def.ts';
import { parseConnectorConfig } from '../../src/config/connector.ts';
import { parseMysqlConfig, serverFamily } from '../../src/config/mysql.ts';

const MINIMAL: RawConfig = {
  name: 'shop',
  'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
  'database.hostname': 'localhost',
  'database.user': 'debezium',
  'topic.prefix': 'shop',
};
const MARIADB = { 'connector.class': 'io.debezium.connector.mariadb.MariaDbConnector' };

const lines = (issues: readonly { key: string; message: string }[]) => issues.map((one) => `${one.key} ${one.message}`);

function parsed(changes: RawConfig) {
  const { config, warnings, errors } = parseMysqlConfig({ ...MINIMAL, ...changes });
  assert.deepEqual(lines(errors), []);
  return { config: config!, warnings: lines(warnings) };
}

test('the smallest configuration has the defaults of Debezium, and a server id of its own', () => {
  const { config, warnings } = parsed({});
  assert.deepEqual(warnings, []);
  const defaults = {
    'database.port': 3306,
    'database.password': null,
    'database.ssl.mode': 'preferred',
    'connect.timeout.ms': 30_000,
    'snapshot.mode': 'initial',
    'snapshot.locking.mode': 'minimal',
    'snapshot.lock.timeout.ms': 10_000,
    'time.precision.mode': 'adaptive_time_microseconds',
    'bigint.unsigned.handling.mode': 'long',
    'decimal.handling.mode': 'precise',
    'include.schema.changes': true,
    'include.query': false,
    'gtid.source.includes': null,
    'schema.history.internal.kafka.topic': 'shop.schema-history',
    'database.include.list': null,
    'tailrace.lag.retention.left.ms.min': null,
  } as const;
  for (const [key, value] of Object.entries(defaults)) {
    assert.deepEqual(config[key as keyof typeof defaults], value, key);
  }
  assert.equal(parsed(MARIADB).config['database.ssl.mode'], 'disabled');
});

test('a server id that is not given stays the same for a connector, is that of no other, and is high', () => {
  const idOf = (changes: RawConfig): number => parsed(changes).config['database.server.id'];
  assert.equal(idOf({}), idOf({ 'database.hostname': 'elsewhere' }));
  assert.equal(idOf({ 'database.server.id': '7' }), 7);
  const ids = Array.from({ length: 200 }, (_, i) => idOf({ name: `shop${i}` }));
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => id >= 2 ** 30 && id < 2 ** 31));
});

test('the class decides which keys there are, under every name that Connect has for it', () => {
  for (const [name, family] of [
    ['io.debezium.connector.mysql.MySqlConnector', 'mysql'],
    ['MySqlConnector', 'mysql'],
    ['MySql', 'mysql'],
    ['io.debezium.connector.mariadb.MariaDbConnector', 'mariadb'],
    ['MariaDbConnector', 'mariadb'],
    ['MariaDb', 'mariadb'],
  ] as const) {
    const { config, errors } = parseConnectorConfig({ ...MINIMAL, 'connector.class': name });
    assert.deepEqual(errors, []);
    assert.equal(serverFamily(config as Parameters<typeof serverFamily>[0]), family);
  }
  const { errors } = parseConnectorConfig({ ...MINIMAL, 'connector.class': 'PostgresConnector' });
  assert.deepEqual(lines(errors), ['database.dbname is required and not set']);
});

test('both vocabularies of TLS are understood', () => {
  const modes = (names: readonly string[]) =>
    names.map((name) => parsed({ 'database.ssl.mode': name }).config['database.ssl.mode']);
  const own = ['disabled', 'preferred', 'required', 'verify_ca', 'verify_identity'];
  assert.deepEqual(modes(own), own);
  assert.deepEqual(modes(['disable', 'trust', 'verify-ca', 'verify-full']), [
    'disabled',
    'required',
    'verify_ca',
    'verify_identity',
  ]);
});

test('old names of snapshot modes are remarked upon, forms of minimal locks are not', () => {
  const old = parsed({ 'snapshot.mode': 'schema_only_recovery', 'snapshot.locking.mode': 'minimal_percona' });
  assert.equal(old.config['snapshot.mode'], 'recovery');
  assert.equal(old.config['snapshot.locking.mode'], 'minimal');
  assert.deepEqual(old.warnings, ["snapshot.mode 'schema_only_recovery' is an old name of recovery"]);
});

test('what cannot be read here is told with what to use', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'time.precision.mode',
      'adaptive',
      "'adaptive' is not supported: TIME goes beyond a day here; use adaptive_time_microseconds",
    ],
    [
      'snapshot.locking.mode',
      'custom',
      "'custom' is not supported: it names a Java class; choose one of minimal, extended, none",
    ],
    ['database.server.id', '0', "'0' is not a whole number between 1 and 4294967295"],
    ['database.sslmode', 'require', 'is not supported: use database.ssl.mode'],
    [
      'signal.data.collection',
      'a.b',
      'is not supported: this version takes no signals and has no incremental snapshots',
    ],
  ];
  for (const [key, value, message] of cases) {
    const { errors } = parseMysqlConfig({ ...MINIMAL, [key]: value });
    assert.deepEqual(lines(errors), [`${key} ${message}`]);
  }
});

test('include and exclude lists exclude each other, of databases and of GTID sources, too', () => {
  const { errors } = parseMysqlConfig({
    ...MINIMAL,
    'database.whitelist': 'a',
    'database.exclude.list': 'b',
    'gtid.source.includes': 'a',
    'gtid.source.excludes': 'b',
  });
  assert.deepEqual(lines(errors), [
    'database.whitelist cannot be set together with database.exclude.list; keep one of them',
    'gtid.source.includes cannot be set together with gtid.source.excludes; keep one of them',
  ]);
});

test('where Debezium would keep the schema history says nothing here, and a database name is pointed to its list', () => {
  assert.deepEqual(
    parsed({
      'schema.history.internal': 'io.debezium.storage.kafka.history.KafkaSchemaHistory',
      'schema.history.internal.kafka.bootstrap.servers': 'kafka:9092',
      'schema.history.internal.kafka.topic': 'history',
      'schema.history.internal.producer.security.protocol': 'SSL',
      'schema.history.internal.store.only.captured.databases.ddl': 'true',
    }).warnings,
    [],
  );
  assert.deepEqual(parsed({ 'database.dbname': 'shop' }).warnings, [
    'database.dbname is ignored: a connector reads all databases of its server; use database.include.list',
  ]);
});
