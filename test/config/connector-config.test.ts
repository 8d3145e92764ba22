import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawConfig } from '../../src/config/config-def.ts';
import { parseConnectorConfig } from '../../src/config/connector.ts';
import { parsePostgresConfig } from '../../src/config/postgres.ts';

const MINIMAL: RawConfig = {
  name: 'shop',
  'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
  'database.hostname': 'localhost',
  'database.user': 'postgres',
  'database.dbname': 'shop',
  'topic.prefix': 'shop',
};

const lines = (issues: readonly { key: string; message: string }[]) => issues.map((one) => `${one.key} ${one.message}`);

function errorsOf(changes: RawConfig): readonly string[] {
  const { config, errors } = parseConnectorConfig({ ...MINIMAL, ...changes });
  assert.equal(config === null, errors.length > 0);
  return lines(errors);
}

function warningsOf(changes: RawConfig): readonly string[] {
  const { errors, warnings } = parseConnectorConfig({ ...MINIMAL, ...changes });
  assert.deepEqual(errors, []);
  return lines(warnings);
}

test('the smallest configuration has the defaults of Debezium, and pgoutput', () => {
  const { config, warnings } = parsePostgresConfig(MINIMAL);
  assert.deepEqual(warnings, []);
  const defaults = {
    'database.port': 5432,
    'database.password': null,
    'database.sslmode': 'prefer',
    'plugin.name': 'pgoutput',
    'slot.name': 'debezium',
    'publication.name': 'dbz_publication',
    'publication.autocreate.mode': 'all_tables',
    'snapshot.mode': 'initial',
    'decimal.handling.mode': 'precise',
    'time.precision.mode': 'adaptive',
    'binary.handling.mode': 'bytes',
    'hstore.handling.mode': 'json',
    'interval.handling.mode': 'numeric',
    'tombstones.on.delete': true,
    'skipped.operations': ['t'],
    'heartbeat.interval.ms': 0,
    'status.update.interval.ms': 10_000,
    'key.converter.schemas.enable': true,
    'value.converter.schemas.enable': true,
    'table.include.list': null,
    'message.key.columns': null,
    'column.mask.with.<n>.chars': [],
    'tailrace.log.path': './shop.tailrace.db',
    'tailrace.lag.ms.max': null,
  } as const;
  for (const [key, value] of Object.entries(defaults)) {
    assert.deepEqual(config![key as keyof typeof defaults], value, key);
  }
});

test('all that is wrong is said at once, in the order of the keys', () => {
  assert.deepEqual(lines(parseConnectorConfig({ 'database.port': '0', 'snapshot.mode': 'inital' }).errors), [
    'name is required and not set',
    'connector.class is required and not set',
    'database.hostname is required and not set',
    "database.port '0' is not a whole number between 1 and 65535",
    'database.user is required and not set',
    'database.dbname is required and not set',
    'topic.prefix is required and not set',
    "snapshot.mode 'inital' is not one of initial, initial_only, always, no_data, when_needed",
  ]);
});

test('a wrong value is named with what is allowed', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['decimal.handling.mode', 'exact', "'exact' is not one of precise, double, string"],
    ['database.port', '54x', "'54x' is not a whole number between 1 and 65535"],
    ['database.port', '', 'an empty value is not a whole number between 1 and 65535'],
    ['heartbeat.interval.ms', '1.5', "'1.5' is not a whole number of 0 or more"],
    ['tombstones.on.delete', 'yes', "'yes' is neither true nor false"],
    ['skipped.operations', 'c,x', "'c,x' holds 'x', which is not one of c, u, d, t, none"],
    ['slot.name', 'My-Slot', "'My-Slot' is no slot name: 1 to 63 lower-case letters, digits and underscores"],
    ['topic.prefix', 'a b', "'a b' may only hold letters, digits, dot, dash and underscore"],
    ['table.include.list', 'public.(a', "'public.(a' is not a regular expression: 'public.(a': Unterminated group"],
    [
      'message.key.columns',
      'public.orders',
      "'public.orders' holds 'public.orders', which is not of the form schema.table:column,column",
    ],
    [
      'replica.identity.autoset.values',
      'public.a:ALL',
      "'public.a:ALL' holds 'public.a:ALL', which is not of the form schema.table:IDENTITY with DEFAULT, FULL, NOTHING or INDEX name",
    ],
    [
      'plugin.name',
      'wal2json',
      "'wal2json' is not supported: this version reads pgoutput, which every server has; remove the key or set pgoutput",
    ],
    [
      'connector.class',
      'io.debezium.connector.oracle.OracleConnector',
      "'io.debezium.connector.oracle.OracleConnector' is not supported: this version reads Postgres, MySQL and MariaDB",
    ],
    [
      'connector.class',
      'MySqlConector',
      "'MySqlConector' is not one of io.debezium.connector.postgresql.PostgresConnector, io.debezium.connector.mysql.MySqlConnector, io.debezium.connector.mariadb.MariaDbConnector",
    ],
    ['tailrace.http.listen', 'localhost', "'localhost' is not of the form host:port, nor 'off'"],
    ['tailrace.http.listen', '127.0.0.1:70000', "'127.0.0.1:70000' is not of the form host:port, nor 'off'"],
  ];
  for (const [key, value, message] of cases) {
    assert.deepEqual(errorsOf({ [key]: value }), [`${key} ${message}`]);
  }
  assert.deepEqual(errorsOf({ 'snapshot.select.statement.overrides': 'public.a' }), [
    "snapshot.select.statement.overrides.public.a is not set, but snapshot.select.statement.overrides lists 'public.a'",
  ]);
});

