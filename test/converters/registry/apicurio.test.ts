import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAvroConverter } from '../../../src/converters/avro/avro-converter.ts';
import { createJsonSchemaConverter } from '../../../src/converters/json-schema/json-schema-converter.ts';
import { createHttpSend } from '../../../src/converters/registry/http.ts';
import type { RegistrySettings } from '../../../src/converters/registry/settings.ts';
import { openSqliteLog } from '../../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import type { Converter } from '../../../src/model/plugin.ts';
import type { LogRecord } from '../../../src/model/record.ts';
import { createStruct, type Schema, type Value } from '../../../src/model/schema.ts';
import { startTailrace } from '../../oracle/tailrace.ts';
import { startApicurio, type TestRegistry } from '../../services/apicurio.ts';
import { Unavailable } from '../../services/debian.ts';
import { type TestDatabase, useDatabase } from '../../services/shared.ts';
import { RegistryReader, splitRecord } from './reader.ts';

const NEVER = new AbortController().signal;

function orders(fields: Readonly<Record<string, Schema>>): Schema {
  return {
    type: 'struct',
    optional: false,
    name: 'shop.orders.Value',
    fields: Object.entries(fields).map(([name, schema]) => ({ name, schema })),
  };
}

const ID: Schema = { type: 'int64', optional: false };
const NOTE: Schema = { type: 'string', optional: true };

function row(values: Readonly<Record<string, Value>>): Value {
  return Object.assign(createStruct(), values);
}

