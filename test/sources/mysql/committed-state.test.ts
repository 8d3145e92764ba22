import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import { type CommittedStateInput, readCommittedState } from '../../../src/sources/mysql/committed-state.ts';
import { parseOffset } from '../../../src/sources/mysql/offset.ts';
import { startMysql } from '../../services/mysql.ts';
import { whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, SourceRun } from './source-run.ts';

const SERVER = '3e7b12be-e5c5-11f1-9a06-02fc00000001';
const OTHER = '7024545c-e5c5-11f1-93a1-02fc00000001';

/** A server that has executed `executed[n]` when it is asked for the n-th time, and the last of them from then on. */
function scripted(executed: readonly string[]) {
  const asked: string[] = [];
  const run: CommittedStateInput['session']['run'] = (_doing, work) => {
    const gtids = executed[Math.min(asked.length, executed.length - 1)]!;
    asked.push(gtids);
    const variables = { version: '9.7.4', log_bin: 'ON', server_uuid: SERVER, gtid_mode: 'ON', gtid_executed: gtids };
    const rows = Object.entries(variables).map(([name, value]) => ({ Variable_name: name, Value: value }));
    const query = async (sql: string) => [/VARIABLES/.test(sql) ? rows : [{ Log_name: 'binlog.000001', File_size: 9 }]];
    return work({ query } as never);
  };
  return { session: { run }, asked };
}

const stored = (gtids: string) => parseOffset({ file: 'binlog.000001', pos: 4, gtids });

function input(more: Pick<CommittedStateInput, 'session' | 'stored'> & Partial<CommittedStateInput>) {
  return { family: 'mysql' as const, signal: new AbortController().signal, ...more };
}

test('a server that has not committed yet what it has sent is asked until it has, and no longer', async () => {
  const { session, asked } = scripted([`${SERVER}:1-4`, `${SERVER}:1-4`, `${SERVER}:1-5`, `${SERVER}:1-6`]);
  const { executed } = await readCommittedState(input({ session, stored: stored(`${SERVER}:1-5`) }));
  assert.equal(executed, `${SERVER}:1-5`);
  assert.equal(asked.length, 3);
});

test('what cannot be on its way is not waited for: no position, no GTIDs, transactions of another server', async () => {
  for (const position of [null, stored(''), stored(`${SERVER}:1-4,${OTHER}:1`)]) {
    const { session, asked } = scripted([`${SERVER}:1-4`]);
    await readCommittedState(input({ session, stored: position }));
    assert.equal(asked.length, 1);
  }
});

test('a server that never commits it is taken as it is after five seconds', async () => {
  const { session, asked } = scripted([`${SERVER}:1-4`]);
  const times = [0, 4_999, 5_000, 5_001];
  const clock = () => times.shift()!;
  const { executed } = await readCommittedState(input({ session, stored: stored(`${SERVER}:1-5`), clock }));
  assert.deepEqual([executed, asked.length, times], [`${SERVER}:1-4`, 3, []]);
});

test('a stop ends the waiting at once, without another question', async () => {
  const abort = new AbortController();
  const { session, asked } = scripted([`${SERVER}:1-4`]);
  const run: typeof session.run = (doing, work) => {
    if (asked.length === 1) abort.abort();
    return session.run(doing, work);
  };
  const waiting = readCommittedState(
    input({ session: { run }, stored: stored(`${SERVER}:1-5`), signal: abort.signal }),
  );
  await assert.rejects(waiting, { name: 'AbortError' });
  assert.equal(asked.length, 2);
});

test('mysql: a start between the sending and the commit of a transaction loses and repeats nothing', {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  await using server = await startMysql();
  const client = await mysql.createConnection(server.url);
  t.after(() => client.destroy());
  await client.query('CREATE DATABASE shop');
  await client.query('CREATE TABLE shop.t (id INT PRIMARY KEY)');
  const config = configFor('mysql', `${server.url}shop`, { 'snapshot.mode': 'no_data' });
  const kept = new Kept();
  const first = await new SourceRun(config, { kept, t }).streaming();
  // Between the flush, after which the dump sends, and the commit in the engines: a second, the most there is.
  await client.query('SET GLOBAL binlog_group_commit_sync_delay = 1000000');
  const committed = client.query('INSERT INTO shop.t VALUES (1)');
  await first.until(() => first.rows.length === 1);
  await first.stop();
  const second = await new SourceRun(config, { kept, t }).streaming();
  await committed;
  await client.query('SET GLOBAL binlog_group_commit_sync_delay = 0');
  await client.query('INSERT INTO shop.t VALUES (2)');
  await second.until(() => second.rows.length === 1);
  await second.stop();
  assert.deepEqual([...first.story, ...second.story], ['c 1', 'c 2']);
});
