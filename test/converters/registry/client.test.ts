import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegistryClient } from '../../../src/converters/registry/client.ts';
import { registrySettings } from '../../../src/converters/registry/from-config.ts';
import { createHttpSend } from '../../../src/converters/registry/http.ts';
import { SchemaIds } from '../../../src/converters/registry/schema-ids.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import type { Schema } from '../../../src/model/schema.ts';
import { configOf } from '../../pipeline/fake-source.ts';
import { type FakeRegistry, startFakeRegistry } from './fake-registry.ts';

const NEVER = new AbortController().signal;
const AVRO = { subject: 'shop.orders-value', schema: '"int"', type: 'AVRO' } as const;
const INT: Schema = { type: 'int32', optional: false };

function clientOf(properties: Readonly<Record<string, string>>): RegistryClient {
  return new RegistryClient(settingsOf(properties), createHttpSend(null));
}

function settingsOf(properties: Readonly<Record<string, string>>) {
  const entries = Object.entries(properties).map(([key, value]) => [`value.converter.${key}`, value]);
  const config = configOf({
    'value.converter': 'io.confluent.connect.avro.AvroConverter',
    ...Object.fromEntries(entries),
  });
  return registrySettings(config, 'value');
}

function idsOf(registry: FakeRegistry, properties: Readonly<Record<string, string>> = {}): SchemaIds {
  const settings = settingsOf({ 'schema.registry.url': registry.url, ...properties });
  return new SchemaIds({
    side: 'value',
    type: 'AVRO',
    settings,
    client: new RegistryClient(settings, createHttpSend(null)),
    formOf: (schema) => ({ text: `"${schema.type === 'int32' ? 'int' : 'string'}"`, record: null }),
    isSameLayout: (one, other) => one === other,
  });
}

async function failureOf(promise: Promise<unknown> | null): Promise<TailraceError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof TailraceError, String(error));
    return error;
  }
  assert.fail('it was not refused');
}

test('what fails for a moment is asked again, and another registry is asked at once', async () => {
  await using down = await startFakeRegistry();
  await using up = await startFakeRegistry();
  down.answer = () => ({ status: 503, body: 'Service Unavailable' });
  const client = clientOf({ 'schema.registry.url': `${down.url}, ${up.url}/` });
  assert.equal(await client.register(AVRO, NEVER), 1);
  assert.equal(down.asked.length, 1);
  let hangUps = 2;
  up.answer = () => (hangUps-- > 0 ? 'hang up' : null);
  assert.equal(await client.register(AVRO, NEVER), 1);
});

test('a registry that stays away makes the task restart, and its credentials are not told', async () => {
  const registry = await startFakeRegistry();
  const { url } = registry;
  await registry[Symbol.asyncDispose]();
  const withUser = url.replace('http://', 'http://app:s3cret@');
  const error = await failureOf(clientOf({ 'schema.registry.url': withUser }).register(AVRO, NEVER));
  assert.equal(error.code, 'converter.registry');
  assert.equal(error.policy.action, 'restart');
  assert.match(error.message, /127\.0\.0\.1:\d+.*ECONNREFUSED/);
  assert.doesNotMatch(`${error.message} ${error.remedy}`, /s3cret/);
});

test('a stop does not wait for a registry that hangs', async () => {
  await using registry = await startFakeRegistry();
  registry.answer = () => ({ status: 500, body: {} });
  const stopping = new AbortController();
  const asked = clientOf({ 'schema.registry.url': registry.url }).register(AVRO, stopping.signal);
  stopping.abort(new Error('stopped'));
  await assert.rejects(asked, /stopped|aborted/);
});

test('credentials come from the URL, from user.info or from a token', async () => {
  await using registry = await startFakeRegistry();
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  const host = registry.url.slice('http://'.length);
  const cases: readonly [Record<string, string>, string | null][] = [
    [{ 'schema.registry.url': registry.url }, null],
    [{ 'schema.registry.url': `http://app:p%40ss@${host}` }, basic('app:p@ss')],
    [
      {
        'schema.registry.url': registry.url,
        'basic.auth.credentials.source': 'USER_INFO',
        'basic.auth.user.info': 'app:secret',
      },
      basic('app:secret'),
    ],
    [
      {
        'schema.registry.url': registry.url,
        'bearer.auth.credentials.source': 'STATIC_TOKEN',
        'bearer.auth.token': 'abc',
      },
      'Bearer abc',
    ],
  ];
  for (const [properties, expected] of cases) {
    await clientOf(properties).register(AVRO, NEVER);
    assert.equal(registry.asked.at(-1)?.authorization, expected);
  }
});

test('each refusal says what to do, and whether trying again can help', async () => {
  await using registry = await startFakeRegistry();
  const refusals: readonly [number, number, string, RegExp][] = [
    [401, 401, 'converter.registry_refused', /basic\.auth\.user\.info/],
    [403, 40301, 'converter.registry_refused', /may do/],
    [409, 409, 'converter.schema', /compatibility/],
    [422, 42201, 'converter.schema', /name\.adjustment\.mode/],
    [404, 404, 'converter.registry_refused', /path of the registry/],
    [405, 405, 'converter.registry_refused', /path of the registry/],
  ];
  for (const [status, code, errorCode, remedy] of refusals) {
    registry.answer = () => ({ status, body: { error_code: code, message: 'no' } });
    const error = await failureOf(idsOf(registry).prepare('shop.orders', INT, NEVER));
    assert.equal(error.code, errorCode, String(status));
    assert.equal(error.policy.action, 'fail');
    assert.match(error.remedy ?? '', remedy);
  }
  registry.answer = () => ({ status: 200, body: '<html>a login page</html>' });
  const error = await failureOf(idsOf(registry).prepare('shop.orders', INT, NEVER));
  assert.match(error.message, /no answer of a schema registry/);
});

test('the registry is asked once for a subject and schema, however many table versions have it', async () => {
  await using registry = await startFakeRegistry();
  const ids = idsOf(registry);
  const twins: Schema[] = [{ ...INT }, { ...INT }];
  await Promise.all(twins.map((schema) => ids.prepare('a', schema, NEVER)));
  assert.equal(registry.asked.length, 1);
  await ids.prepare('b', twins[0]!, NEVER);
  assert.deepEqual(
    registry.asked.map(({ path }) => path),
    ['/subjects/a-value/versions', '/subjects/b-value/versions'],
  );
  assert.equal(ids.prepare('a', twins[1]!, NEVER), null);
  assert.equal(ids.prefix('a', twins[1]!).toString('hex'), '0000000001');
});

test('after a failure the registry is asked anew', async () => {
  await using registry = await startFakeRegistry();
  const ids = idsOf(registry);
  registry.answer = () => ({ status: 409, body: { error_code: 409, message: 'incompatible' } });
  await failureOf(ids.prepare('a', INT, NEVER));
  assert.throws(() => ids.prefix('a', INT), /was not registered/);
  registry.answer = () => null;
  await ids.prepare('a', INT, NEVER);
  assert.equal(ids.prefix('a', INT).length, 5);
});

test('a subject name is one segment of the path, and normalize is asked for', async () => {
  await using registry = await startFakeRegistry();
  await idsOf(registry, { 'normalize.schemas': 'true' }).prepare('a/b c', INT, NEVER);
  assert.equal(registry.asked[0]?.path, '/subjects/a%2Fb%20c-value/versions?normalize=true');
});
