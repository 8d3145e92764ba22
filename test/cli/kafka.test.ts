import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type TestDatabase, useDatabase } from '../services/shared.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../services/shared-kafka.ts';
import { runCli } from './fake-io.ts';
import { assertRefused } from './refusal.ts';
import { storedIds } from './stored.ts';
import { type ConnectorKeys, TailraceProcess, tailrace, temporaryFolder, writeConnector } from './tailrace-process.ts';

const folder = temporaryFolder();

describe('Kafka in place of the embedded log', { skip: await whyNoKafka() }, () => {
  let brokers: string;
  let database: TestDatabase;
  before(async () => {
    brokers = await sharedKafka();
    database = await useDatabase();
    await database.client.query('CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (0)');
  });
  after(() => database.dispose());

  /** Of its own topics, slot and offsets. */
  function connector(keys: ConnectorKeys = {}): { path: string; name: string; topic: string } {
    const name = uniqueName('c');
    const path = writeConnector(folder, database.url, {
      name,
      'topic.prefix': name,
      'slot.name': `${database.name}_${name}`,
      'table.include.list': 'public.items',
      'topic.creation.default.partitions': 1,
      'topic.creation.default.replication.factor': 1,
      ...keys,
    });
    return { path, name, topic: `${name}.public.items` };
  }

  /** As `connect-standalone` takes it. */
  function worker(lines: readonly string[] = []): string {
    const path = join(folder, `${uniqueName('w')}.properties`);
    const known = ['offset.storage.partitions=2', 'offset.storage.replication.factor=1'];
    writeFileSync(path, [`bootstrap.servers=${brokers}`, ...known, ...lines].join('\n'));
    return path;
  }

  async function ids(topic: string): Promise<readonly number[]> {
    const { stdout, stderr } = await runCli(['topics', 'read', topic, '--kafka', brokers]);
    assert.equal(stderr, '');
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).value.after.id as number]));
  }

  /** Waits until the topic holds so many records. */
  async function untilCount(topic: string, count: number): Promise<readonly number[]> {
    for (;;) {
      const { exitCode } = await runCli(['topics', 'read', topic, '--kafka', brokers, '--limit', '1']);
      const found = exitCode === 0 ? await ids(topic) : [];
      if (found.length >= count) return found;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }

  const insert = (id: number) => database.client.query('INSERT INTO items VALUES ($1)', [id]);

  test('run writes snapshot and stream to Kafka, goes on after a stop, and tells its health', async () => {
    const { path, name, topic } = connector({ 'tailrace.http.listen': '127.0.0.1:0' });
    const args = ['run', worker(), path];
    const first = new TailraceProcess(args);
    const [, url] = await first.says(/"url":"(http:[^"]+)"/);
    assert.deepEqual(await untilCount(topic, 1), [0]);
    await first.says(/snapshot read/);
    await insert(1);
    assert.deepEqual(await untilCount(topic, 2), [0, 1]);
    const health = await fetch(`${url}/health`);
    assert.equal(((await health.json()) as { status: string }).status, 'healthy');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, new RegExp(`name="${name}"|connector="${name}"`));
    const stopped = await first.stop();
    assert.equal(stopped.exitCode, 0, stopped.stderr);
    await insert(2);
    const second = new TailraceProcess(args);
    assert.deepEqual(await untilCount(topic, 3), [0, 1, 2]);
    assert.equal((await second.stop()).exitCode, 0);
    assert.doesNotMatch(second.stderr, /snapshot/);
    const shown = await runCli(['offsets', 'show', name, '--kafka', brokers, '--json']);
    const { connector: stored, partition, offset } = JSON.parse(shown.stdout);
    assert.deepEqual([stored, partition], [name, { server: name }]);
    assert.equal(typeof offset.lsn, 'number');
  });

  test('exactly once, with compression, by the keys of the connector', async () => {
    const { path, topic } = connector({
      'exactly.once.support': 'required',
      'producer.override.compression.type': 'zstd',
      'transaction.boundary': 'interval',
      'transaction.boundary.interval.ms': 50,
    });
    const run = new TailraceProcess(['run', path, '--kafka', brokers]);
    assert.ok((await untilCount(topic, 1)).includes(0));
    assert.equal((await run.stop()).exitCode, 0, run.stderr);
  });

  test('bootstrap ends after the snapshot, and topics and their records are shown', async () => {
    const { path, topic } = connector();
    const { exitCode, stderr } = await tailrace(['bootstrap', path, '--kafka', brokers, '--then', 'exit']);
    assert.equal(exitCode, 0, stderr);
    const { stdout } = await runCli(['topics', 'list', '--kafka', brokers]);
    assert.match(stdout, new RegExp(`^${topic.replaceAll('.', '\\.')} +1 +\\d+ +-$`, 'm'));
    const { stdout: record } = await runCli(['topics', 'read', topic, '--kafka', brokers, '--limit', '1']);
    const { topic: of, partition, offset, key } = JSON.parse(record);
    assert.deepEqual({ of, partition, offset, key }, { of: topic, partition: 0, offset: 0, key: { id: 0 } });
    const missing = await runCli(['topics', 'read', `${topic}x`, '--kafka', brokers]);
    assert.equal(missing.exitCode, 4);
    assert.match(missing.stderr, /^error: there is no topic .* in Kafka at /);
  });

  test('topics follow shows what comes to Kafka, until its limit', async () => {
    const { path, topic } = connector();
    await tailrace(['bootstrap', path, '--kafka', brokers, '--then', 'exit']);
    const rows = (await ids(topic)).length;
    const args = ['topics', 'follow', topic, '--kafka', brokers, '--from', 'earliest', '--limit', String(rows + 1)];
    let seen = 0;
    const following = runCli(args, {
      onStdout: (text) => {
        seen += text.split('\n').length - 1;
      },
    });
    while (seen < rows) await new Promise((wake) => setTimeout(wake, 20));
    const run = new TailraceProcess(['run', path, '--kafka', brokers]);
    await insert(100);
    const followed = await following;
    await run.stop();
    assert.equal(followed.exitCode, 0);
    assert.equal(JSON.parse(followed.stdout.trim().split('\n').at(-1)!).value.after.id, 100);
    // Until Ctrl-C.
    const interruption = new AbortController();
    const waiting = runCli(['topics', 'follow', topic, '--kafka', brokers, '--from', 'earliest'], {
      interruption: interruption.signal,
      onStdout: () => interruption.abort(),
    });
    assert.equal((await waiting).exitCode, 0);
  });

  test('offsets go from Kafka to the embedded log and back, and nothing is read anew or left out', async () => {
    const { path, name, topic } = connector();
    const file = worker();
    const log = join(dirname(path), 'log.tailrace.db');
    assert.equal((await tailrace(['bootstrap', file, path, '--then', 'exit'])).exitCode, 0);
    const before = (await ids(topic)).length;
    await insert(201);

    const lines = join(dirname(path), 'offsets.jsonl');
    const exported = await runCli(['offsets', 'export', lines, '--worker', file, '--connector', name]);
    assert.match(exported.stdout, /offsets\.jsonl holds one offset of Kafka at .*\n$/);
    assert.deepEqual(Object.keys(JSON.parse(readFileSync(lines, 'utf8'))), ['connector', 'partition', 'offset']);
    const imported = await runCli(['offsets', 'import', lines, '--config', path]);
    assert.equal(imported.exitCode, 0, imported.stderr);
    assert.match(imported.stdout, new RegExp(`^${name} {"server":"${name}"} goes on at {`));

    const embedded = new TailraceProcess(['run', path]);
    for (;;) {
      if ((await storedIds(log, topic)).length > 0) break;
      await new Promise((wake) => setTimeout(wake, 100));
    }
    assert.equal((await embedded.stop()).exitCode, 0);
    assert.deepEqual(await storedIds(log, topic), [201]);

    await insert(202);
    const back = await runCli(['offsets', 'export', '--log', log]);
    writeFileSync(lines, back.stdout);
    assert.equal((await runCli(['offsets', 'import', lines, '--worker', file])).exitCode, 0);
    const kafka = new TailraceProcess(['run', file, path]);
    const after = await untilCount(topic, before + 1);
    assert.deepEqual(after.slice(before), [202]);
    assert.equal((await kafka.stop()).exitCode, 0);
  });

  test('offsets are set and reset in Kafka', async () => {
    const name = uniqueName('c');
    const offsets = (...args: readonly string[]) => runCli(['offsets', ...args, '--worker', file]);
    const file = worker([`offset.storage.topic=${uniqueName('offsets')}`]);
    const unknown = await offsets('reset', name);
    assert.equal(unknown.exitCode, 2);
    const set = await offsets('set', name, '{"lsn":5}', '--partition', '{"server":"p"}');
    assert.equal(set.stdout, `${name} {"server":"p"} goes on at {"lsn":5}\n`, set.stderr);
    assert.deepEqual(JSON.parse((await offsets('show', '--json')).stdout).offset, { lsn: 5 });
    const reset = await offsets('reset', name);
    assert.equal(reset.stdout, `${name} {"server":"p"} was at {"lsn":5} and begins anew\n`);
    assert.equal((await offsets('show', '--json')).stdout, '');
  });

  test('validate says what a run would find in Kafka, and changes nothing', async () => {
    const { path, name } = connector();
    const topic = uniqueName('offsets');
    const file = worker([`offset.storage.topic=${topic}`]);
    const topicsBefore = (await runCli(['topics', 'list', '--kafka', brokers])).stdout;
    const { exitCode, stdout } = await runCli(['validate', file, path]);
    const own = stdout.split('\n').filter((line) => / log(?: \w+)?: /.test(line));
    assert.deepEqual(own, [
      `ok: log: Kafka at ${brokers} answers: one broker; records are written at least once`,
      `ok: log offsets: topic ${topic} is missing and will be made at the start`,
      `ok: log topics: 0 topics of ${name} can be written to, missing ones can be made`,
    ]);
    assert.equal(exitCode, 0, stdout);
    assert.equal((await runCli(['topics', 'list', '--kafka', brokers])).stdout, topicsBefore);
    const offline = await runCli(['validate', file, path, '--offline', '--json']);
    assert.equal(JSON.parse(offline.stdout).checks, null);
  });

  test('validate tells of replicas that the brokers cannot hold, and of transactions', async () => {
    const { path } = connector({ 'topic.creation.default.replication.factor': 3, 'exactly.once.support': 'required' });
    const offsets = uniqueName('offsets');
    const file = worker([`offset.storage.topic=${offsets}`, 'offset.storage.replication.factor=3', 'group.id=g']);
    const { exitCode, stdout } = await runCli(['validate', file, path]);
    assert.equal(exitCode, 4);
    assert.match(stdout, /^ok: log: .* exactly once, as transactional id g-c_\w+-0$/m);
    assert.match(
      stdout,
      new RegExp(`^error: log offsets: .*${offsets}.*\nfix: Set offset\\.storage\\.replication\\.factor`, 'm'),
    );
    assert.match(stdout, /^error: log topics: .*\nfix: Set topic\.creation\.default\.replication\.factor/m);
    assert.match(stdout, /^ok: log transactions: /m);
  });

  test('an offsets topic that is not compacted is warned about', async () => {
    const topic = uniqueName('offsets');
    const file = worker([`offset.storage.topic=${topic}`]);
    const { path, name } = connector();
    await runCli(['offsets', 'set', name, '{"lsn":5}', '--partition', `{"server":"${name}"}`, '--worker', file]);
    const compacted = await runCli(['validate', file, path]);
    assert.match(compacted.stdout, new RegExp(`^ok: log offsets: topic ${topic} holds a position$`, 'm'));
    const plain = uniqueName('plain');
    const made = { 'topic.creation.default.cleanup.policy': 'delete', 'topic.prefix': plain };
    const other = connector(made);
    await tailrace(['bootstrap', other.path, '--kafka', brokers, '--then', 'exit']);
    const odd = worker([`offset.storage.topic=${plain}.public.items`]);
    const { stdout, exitCode } = await runCli(['validate', odd, path]);
    assert.match(stdout, /^warning: log offsets: .* cleanup\.policy is delete, .*\nfix: kafka-configs --alter /m);
    assert.equal(exitCode, 0, stdout);
  });

  test('a broker that is not there ends run, topics and offsets at once with exit code 4', async () => {
    const { path } = connector();
    const refusal = {
      exitCode: 4,
      error: /^error: Kafka at localhost:1 refuses connections/,
      fix: /bootstrap\.servers/,
    } as const;
    for (const args of [
      ['run', path],
      ['topics', 'list'],
      ['offsets', 'show'],
    ]) {
      assertRefused(await tailrace([...args, '--kafka', 'localhost:1']), refusal, []);
    }
  });

  test('what cannot be meant together is refused', async () => {
    const { path } = connector();
    const file = worker();
    const said = async (...args: readonly string[]): Promise<string> => {
      const { exitCode, stderr } = await runCli(args);
      assert.equal(exitCode, 2);
      return stderr.split('\n')[0]!;
    };
    assert.equal(
      await said('run', file, path, '--kafka', brokers),
      `error: --kafka and the worker’s file ${file} cannot be given together`,
    );
    assert.match(await said('run', file), /is a worker’s file, and no connector is given$/);
    const other = worker();
    assert.equal(await said('run', file, other, path), `error: ${other} is a worker’s file, and so is ${file}`);
    assert.equal(
      await said('topics', 'list', '--kafka', brokers, '--log', 'x.db'),
      'error: --log and --kafka cannot be given together',
    );
    assert.match(
      await said('topics', 'list', '--kafka', 'nowhere'),
      /^error: --kafka: bootstrap\.servers 'nowhere' is not/,
    );
  });
});
