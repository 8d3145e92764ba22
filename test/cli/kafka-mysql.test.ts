import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedKafka, uniqueName, whyNoKafka } from '../services/shared-kafka.ts';
import { useSchema, whyNoMysql } from '../services/shared-mysql.ts';
import { runCli } from './fake-io.ts';
import { TailraceProcess, temporaryFolder, writeConnector } from './tailrace-process.ts';

const folder = temporaryFolder();
const skip = (await whyNoMysql('mysql')) || (await whyNoKafka());

test('MySQL: its schema history is kept in Kafka and read again, and its lag is told from Kafka’s offset', {
  skip,
}, async (t) => {
  const brokers = await sharedKafka();
  const { client, name: database, url } = await useSchema('mysql', t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  await client.query('INSERT INTO items VALUES (1)');
  const prefix = uniqueName('m');
  const history = `${prefix}.schema-history`;
  const path = writeConnector(folder, url, {
    'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
    name: prefix,
    'topic.prefix': prefix,
    'database.include.list': database,
    'schema.history.internal.kafka.topic': history,
    'schema.history.internal.kafka.bootstrap.servers': brokers,
    'topic.creation.default.partitions': 3,
    'topic.creation.default.replication.factor': 1,
  });
  const topic = `${prefix}.${database}.items`;
  const read = async (of: string): Promise<readonly string[]> => {
    const { stdout } = await runCli(['topics', 'read', of, '--kafka', brokers]);
    return stdout.split('\n').filter((line) => line !== '');
  };
  const start = () => new TailraceProcess(['run', path, '--kafka', brokers]);
  const untilCount = async (count: number): Promise<readonly string[]> => {
    for (;;) {
      const lines = await read(topic);
      if (lines.length >= count) return lines;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  };

  const first = start();
  await untilCount(1);
  assert.equal((await first.stop()).exitCode, 0, first.stderr);
  await client.query('ALTER TABLE items ADD note varchar(9)');
  await client.query("INSERT INTO items VALUES (2, 'x')");
  const second = start();
  const rows = (await untilCount(2)).map((line) => JSON.parse(line).value.after);
  assert.equal((await second.stop()).exitCode, 0, second.stderr);
  assert.deepEqual(
    rows.toSorted((a: { id: number }, b: { id: number }) => a.id - b.id),
    [{ id: 1 }, { id: 2, note: 'x' }],
  );
  const kept = await read(history);
  assert.ok(kept.every((line) => JSON.parse(line).partition === 0));
  assert.match(kept.at(-1)!, /ALTER TABLE items ADD note/);
  assert.match((await read(prefix)).at(-1)!, /ALTER TABLE items ADD note/);
  const { stdout } = await runCli(['offsets', 'show', prefix, '--kafka', brokers, '--json']);
  const behind = await runCli(['slots', 'lag', path, '--kafka', brokers, '--json']);
  assert.equal(JSON.parse(behind.stdout).file, JSON.parse(stdout).offset.file, behind.stderr);
});