describe('a real registry', { concurrency: false }, () => {
  let registry: TestRegistry;
  let unavailable: string | null = null;
  let topics = 0;
  before(async () => {
    try {
      registry = await startApicurio();
    } catch (error) {
      if (!(error instanceof Unavailable) || process.env.CI === 'true') throw error;
      unavailable = error.message;
    }
  });
  after(() => registry?.[Symbol.asyncDispose]());

  const withRegistry = (name: string, run: (topic: string) => Promise<void>): void => {
    test(name, async (t) => {
      if (unavailable !== null) return t.skip(unavailable);
      await run(`shop.t${++topics}`);
    });
  };

  const settings = (more: Partial<RegistrySettings> = {}): RegistrySettings => ({
    urls: [registry.url],
    authorization: null,
    autoRegister: true,
    useLatestVersion: false,
    normalize: false,
    subjects: 'topic',
    ...more,
  });
  const avro = (more: Partial<RegistrySettings> = {}): Converter =>
    createAvroConverter({
      side: 'value',
      registry: settings(more),
      send: createHttpSend(null),
      connectMetaData: true,
      scrubInvalidNames: false,
      keepsNull: false,
    });
  const post = async (path: string, body: unknown, method = 'POST'): Promise<Response> =>
    fetch(`${registry.url}/${path}`, {
      method,
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify(body),
    });

  withRegistry('a schema is registered before its first record, once, and read by its id', async (topic) => {
    const converter = avro();
    const schema = orders({ id: ID, note: NOTE });
    await converter.prepare!(topic, schema, NEVER);
    assert.equal(converter.prepare!(topic, schema, NEVER), null);
    const bytes = converter.toBytes(topic, schema, row({ id: 2n ** 60n, note: 'für 😀' }))!;
    const reader = new RegistryReader(registry.url);
    assert.deepEqual(await reader.read(bytes), { id: String(2n ** 60n), note: 'für 😀' });
    const versions = (await (await fetch(`${registry.url}/subjects/${topic}-value/versions`)).json()) as number[];
    assert.deepEqual(versions, [1]);
    // A task that starts anew asks anew, and is told the same.
    const later = avro();
    const equal = orders({ id: ID, note: NOTE });
    await later.prepare!(topic, equal, NEVER);
    assert.deepEqual(later.toBytes(topic, equal, row({ id: 2n ** 60n, note: 'für 😀' })), bytes);
  });

  withRegistry('an incompatible schema is refused in words that name subject, topic and remedy', async (topic) => {
    const converter = avro();
    await converter.prepare!(topic, orders({ id: ID }), NEVER);
    assert.ok((await post(`config/${topic}-value`, { compatibility: 'BACKWARD' }, 'PUT')).ok);
    const incompatible = orders({ id: ID, must: { type: 'string', optional: false } });
    await assert.rejects(converter.prepare!(topic, incompatible, NEVER)!, (error) => {
      assert.ok(error instanceof TailraceError);
      assert.equal(error.code, 'converter.schema');
      assert.match(error.message, new RegExp(`${topic} .*subject ${topic}-value`));
      assert.match(error.remedy ?? '', /compatibility/);
      return true;
    });
    await post(`config/${topic}-value`, { compatibility: 'NONE' }, 'PUT');
    await converter.prepare!(topic, incompatible, NEVER);
  });

  withRegistry('without auto.register.schemas a schema must be there', async (topic) => {
    const schema = orders({ id: ID });
    await assert.rejects(
      avro({ autoRegister: false }).prepare!(topic, schema, NEVER)!,
      /value\.converter\.auto\.register\.schemas is false/,
    );
    await avro().prepare!(topic, schema, NEVER);
    const converter = avro({ autoRegister: false });
    await converter.prepare!(topic, schema, NEVER);
    assert.equal(splitRecord(converter.toBytes(topic, schema, row({ id: 1n }))!).body.toString('hex'), '02');
  });

  withRegistry('use.latest.version takes a version that differs in words alone, and no other', async (topic) => {
    const schema = orders({ id: ID, note: NOTE });
    const documented = {
      type: 'record',
      name: 'Value',
      namespace: 'shop.orders',
      doc: 'written by hand',
      fields: [
        { name: 'id', type: 'long' },
        { name: 'note', type: ['null', 'string'], default: null },
      ],
    };
    const registered = await post(`subjects/${topic}-value/versions`, { schema: JSON.stringify(documented) });
    const { id } = (await registered.json()) as { id: number };
    const latest = { autoRegister: false, useLatestVersion: true };
    const converter = avro(latest);
    await converter.prepare!(topic, schema, NEVER);
    assert.equal(splitRecord(converter.toBytes(topic, schema, row({ id: 1n, note: null }))!).id, id);
    const other = orders({ id: ID, note: { type: 'int64', optional: true } });
    await assert.rejects(
      avro(latest).prepare!(topic, other, NEVER)!,
      /the latest version of subject .* is not the schema/,
    );
  });

  withRegistry('normalize.schemas finds a schema that is written in another order', async (topic) => {
    const converter = avro({ normalize: true });
    const schema = orders({ id: ID });
    await converter.prepare!(topic, schema, NEVER);
    const found = avro({ normalize: true, autoRegister: false });
    await found.prepare!(topic, schema, NEVER);
    assert.deepEqual(found.toBytes(topic, schema, row({ id: 5n })), converter.toBytes(topic, schema, row({ id: 5n })));
  });

  withRegistry('JSON Schema has the same prefix and a type of its own', async (topic) => {
    const converter = createJsonSchemaConverter({
      side: 'value',
      registry: settings(),
      send: createHttpSend(null),
      decimalFormat: 'BASE64',
      replaceNullWithDefault: true,
    });
    const schema = orders({ id: ID, note: { ...NOTE, default: 'none' } });
    await converter.prepare!(topic, schema, NEVER);
    const { id, body } = splitRecord(converter.toBytes(topic, schema, row({ id: 7n, note: null }))!);
    assert.equal(body.toString(), '{"id":7,"note":"none"}');
    const stored = await new RegistryReader(registry.url).schema(id);
    assert.equal(stored.schemaType, 'JSON');
    const { title, properties } = JSON.parse(stored.schema) as { title: string; properties: Record<string, unknown> };
    assert.equal(title, 'shop.orders.Value');
    assert.deepEqual(properties, {
      id: { type: 'integer', 'connect.type': 'int64', 'connect.index': 0 },
      note: { oneOf: [{ type: 'null' }, { default: 'none', type: 'string' }], 'connect.index': 1 },
    });
  });

  withRegistry(
    'a table that changes has a new version before its next record; a refusal stops the task and loses nothing',
    async (prefix) => {
      await using database = await useDatabase();
      const folder = mkdtempSync(join(tmpdir(), 'tailrace-avro-'));
      try {
        await evolve(database, { prefix: prefix.replace('.', '_'), folder });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  async function evolve(
    database: TestDatabase,
    at: { readonly prefix: string; readonly folder: string },
  ): Promise<void> {
    const { client } = database;
    await client.query('CREATE TABLE orders (id int PRIMARY KEY, note text)');
    await client.query(`INSERT INTO orders VALUES (1, 'snapshot')`);
    const props = connectorProps(database, at);
    const subject = `${at.prefix}.public.orders-value`;
    const first = startTailrace('compiled')({ props, schemasEnable: false });
    await first.waitFor((records) => records.length >= 1);
    await client.query(`INSERT INTO orders VALUES (2, 'before')`);
    await client.query('ALTER TABLE orders ADD COLUMN amount numeric(10,2)');
    await client.query(`INSERT INTO orders VALUES (3, 'after', 12.50)`);
    await first.waitFor((records) => records.length >= 3);
    // A required column without a default: no reader of the old records could fill it.
    assert.ok((await post(`config/${subject}`, { compatibility: 'BACKWARD' }, 'PUT')).ok);
    await client.query('DELETE FROM orders');
    await client.query('ALTER TABLE orders ADD COLUMN must text NOT NULL');
    await client.query(`INSERT INTO orders VALUES (4, 'refused', 1, 'x')`);
    assert.match((await first.ended) ?? '', /^converter\.schema: .*incompatible/);
    await post(`config/${subject}`, { compatibility: 'NONE' }, 'PUT');
    await client.query(`INSERT INTO orders VALUES (5, 'late', 2, 'y')`);
    const second = startTailrace('structured')({ props, schemasEnable: false });
    // The key's last byte is 5 in zigzag.
    await second.waitFor((records) => records.some(({ key }) => key?.endsWith('\u000a') === true));
    await second.stop();
    const records = (await readLog(props['offset.storage.file.filename']!)).filter(({ value }) => value !== null);
    const reader = new RegistryReader(registry.url);
    const events = await Promise.all(records.map(async ({ value }) => (await reader.read(value!)) as Event));
    assert.deepEqual(
      events.map(({ op, after }) => [
        op,
        after === null
          ? null
          : { ...after, amount: after.amount === undefined ? undefined : JSON.stringify(after.amount) },
      ]),
      [
        ['r', { id: 1, note: 'snapshot', amount: undefined }],
        ['c', { id: 2, note: 'before', amount: undefined }],
        ['c', { id: 3, note: 'after', amount: JSON.stringify({ type: 'Buffer', data: [0x04, 0xe2] }) }],
        ['d', null],
        ['d', null],
        ['d', null],
        ['c', { id: 4, note: 'refused', amount: JSON.stringify({ type: 'Buffer', data: [100] }), must: 'x' }],
        ['c', { id: 5, note: 'late', amount: JSON.stringify({ type: 'Buffer', data: [0, 200] }), must: 'y' }],
      ],
    );
    assert.deepEqual(new Set(records.map(({ value }) => splitRecord(value!).id)).size, 3);
    const key = await reader.read(records[0]!.key!);
    assert.deepEqual(key, { id: 1 });
  }

  interface Event {
    readonly op: string;
    readonly after: Readonly<Record<string, unknown>> | null;
  }

  function connectorProps(
    database: TestDatabase,
    { prefix, folder }: { readonly prefix: string; readonly folder: string },
  ): Record<string, string> {
    const { hostname, port, username, password } = new URL(database.url);
    return {
      'database.hostname': hostname,
      'database.port': port,
      'database.user': username,
      'database.password': password,
      'database.dbname': database.name,
      'topic.prefix': prefix,
      'slot.name': `${database.name}_avro`,
      'key.converter': 'io.confluent.connect.avro.AvroConverter',
      'key.converter.schema.registry.url': registry.url,
      'value.converter': 'io.confluent.connect.avro.AvroConverter',
      'value.converter.schema.registry.url': registry.url,
      'offset.storage.file.filename': join(folder, 'log'),
    };
  }
});

/** All records of an embedded log, once whoever had it open has let it go. */
async function readLog(store: string): Promise<readonly LogRecord[]> {
  await sleep(0);
  const log = openSqliteLog({ path: `${store}.tailrace.db` });
  try {
    const records: LogRecord[] = [];
    for (const { topic, partitions } of await log.topics()) {
      for (const { partition, startOffset } of partitions) {
        for await (const record of log.read({ topic, partition, from: startOffset })) records.push(record);
      }
    }
    return records;
  } finally {
    await log.close();
  }
}