test('include and exclude lists of one kind exclude each other, under old names too', () => {
  assert.deepEqual(errorsOf({ 'table.include.list': 'public.a', 'table.exclude.list': 'public.b' }), [
    'table.include.list cannot be set together with table.exclude.list; keep one of them',
  ]);
  assert.deepEqual(errorsOf({ 'schema.whitelist': 'public', 'schema.exclude.list': 'x' }), [
    'schema.whitelist cannot be set together with schema.exclude.list; keep one of them',
  ]);
  assert.deepEqual(errorsOf({ 'column.include.list': 'a.b.c', 'column.exclude.list': '' }), []);
});

test('an unknown key is ignored with the nearest known one', () => {
  assert.deepEqual(warningsOf({ 'table.includes.list': 'public.a' }), [
    'table.includes.list is not a known key, ignored; is table.include.list meant?',
  ]);
  assert.deepEqual(warningsOf({ 'hearbeat.interval.ms': '5' }), [
    'hearbeat.interval.ms is not a known key, ignored; is heartbeat.interval.ms meant?',
  ]);
  assert.deepEqual(warningsOf({ 'x.y.z': '5' }), ['x.y.z is not a known key, ignored']);
});

test('what would change the records is an error, what would not is a warning, what says the same is silent', () => {
  assert.deepEqual(errorsOf({ transforms: 'unwrap', 'transforms.unwrap.type': 'x' }), [
    'transforms is not supported: this version has no transforms (SMTs), and without them the records would differ',
  ]);
  assert.deepEqual(errorsOf({ converters: 'isbn', 'isbn.type': 'x.Isbn', 'isbn.schema.name': 'y' }), [
    'converters is not supported: custom converters are Java classes, and without them the values would differ',
  ]);
  assert.deepEqual(warningsOf({ 'errors.tolerance': 'all', 'max.queue.size.in.bytes': '0' }), [
    'errors.tolerance is ignored: a change that cannot be delivered always stops the task, so that none is lost',
  ]);
  assert.deepEqual(warningsOf({ 'errors.tolerance': 'none', 'lsn.flush.mode': 'connector', transforms: '' }), []);
});

test('a list entry that can match no schema.table is pointed out', () => {
  assert.deepEqual(warningsOf({ 'table.include.list': 'orders,public.items' }), [
    "table.include.list entry 'orders' names no schema, so it matches nothing; write public.orders?",
  ]);
});

test('no message holds a secret', () => {
  const { errors } = parseConnectorConfig({
    ...MINIMAL,
    'database.password': 'hunter2',
    'column.mask.hash.SHA-77.with.salt.hunter2': 'public.a.b',
    'column.mask.hash.v2.SHA-256.with.salt.hunter2': 'public.(',
  });
  assert.deepEqual(lines(errors), [
    "column.mask.hash.SHA-77.with.salt.*** 'public.a.b' asks for the hash algorithm 'SHA-77', which is not known; SHA-256 is",
    "column.mask.hash.v2.SHA-256.with.salt.*** 'public.(' is not a regular expression: 'public.(': Unterminated group",
  ]);
});

test('replica identities are read with their tables', () => {
  const { config } = parsePostgresConfig({
    ...MINIMAL,
    'replica.identity.autoset.values': 'public.a:FULL, public.b.*:index idx_b,c.d:default',
  });
  assert.deepEqual(
    config!['replica.identity.autoset.values']!.map(({ tables, identity, index }) => [tables.source, identity, index]),
    [
      ['^(?:public.a)$', 'FULL', null],
      ['^(?:public.b.*)$', 'INDEX', 'idx_b'],
      ['^(?:c.d)$', 'DEFAULT', null],
    ],
  );
});

test('listen addresses', () => {
  const listen = (text: string) =>
    parseConnectorConfig({ ...MINIMAL, 'tailrace.http.listen': text }).config!['tailrace.http.listen'];
  assert.equal(listen('off'), null);
  assert.deepEqual(listen(':9000'), { host: '0.0.0.0', port: 9000 });
  assert.deepEqual(listen('9000'), { host: '127.0.0.1', port: 9000 });
  assert.deepEqual(listen('[::1]:9000'), { host: '::1', port: 9000 });
  assert.deepEqual(listen('http://0.0.0.0:8083'), { host: '0.0.0.0', port: 8083 });
});
