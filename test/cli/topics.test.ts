import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import { appendOf, encodeRecords, type PlainRecord, TempFolder } from '../logs/sqlite/log-fixture.ts';
import { runCli } from './fake-io.ts';

const ENVELOPE = JSON.stringify({
  before: null,
  after: { id: 2, name: 'Ada' },
  source: { schema: 'public', table: 'orders', txId: 7, lsn: 16, ts_ms: 1_700_000_000_000, snapshot: 'false' },
  op: 'c',
});

async function makeLog(path: string, partitions: readonly (readonly PlainRecord[])[]): Promise<void> {
  const log = openSqliteLog({ path, partitions: partitions.length });
  const epoch = await log.fence('shop');
  log.partitionsOf('app.public.orders');
  for (const [partition, records] of partitions.entries()) {
    await log.append(appendOf(epoch, [encodeRecords('app.public.orders', records, partition)], partition + 5));
  }
  await log.close();
}

test('topics read gives a line of JSON for each record, JSON as it is, other text and bytes marked', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  await makeLog(path, [
    [
      { key: '{"id":1}', value: '{"n":9007199254740993,"f":1.0E8}' },
      { key: '{"id":1}', value: null },
      {
        key: 'plain',
        value: '[1,\n 2]',
        headers: [
          { key: 'h', value: Buffer.from([0xff, 0]) },
          { key: 'i', value: Buffer.from('7') },
          { key: 'j', value: null },
        ],
      },
      { key: null, value: '"\\u00e4"' },
    ],
  ]);
  const { exitCode, stdout, stderr } = await runCli(['topics', 'read', 'app.public.orders', '--log', path]);
  assert.equal(stderr, '');
  assert.equal(exitCode, 0);
  const rest = (offset: number) => `"topic":"app.public.orders","partition":0,"offset":${offset}`;
  assert.deepEqual(stdout.split('\n'), [
    `{${rest(0)},"key":{"id":1},"value":{"n":9007199254740993,"f":1.0E8},"headers":[],"timestamp":1700000000000}`,
    `{${rest(1)},"key":{"id":1},"value":null,"headers":[],"timestamp":1700000000000}`,
    `{${rest(2)},"key":"plain","keyEncoding":"string","value":[1,  2],"headers":[{"key":"h","value":"/wA=","valueEncoding":"base64"},{"key":"i","value":"7"},{"key":"j","value":null}],"timestamp":1700000000000}`,
    `{${rest(3)},"key":null,"value":"\\u00e4","headers":[],"timestamp":1700000000000}`,
    '',
  ]);
});

test('topics read goes through all partitions, or one, from an offset, up to a limit', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  const record = (n: number): PlainRecord => ({ key: null, value: String(n) });
  await makeLog(path, [
    [record(0), record(1), record(2)],
    [record(10), record(11)],
  ]);
  const values = async (...args: readonly string[]) => {
    const { stdout } = await runCli(['topics', 'read', 'app.public.orders', '--log', path, ...args]);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).value);
  };
  assert.deepEqual(await values(), [0, 1, 2, 10, 11]);
  assert.deepEqual(await values('--partition', '1'), [10, 11]);
  assert.deepEqual(await values('--from', '1'), [1, 2, 11]);
  assert.deepEqual(await values('--limit', '4'), [0, 1, 2, 10]);
  assert.deepEqual(await values('--limit', '0'), []);
  assert.deepEqual(await values('--from', 'latest'), []);
  const none = await runCli(['topics', 'read', 'app.public.orders', '--log', path, '--partition', '2']);
  assert.equal(none.exitCode, 4);
  assert.equal(none.stderr, 'error: topic app.public.orders has no partition 2: it has 2, counted from 0\n');
});

test('a topic that is not there is an error, for reading and following', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  await makeLog(path, [[{ key: null, value: '1' }]]);
  for (const verb of ['read', 'follow']) {
    const { exitCode, stderr } = await runCli(['topics', verb, 'nope', '--log', path]);
    assert.equal(exitCode, 4);
    assert.equal(
      stderr,
      `error: there is no topic nope in ${path}\nfix: \`tailrace topics list\` shows the topics that there are.\n`,
    );
  }
});

test('on a terminal a change reads as what it did, and --json says otherwise', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  await makeLog(path, [[{ key: '{"id":2}', value: ENVELOPE }]]);
  const args = ['topics', 'read', 'app.public.orders', '--log', path];
  const readable = await runCli(args, { isTTY: true });
  assert.equal(readable.stdout, 'insert public.orders id=2  tx 7  lsn 0/10  22:13:20.000\n    name  "Ada"\n');
  const json = await runCli([...args, '--json'], { isTTY: true });
  assert.equal(JSON.parse(json.stdout).value.op, 'c');
});

