import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { asLastWord, reword } from '../../src/cli/key-words.ts';
import { URL_PARTS } from '../../src/config/connection-url.ts';
import { TailraceError } from '../../src/model/errors.ts';
import { runCli } from './fake-io.ts';

const WORDS = { ...URL_PARTS, 'slot.name': '--slot', 'snapshot.mode=when_needed': '--snapshot' };

test('a remedy names the part of the URL, or the option, in place of the key', () => {
  assert.equal(
    reword('Check database.user and database.password.', WORDS),
    "Check the URL's user and the URL's password.",
  );
  assert.equal(reword('Check database.dbname.', WORDS), "Check the URL's database.");
  assert.equal(
    reword('Turn ssl on, or use database.sslmode=verify-ca or prefer.', WORDS),
    "Turn ssl on, or use the URL's sslmode=verify-ca or prefer.",
  );
  assert.equal(
    reword('Choose another slot.name, and start with snapshot.mode=when_needed.', WORDS),
    'Choose another --slot, and start with --snapshot.',
  );
});

test('an alternative that only a configuration has falls away, and the others stand as sentences', () => {
  assert.equal(reword('Try it again, or raise database.query.timeout.ms.', WORDS), 'Try it again.');
  assert.equal(
    reword('CREATE PUBLICATION p; or let tailrace do it with publication.autocreate.mode=filtered.', WORDS),
    'CREATE PUBLICATION p;',
  );
  assert.equal(
    reword('Set snapshot.mode=never, or change database.port; or wait.', WORDS),
    "Change the URL's port; or wait.",
  );
  assert.equal(reword('See slot.failover.', WORDS), null);
});

test('names in SQL, and files that are called like a key, stay as they are', () => {
  const sql = 'GRANT SELECT ON "database"."user" TO "slot.name"; GRANT SELECT ON "a.database.user" TO "slot.name.x";';
  assert.equal(reword(sql, WORDS), sql);
  assert.equal(reword('Read my.slot.name and slot.name.txt.', WORDS), 'Read my.slot.name and slot.name.txt.');
});

test('a command that ends does not say that tailrace goes on of its own', async (t) => {
  const said = (remedy: string): unknown => {
    const error = asLastWord(new TailraceError('source.connection_lost', 'gone', { remedy })) as TailraceError;
    return [error.code, error.message, error.remedy];
  };
  const code = 'source.connection_lost';
  assert.deepEqual(said('Raise it, or free some; tailrace keeps trying.'), [
    code,
    'gone',
    'Raise it, or free some, and try again.',
  ]);
  assert.deepEqual(said('Start tailrace anew.'), [code, 'gone', 'Start tailrace anew.']);

  const rude = createServer((socket) => socket.end());
  await new Promise<void>((ready) => rude.listen(0, '127.0.0.1', ready));
  t.after(() => rude.close());
  const { port } = rude.address() as { port: number };
  const { exitCode, stderr } = await runCli([
    'slots',
    'list',
    `postgres://u:secret@127.0.0.1:${port}/db?sslmode=disable`,
  ]);
  assert.equal(exitCode, 3);
  assert.match(stderr, /\nfix: Try again when the server is back\.\n$/);
});
