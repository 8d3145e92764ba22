// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of config providers look so
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { isPostgresConfig } from '../../src/config/connector.ts';
import { checkConfigFile, formatIssue } from '../../src/config/load.ts';
import { type MysqlConfig, serverFamily } from '../../src/config/mysql.ts';
import type { PostgresConfig } from '../../src/config/postgres.ts';

const FOLDER = 'fixtures/connectors';
const ENV = { PG_USER: 'debezium', PG_PASSWORD: 'dbz' };

interface Expected {
  readonly warnings?: readonly string[];
  readonly errors?: readonly string[];
}

/** What people paste, and every line that they are told. */
const EXPECTED: Readonly<Record<string, Expected>> = {
  'debezium-tutorial.json': {},
  'debezium-1x.json': {
    warnings: [
      ':11: database.server.name is an old name of topic.prefix',
      ':13: table.whitelist is an old name of table.include.list',
      ':12: schema.whitelist is an old name of schema.include.list',
      ":14: snapshot.mode 'never' is an old name of no_data",
    ],
  },
  'debezium-outbox.json': {
    errors: [
      ':14: transforms is not supported: this version has no transforms (SMTs), and without them the records would differ',
    ],
  },
  'strimzi.json': {
    warnings: [
      ':23: max.batch.size is ignored: memory is bounded in bytes, by tailrace.batch.bytes',
      ':24: max.queue.size is ignored: memory is bounded in bytes, by tailrace.batch.bytes',
    ],
  },
  'confluent.json': {},
  'standalone.properties': {},
  'avro-registry.json': {},
  'debezium-tutorial-mysql.json': {},
  'debezium-1x-mysql.json': {
    warnings: [
      ':11: database.server.name is an old name of topic.prefix',
      ':13: table.whitelist is an old name of table.include.list',
      ':12: database.whitelist is an old name of database.include.list',
      ":14: snapshot.mode 'schema_only' is an old name of no_data",
      ':15: database.history.kafka.topic is an old name of schema.history.internal.kafka.topic',
    ],
  },
  'mariadb.json': {
    warnings: [
      ':23: inconsistent.schema.handling.mode is ignored: rows of a table whose definition is not known always stop the task, so that none is lost',
      ":21: table.include.list entry 'orders' names no database, so it matches nothing; write <database>.orders?",
    ],
  },
  'signals.json': {
    errors: [
      ':13: signal.enabled.channels is not supported: this version takes no signals and has no incremental snapshots',
      ':14: signal.data.collection is not supported: this version takes no signals and has no incremental snapshots',
      ':16: notification.enabled.channels is not supported: this version sends no notifications',
    ],
    warnings: [
      ':15: incremental.snapshot.chunk.size is ignored: this version takes no signals and has no incremental snapshots',
    ],
  },
};

test('each pasted configuration has its expectation', () => {
  assert.deepEqual(readdirSync(FOLDER).sort(), Object.keys(EXPECTED).sort());
});

for (const [name, { warnings = [], errors = [] }] of Object.entries(EXPECTED)) {
  test(`${name} gives exactly the remarks that help`, () => {
    const path = `${FOLDER}/${name}`;
    const check = checkConfigFile(path, ENV);
    assert.deepEqual(
      check.errors.map((issue) => formatIssue(issue).replace(path, '')),
      errors,
    );
    assert.deepEqual(
      check.warnings.map((issue) => formatIssue(issue).replace(path, '')),
      warnings,
    );
    assert.equal(check.connector === null, errors.length > 0);
  });
}

function postgresConfigOf(name: string): PostgresConfig {
  const { config } = checkConfigFile(`${FOLDER}/${name}`, ENV).connector!;
  assert.ok(isPostgresConfig(config));
  return config;
}

function mysqlConfigOf(name: string): MysqlConfig {
  const { config } = checkConfigFile(`${FOLDER}/${name}`, ENV).connector!;
  assert.ok(!isPostgresConfig(config));
  return config;
}

