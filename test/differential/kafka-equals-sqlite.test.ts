import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import type { LogRecord } from '../../src/model/record.ts';
import { TailraceChild } from '../crash/child.ts';
import { compareRecords, formatDifference } from '../oracle/compare.ts';
import type { OracleRecord } from '../oracle/oracle.ts';
import { fetchKafkaJars } from '../services/kafka.ts';
import { KafkaWitness } from '../services/kafka-witness.ts';
import { type TestDatabase, useDatabase } from '../services/shared.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../services/shared-kafka.ts';

const PARTITIONS = 5;
const WITHIN_MS = 60_000;

const TABLES = `
  CREATE TABLE plain (id int PRIMARY KEY, note text, total numeric(12, 2), at timestamptz, body jsonb, raw bytea);
  CREATE TABLE pairs (a int, b text, n int, PRIMARY KEY (a, b));
  CREATE TABLE keyless (n int, what text);
  ALTER TABLE keyless REPLICA IDENTITY FULL;
  CREATE TABLE marks (id int PRIMARY KEY);
  INSERT INTO plain SELECT i, 'before ' || i FROM generate_series(1, 40) i;
  INSERT INTO keyless SELECT i, 'before' FROM generate_series(1, 5) i;`;

const CHANGES = [
  `INSERT INTO plain SELECT i, 'näh 😀 ' || i, i / 7.0, '2026-01-02 03:04:05.678+01', '{"a": [1, null]}', '\\x00ff' FROM generate_series(100, 400) i`,
  `INSERT INTO pairs SELECT i % 7, 'b"' || i, i FROM generate_series(1, 120) i`,
  `UPDATE plain SET note = NULL WHERE id % 3 = 0`,
  `UPDATE plain SET id = id + 1000 WHERE id BETWEEN 100 AND 130`,
  `INSERT INTO keyless SELECT i, repeat('x', i) FROM generate_series(1, 50) i`,
  `UPDATE keyless SET what = 'after' WHERE n % 2 = 0`,
  `DELETE FROM keyless WHERE n % 5 = 0`,
  `DELETE FROM pairs WHERE a = 3`,
  `DELETE FROM plain WHERE id BETWEEN 200 AND 240`,
  `ALTER TABLE pairs ADD COLUMN extra int DEFAULT 4`,
  `UPDATE pairs SET n = -n WHERE a = 5`,
];

test('the same changes are the same bytes in the same partitions of the embedded log and of Kafka', {
  skip: await whyNoKafka(),
}, async (t) => {
  const database = await useDatabase(t);
  await database.client.query(TABLES);
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-same-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const bootstrap = await sharedKafka();
  const prefix = uniqueName('same');
  const witness = await KafkaWitness.start(await fetchKafkaJars(), bootstrap);
  t.after(() => witness[Symbol.asyncDispose]());
  const logPath = join(dir, 'same.db');
  const worker = join(dir, 'worker.properties');
  const lines = [`bootstrap.servers=${bootstrap}`, `group.id=${prefix}`, `offset.storage.topic=${prefix}-offsets`];
  writeFileSync(worker, [...lines, 'offset.storage.replication.factor=1', ''].join('\n'));
  const connector = (kind: 'sqlite' | 'kafka', keys: Record<string, string>): string => {
    const file = join(dir, `${kind}.json`);
    const config = { ...connectorConfig(database, prefix), 'slot.name': `${prefix}_${kind}`, ...keys };
    writeFileSync(file, JSON.stringify({ name: prefix, config }), { mode: 0o600 });
    return file;
  };
  const sqlite = connector('sqlite', {
    'tailrace.log.path': logPath,
    'tailrace.log.partitions': String(PARTITIONS),
  });
  const kafka = connector('kafka', {
    'topic.creation.default.partitions': String(PARTITIONS),
    'topic.creation.default.replication.factor': '1',
    'producer.override.compression.type': 'zstd',
  });
  const children = [new TailraceChild([sqlite], null), new TailraceChild([worker, kafka], null)];
  t.after(() => Promise.all(children.map((child) => child.kill())));
  const outputs = (): string => children.map(({ output }) => output).join('\n');

  const fromSqlite = (): Promise<OracleRecord[]> => readSqlite(logPath, prefix);
  const fromKafka = (): Promise<OracleRecord[]> => readKafka(witness, prefix);
  for (const read of [fromSqlite, fromKafka]) await waitFor(read, 45, outputs);
  const { rows } = await database.client.query<{ count: string }>(
    'SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE $1',
    [`${prefix}%`],
  );
  assert.equal(rows[0]?.count, '2');
  for (const change of CHANGES) await database.client.query(change);
  await database.client.query('INSERT INTO marks VALUES (1)');
  for (const read of [fromSqlite, fromKafka]) {
    await waitForMark(read, outputs);
  }
  for (const child of children) assert.deepEqual(await child.stop(), { code: 0, signal: null }, child.output);

  const [expected, actual] = [await fromSqlite(), await fromKafka()];
  assert.ok(expected.length > 900, `${expected.length} records`);
  const used = new Set(expected.filter(({ topic }) => topic.includes('.plain:')).map(({ topic }) => topic));
  assert.equal(used.size, PARTITIONS);
  const difference = compareRecords(expected, actual);
  assert.equal(difference === null ? null : formatDifference(difference), null);
});

