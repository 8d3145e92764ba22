import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { configOfUrl } from '../../src/cli/connection.ts';
import { ProcessIo } from '../../src/cli/process-io.ts';
import type { RawConfig } from '../../src/config/config-def.ts';
import { isPostgresConfig } from '../../src/config/connector.ts';
import type { PostgresConfig } from '../../src/config/postgres.ts';
import { LagProbe } from '../../src/sources/postgres/lag-probe.ts';
import { useDatabase } from '../services/shared.ts';
import { runCli } from './fake-io.ts';

function postgresConfigOf(url: string, keys: RawConfig = {}): PostgresConfig {
  const config = configOfUrl(url, keys, new ProcessIo());
  assert.ok(isPostgresConfig(config));
  return config;
}

for (const version of [18, 15] as const) {
  test(`slots of a Postgres ${version} are listed with what they hold back, and dropped`, async (t) => {
    const { url, client, name } = await useDatabase(t, { version });
    const slot = `${name}_slot`;
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    await client.query('CREATE TABLE big AS SELECT i FROM generate_series(1, 1000) i');

    const { exitCode, stdout, stderr } = await runCli(['slots', 'lag', url, slot, '--json']);
    assert.deepEqual([exitCode, stderr], [0, '']);
    const lag = JSON.parse(stdout);
    assert.equal(lag.slot, slot);
    assert.equal(lag.plugin, 'pgoutput');
    assert.equal(lag.database, name);
    assert.equal(lag.active, false);
    assert.equal(lag.walStatus, 'reserved');
    assert.equal(lag.invalidationReason, null);
    // A thousand narrow rows are tens of kilobytes of WAL.
    assert.ok(lag.unconfirmedBytes > 10_000, String(lag.unconfirmedBytes));
    assert.ok(lag.retainedBytes >= lag.unconfirmedBytes);

    const list = await runCli(['slots', 'list', url]);
    assert.match(list.stdout, /^SLOT +PLUGIN +DATABASE +READER +WAL STATUS +RETAINED +CONFIRMED\n/);
    assert.match(list.stdout, new RegExp(`^${slot} +pgoutput +${name} +- +reserved +[\\d.]+ KiB +\\w+/\\w+$`, 'm'));

    const config = postgresConfigOf(url, { 'slot.name': slot, 'tailrace.lag.retained.bytes.max': '5' });
    const report = await new LagProbe(config, Date.now).read();
    assert.equal(report.error, null);
    assert.equal(report.slot?.slot, slot);
    assert.deepEqual(report.thresholds, { retainedBytes: 5, unconfirmedBytes: null, lagMs: null });

    assert.deepEqual(await runCli(['slots', 'drop', url, slot]), {
      exitCode: 0,
      stdout: `dropped replication slot ${slot}\n`,
      stderr: '',
    });
    assert.deepEqual(await runCli(['slots', 'drop', url, slot]), {
      exitCode: 3,
      stdout: '',
      stderr: `error: there is no replication slot ${slot}\nfix: \`tailrace slots list\` shows those that exist.\n`,
    });
    assert.equal((await new LagProbe(config, Date.now).read()).slot, null);
  });
}

test('a missing database is exit code 3 and one line', async (t) => {
  const { url } = await useDatabase(t);
  const missing = new URL(url);
  missing.pathname = '/no_such_db';
  const outcome = await runCli(['slots', 'list', missing.href]);
  assert.equal(outcome.exitCode, 3);
  assert.match(outcome.stderr, /^error: .*database "no_such_db" does not exist.*\nfix: Check the URL's database\.\n$/);
});

test('a server that is away is reported, not thrown', async () => {
  const config = postgresConfigOf('postgres://u:p@127.0.0.1:9/d?sslmode=disable', {});
  const { slot, error } = await new LagProbe(config, Date.now).read();
  assert.equal(slot, null);
  assert.match(error!, /ECONNREFUSED 127\.0\.0\.1:9/);
});

test('a server that accepts and then says nothing is given up after a few seconds', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const sockets: Socket[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  const { port } = silent.address() as AddressInfo;
  const config = postgresConfigOf(`postgres://u:p@127.0.0.1:${port}/d?sslmode=disable`, {});
  const { error } = await new LagProbe(config, Date.now).read();
  for (const socket of sockets) socket.destroy();
  silent.close();
  assert.equal(error, 'the server did not answer within 5000 ms');
});