test('the configurations of MySQL and MariaDB are read with the vocabulary of each', () => {
  const mysql = mysqlConfigOf('debezium-tutorial-mysql.json');
  assert.equal(serverFamily(mysql), 'mysql');
  assert.equal(mysql['database.server.id'], 184054);
  assert.equal(mysql['database.ssl.mode'], 'preferred');
  assert.equal(mysql['schema.history.internal.kafka.topic'], 'schema-changes.inventory');
  assert.equal(mysql['include.schema.changes'], true);
  assert.deepEqual(
    ['inventory', 'Inventory', 'inventory2'].map((name) => mysql['database.include.list']!.matches(name)),
    [true, true, false],
  );
  const mariadb = mysqlConfigOf('mariadb.json');
  assert.equal(serverFamily(mariadb), 'mariadb');
  assert.equal(mariadb['database.ssl.mode'], 'verify_identity');
  assert.equal(mariadb['bigint.unsigned.handling.mode'], 'precise');
  assert.equal(mariadb['schema.history.internal.kafka.topic'], 'shop.schema-history');
  assert.deepEqual(checkConfigFile(`${FOLDER}/mariadb.json`, ENV).secrets, ['changeit']);
});

test('a pasted configuration is read with its types', () => {
  const { connector } = checkConfigFile(`${FOLDER}/confluent.json`, ENV);
  const config = postgresConfigOf('confluent.json');
  assert.equal(config.name, 'PostgresCdcSource');
  assert.equal(config['database.port'], 5432);
  assert.equal(config['database.password'], 'pa$$word');
  assert.equal(config['value.converter.schemas.enable'], false);
  assert.equal(config['decimal.handling.mode'], 'double');
  assert.deepEqual(
    ['public.orders', 'PUBLIC.Order_Items', 'public.customers', 'public.orders2', 'xpublic.orders'].map((name) =>
      config['table.include.list']!.matches(name),
    ),
    [true, true, true, false, false],
  );
  assert.deepEqual(
    config['message.key.columns']!.map(({ tables, columns }) => [tables.test('public.order_items'), columns]),
    [[true, ['order_id', 'line']]],
  );
  assert.deepEqual(config['column.mask.hash.<algorithm>.with.salt.<salt>'][0]!.transform, {
    kind: 'hash',
    algorithm: 'SHA-256',
    salt: 'CzQMA0cB5K',
    version: 2,
  });
  assert.deepEqual(config['column.truncate.to.<n>.chars'][0]!.transform, { kind: 'truncate', length: 20 });
  assert.equal(config['tailrace.log.path'], './PostgresCdcSource.tailrace.db');
  assert.deepEqual(config['tailrace.http.listen'], { host: '127.0.0.1', port: 8083 });
  assert.deepEqual(connector!.secrets.toSorted(), ['CzQMA0cB5K', 'pa$$word']);
});

test('a properties file is read as Java reads it', () => {
  const config = postgresConfigOf('standalone.properties');
  assert.equal(config['database.hostname'], 'localhost');
  assert.equal(config['database.user'], 'postgres');
  assert.equal(config['database.password'], 'päss:w\\rd');
  assert.equal(config['database.dbname'], 'postgres');
  assert.equal(config['table.include.list']!.text, 'public.orders,public.order_items,public.customers');
  assert.deepEqual(config['column.mask.with.<n>.chars'][0]!.transform, { kind: 'mask', text: '**********' });
  assert.deepEqual(config['snapshot.select.statement.overrides.<schema.table>'], [
    { table: 'public.orders', select: 'SELECT * FROM public.orders WHERE deleted = false' },
  ]);
});

test('placeholders are resolved by providers under the names that the file gives them', () => {
  const { connector } = checkConfigFile(`${FOLDER}/strimzi.json`, ENV);
  assert.equal(connector!.config['database.user'], 'debezium');
  assert.equal(connector!.config['database.password'], 'dbz');
  const without = checkConfigFile(`${FOLDER}/strimzi.json`, { PG_USER: 'debezium' });
  assert.deepEqual(
    without.errors.map((issue) => formatIssue(issue)),
    [
      `${FOLDER}/strimzi.json:12: database.password holds \${secrets:PG_PASSWORD}: the environment variable PG_PASSWORD is not set`,
    ],
  );
});
