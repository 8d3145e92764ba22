import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretsOf } from '../../src/config/config-def.ts';
import { parsePostgresConfig, postgresDef } from '../../src/config/postgres.ts';

const AVRO = 'io.confluent.connect.avro.AvroConverter';
const URL = 'http://user:s3cret@registry:8081';

function issues(properties: Readonly<Record<string, string>>): string[] {
  const { errors, warnings } = parsePostgresConfig({
    name: 'shop',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': 'localhost',
    'database.user': 'postgres',
    'database.dbname': 'shop',
    'topic.prefix': 'shop',
    ...properties,
  });
  return [...errors, ...warnings].map(({ key, message }) => `${key} ${message}`);
}

test('a converter with a registry needs its URL, and what its credentials are said to be', () => {
  assert.deepEqual(issues({ 'value.converter': AVRO }), [
    'value.converter.schema.registry.url is required and not set: value.converter is AvroConverter',
  ]);
  const key = { 'key.converter': 'JsonSchemaConverter', 'key.converter.schema.registry.url': `${URL}, https://other` };
  assert.deepEqual(issues(key), []);
  assert.deepEqual(
    issues({
      ...key,
      'key.converter.basic.auth.credentials.source': 'USER_INFO',
      'key.converter.bearer.auth.credentials.source': 'STATIC_TOKEN',
    }),
    [
      'key.converter.basic.auth.user.info is required and not set: key.converter.basic.auth.credentials.source is USER_INFO',
      'key.converter.bearer.auth.token is required and not set: key.converter.bearer.auth.credentials.source is STATIC_TOKEN',
    ],
  );
  assert.match(
    issues({ 'value.converter': AVRO, 'value.converter.schema.registry.url': 'registry:8081' })[0]!,
    /list of URLs/,
  );
});

test('what would change records and is not done is refused, with what to use instead', () => {
  const value = { 'value.converter': AVRO, 'value.converter.schema.registry.url': URL };
  const refusals: readonly [Record<string, string>, RegExp][] = [
    [{ 'value.converter': 'io.confluent.connect.protobuf.ProtobufConverter' }, /use io\.confluent\.connect\.avro/],
    [{ 'value.converter': 'io.apicurio.registry.utils.converter.AvroConverter' }, /apis\/ccompat\/v7/],
    [{ 'value.converter': 'io.debezium.converters.CloudEventsConverter' }, /CloudEvents/],
    [{ ...value, 'value.converter.basic.auth.credentials.source': 'SASL_INHERIT' }, /USER_INFO/],
    [{ ...value, 'value.converter.bearer.auth.credentials.source': 'OAUTHBEARER' }, /STATIC_TOKEN/],
    [{ ...value, 'value.converter.latest.compatibility.strict': 'false' }, /cannot be read/],
    [{ ...value, 'value.converter.value.subject.name.strategy': 'com.acme.Names' }, /RecordNameStrategy/],
  ];
  for (const [properties, message] of refusals) assert.match(issues(properties)[0] ?? '', message);
  for (const quiet of ['enhanced.avro.schema.support', 'schemas.cache.config', 'latest.compatibility.strict']) {
    assert.deepEqual(issues({ ...value, [`value.converter.${quiet}`]: 'true' }), []);
  }
});

test('keys of a registry are remarked upon where nobody asks one', () => {
  assert.deepEqual(
    issues({ 'value.converter.schema.registry.url': 'http://a', 'value.converter.schemas.enable': 'false' }),
    ['value.converter.schema.registry.url has no effect: value.converter is JsonConverter'],
  );
});

test('a password in the URL of a registry is told by no message and known to be a secret', () => {
  const key = 'value.converter.schema.registry.url';
  for (const url of ['http://app:s3%63ret@host:port', 'ftp://app:s3%63ret@host', 'http://app:s3%63ret@ho st']) {
    assert.doesNotMatch(issues({ 'value.converter': AVRO, [key]: url }).join('\n'), /s3/, url);
  }
  assert.deepEqual(secretsOf(postgresDef, { [key]: 'http://a,http://app:s3%63ret@b/x' }), ['s3%63ret', 's3cret']);
  assert.deepEqual(secretsOf(postgresDef, { [key]: 'http://registry:8081/a@b' }), []);
});