function connectorConfig({ url }: TestDatabase, prefix: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'plugin.name': 'pgoutput',
    'database.hostname': hostname,
    'database.port': port,
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    'database.dbname': pathname.slice(1),
    'topic.prefix': prefix,
    'provide.transaction.metadata': 'true',
    'tailrace.http.listen': 'off',
  };
}

/** The partition goes into the topic's name: order is a partition's. */
function comparable({ topic, partition, key, value, headers }: LogRecord): OracleRecord {
  return {
    topic: `${topic}:${partition}`,
    partition: null,
    key: key?.toString('latin1') ?? null,
    // Masked as text, and so compared as such: every byte of UTF-8 has its place in it.
    value: value?.toString('latin1') ?? null,
    headers: headers.map((header) => ({
      key: header.key,
      value: header.value === null ? null : Buffer.from(header.value).toString('latin1'),
    })),
    sourceOffset: '',
  };
}

async function readSqlite(path: string, prefix: string): Promise<OracleRecord[]> {
  const log = openSqliteLog({ path, readonly: true });
  try {
    const records: OracleRecord[] = [];
    for (const { topic, partitions } of await log.topics()) {
      if (!topic.startsWith(`${prefix}.`)) continue;
      for (const { partition } of partitions) {
        for await (const record of log.read({ topic, partition, from: 0 })) records.push(comparable(record));
      }
    }
    return records;
  } finally {
    await log.close();
  }
}

async function readKafka(witness: KafkaWitness, prefix: string): Promise<OracleRecord[]> {
  await using dump = await witness.dump(`\\Q${prefix}.\\E.*`);
  const records: OracleRecord[] = [];
  for (const [topic, partitions] of dump.topics) {
    for (let partition = 0; partition < partitions; partition++) {
      for (const record of dump.read(topic, partition)) records.push(comparable(record));
    }
  }
  return records;
}

function waitForMark(read: () => Promise<OracleRecord[]>, outputs: () => string): Promise<void> {
  return until(async () => (await read()).some(({ topic }) => topic.includes('.marks:')), outputs);
}

function waitFor(read: () => Promise<OracleRecord[]>, count: number, outputs: () => string): Promise<void> {
  return until(async () => (await read()).length >= count, outputs);
}

async function until(isSo: () => Promise<boolean>, outputs: () => string): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      // The embedded log has no file yet.
      if ((error as { code?: string }).code !== 'log.open') throw error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${WITHIN_MS} ms\n${outputs()}`);
    await sleep(100);
  }
}