test('topics follow shows what comes, until Ctrl-C', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  const writer = openSqliteLog({ path, partitions: 2 });
  const epoch = await writer.fence('shop');
  const append = (value: string, partition: number, lsn: number) =>
    writer.append(appendOf(epoch, [encodeRecords('t', [{ key: null, value }], partition)], lsn));
  writer.partitionsOf('t');
  await append('1', 0, 1);
  const interruption = new AbortController();
  const seen: number[] = [];
  const following = runCli(['topics', 'follow', 't', '--log', path, '--from', 'earliest'], {
    interruption: interruption.signal,
    onStdout: (text) => {
      for (const line of text.split('\n')) if (line !== '') seen.push(JSON.parse(line).value);
      if (seen.length === 1) void append('2', 1, 2);
      if (seen.length === 2) void append('3', 0, 3);
      if (seen.length === 3) interruption.abort();
    },
  });
  assert.equal((await following).exitCode, 0);
  assert.deepEqual(seen, [1, 2, 3]);
  await writer.close();
});

test('topics follow ends by itself at its limit', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  await makeLog(path, [[{ key: null, value: '1' }], [{ key: null, value: '2' }]]);
  const args = ['topics', 'follow', 'app.public.orders', '--log', path, '--from', 'earliest', '--limit', '1'];
  const { exitCode, stdout } = await runCli(args);
  assert.equal(exitCode, 0);
  assert.equal(stdout.trim().split('\n').length, 1);
});

test('topics list shows records and sizes', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  await makeLog(path, [[{ key: null, value: '1' }], [{ key: null, value: '2' }]]);
  const { stdout } = await runCli(['topics', 'list', '--log', path]);
  assert.match(stdout, /^TOPIC {14}PARTITIONS {2}RECORDS +SIZE\napp\.public\.orders {11}2 {8}2 {2}\d+ B\n$/);
  const json = JSON.parse((await runCli(['topics', 'list', '--log', path, '--json'])).stdout);
  assert.equal(json.topic, 'app.public.orders');
  assert.deepEqual(
    json.partitions.map((one: { endOffset: number }) => one.endOffset),
    [1, 1],
  );
});

test('offsets are shown, set and reset', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  await makeLog(path, [[{ key: null, value: '1' }]]);
  const offsets = (...args: readonly string[]) => runCli(['offsets', ...args, '--log', path]);
  const shown = async () => {
    const { stdout } = await offsets('show', '--json');
    return stdout === '' ? null : JSON.parse(stdout).offset;
  };
  assert.deepEqual(await shown(), { lsn: 5 });
  assert.deepEqual(await offsets('set', 'shop', '{"lsn":77,"snapshot":null}'), {
    exitCode: 0,
    stdout: 'shop {"server":"app"} goes on at {"lsn":77,"snapshot":null}\n',
    stderr: '',
  });
  assert.deepEqual(await shown(), { lsn: 77, snapshot: null });
  const unknown = await offsets('reset', 'shopp');
  assert.equal(unknown.exitCode, 2);
  assert.match(unknown.stderr, /^error: .*a\.tailrace\.db has no offset of a connector shopp\nfix: /);
  assert.match((await offsets('set', 'shop', '{"lsn":')).stderr, /^error: the offset is not JSON: /);
  assert.equal((await offsets('set', 'shop', '[1]')).stderr, 'error: the offset is not a flat JSON object\n');
  assert.equal((await offsets('set', 'shop', '{"a":{}}')).stderr, 'error: the offset is not a flat JSON object\n');
  const reset = await offsets('reset', 'shop');
  assert.equal(reset.stdout, 'shop {"server":"app"} was at {"lsn":77,"snapshot":null} and begins anew\n');
  assert.equal(await shown(), null);
});

test('an offset cannot be changed while a connector writes to the log', async () => {
  using folder = new TempFolder();
  const path = folder.file('a.tailrace.db');
  await makeLog(path, [[{ key: null, value: '1' }]]);
  const writer = openSqliteLog({ path });
  try {
    const { exitCode, stderr } = await runCli(['offsets', 'reset', 'shop', '--log', path]);
    assert.equal(exitCode, 4);
    assert.match(stderr, /^error: .*a\.tailrace\.db.*\n/);
  } finally {
    await writer.close();
  }
});
