import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../../src/sources/postgres/connection.ts';
import { takeOver, type Wire } from '../../../src/sources/postgres/wire.ts';
import { useDatabase } from '../../services/shared.ts';
import { configFor } from './source-run.ts';

test("pg keeps its socket at connection.stream with exactly one 'data' listener, and after a take-over every byte is ours", async (t) => {
  const { url } = await useDatabase(t);
  const client = await connect(configFor(url));
  await client.query('SELECT 1');
  const chunks: Buffer[] = [];
  let closed = false;
  const done = Promise.withResolvers<void>();
  const wire: Wire = takeOver(client, {
    onChunk: (chunk) => {
      chunks.push(chunk);
      if (Buffer.concat(chunks).includes('COPY 3')) done.resolve();
    },
    onClosed: () => {
      closed = true;
    },
  });
  wire.query('COPY (SELECT generate_series(1, 3)) TO STDOUT');
  await done.promise;
  const bytes = Buffer.concat(chunks);
  assert.equal(bytes[0], 0x48, 'CopyOutResponse comes first');
  const rows = Buffer.from([0x64, 0, 0, 0, 6, 0x31, 0x0a, 0x64, 0, 0, 0, 6, 0x32, 0x0a, 0x64, 0, 0, 0, 6, 0x33, 0x0a]);
  assert.ok(bytes.includes(rows));
  assert.equal(
    (
      client as unknown as { connection: { stream: { listenerCount(name: string): number } } }
    ).connection.stream.listenerCount('data'),
    1,
  );
  await wire.close();
  assert.equal(closed, false, 'a close of our own is not reported');
});

test('a session that is in the middle of a query is not taken over', async (t) => {
  const { url } = await useDatabase(t);
  const client = await connect(configFor(url));
  const busy = client.query('SELECT pg_sleep(0.05)');
  assert.throws(() => takeOver(client, { onChunk: () => {}, onClosed: () => {} }), /not as we know it/);
  await busy;
  await client.end();
});
