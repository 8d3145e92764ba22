import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TailraceError } from '../../../src/model/errors.ts';
import { connect, disconnect, withConnection } from '../../../src/sources/postgres/connection.ts';
import { createSession } from '../../../src/sources/postgres/session.ts';
import { useDatabase } from '../../services/shared.ts';
import { FreezingProxy } from './freezing-proxy.ts';
import { configFor, SourceRun } from './source-run.ts';

/** What would wait for ever fails instead. */
const ends = { timeout: 60_000 };

test('a server that has fallen silent does not keep us from leaving', ends, async (t) => {
  const { url } = await useDatabase(t);
  await using proxy = await FreezingProxy.to(url);
  const client = await connect(configFor(proxy.url));
  proxy.freeze();
  await disconnect(client);
  await disconnect(client);
});

test('a query that a silent server leaves without an answer is a lost connection', ends, async (t) => {
  const { url } = await useDatabase(t);
  await using proxy = await FreezingProxy.to(url);
  const asked = withConnection(
    configFor(proxy.url),
    'ask',
    (client) => {
      proxy.freeze();
      return client.query('SELECT 1');
    },
    100,
  );
  await assert.rejects(asked, ({ code }: TailraceError) => code === 'source.connection_lost');
});

test('a session whose server has fallen silent asks once more over a new connection', ends, async (t) => {
  const { url } = await useDatabase(t);
  await using proxy = await FreezingProxy.to(url);
  const session = createSession({ config: configFor(proxy.url), queryTimeoutMs: 1_000 });
  const ask = () => session.run('ask', async (client) => (await client.query('SELECT 1 AS one')).rows[0].one);
  assert.equal(await ask(), 1);
  proxy.freeze();
  assert.equal(await ask(), 1);
  await session.close();
});

test(
  'a session asks once more over a new connection when the old one has died, and never after it was closed',
  ends,
  async (t) => {
    const { client, url } = await useDatabase(t);
    const session = createSession({ config: configFor(url), queryTimeoutMs: 0 });
    const pid = async (): Promise<number> =>
      session.run('ask', async (own) => (await own.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
    const first = await pid();
    await client.query('SELECT pg_terminate_backend($1)', [first]);
    assert.notEqual(await pid(), first);

    const asked: string[] = [];
    const ask = (name: string, sql: string) =>
      session
        .run('ask', (own) => {
          asked.push(name);
          return own.query(sql);
        })
        .then(
          () => 'answered',
          (error: TailraceError) => error.code,
        );
    const outcomes = [ask('running', 'SELECT pg_sleep(3600)'), ask('waiting', 'SELECT 1')];
    while (asked.length === 0) await sleep(1);
    await session.close();
    outcomes.push(ask('late', 'SELECT 1'));
    assert.deepEqual(await Promise.all(outcomes), Array(3).fill('source.connection_lost'));
    assert.deepEqual(asked, ['running']);
  },
);

test('a source whose catalog connection has fallen silent can be stopped', ends, async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  await using proxy = await FreezingProxy.to(url);
  const run = new SourceRun(configFor(proxy.url, { 'snapshot.mode': 'no_data' }), { t });
  while (run.source.status().phase !== 'streaming') await sleep(10);
  proxy.freeze();
  await run.stop();
});
