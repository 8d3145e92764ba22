import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useDatabase } from '../services/shared.ts';
import { type FakeIoOptions, runCli } from './fake-io.ts';

/** What `tail` writes of the changes that `sql` makes once it has shown the rows that there were. */
async function tailed(
  url: string,
  query: (sql: string) => Promise<unknown>,
  sql: string,
  { args, isTTY }: { readonly args: readonly string[] } & Pick<FakeIoOptions, 'isTTY'>,
): Promise<string> {
  let changed: Promise<unknown> | null = null;
  const onStdout = (): void => {
    changed ??= query(sql);
  };
  const outcome = await runCli(['tail', url, '--snapshot', ...args], { isTTY: isTTY === true, onStdout });
  await changed;
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

test('a deleted row shows on a terminal what the database told of it: its key, or under REPLICA IDENTITY FULL all of it', async (t) => {
  const { url, client } = await useDatabase(t);
  await client.query(`
    CREATE TABLE lines (id int PRIMARY KEY, quantity int NOT NULL, note text NOT NULL);
    INSERT INTO lines VALUES (1, 3, 'x');
    CREATE TABLE wholes (id int PRIMARY KEY, quantity int NOT NULL);
    ALTER TABLE wholes REPLICA IDENTITY FULL;
    CREATE PUBLICATION p FOR ALL TABLES`);
  const args = ['--publication', 'p', '--limit', '6', '--log-level', 'silent'];
  const sql = `INSERT INTO wholes VALUES (1, 5); DELETE FROM wholes; UPDATE lines SET id = 2; DELETE FROM lines`;
  const query = (text: string): Promise<unknown> => client.query(text);

  const shown = (await tailed(url, query, sql, { args, isTTY: true })).replace(/ {2}(snapshot|tx) .*/g, '');
  assert.equal(
    shown,
    [
      'read   public.lines id=1',
      '    quantity  3',
      '    note      "x"',
      'insert public.wholes id=1',
      '    quantity  5',
      'delete public.wholes id=1',
      '    quantity  5',
      // Debezium's form of a changed key: the old row goes, the new one comes.
      'delete public.lines id=1',
      'insert public.lines id=2',
      '    quantity  3',
      '    note      "x"',
      'delete public.lines id=2',
      '',
    ].join('\n'),
  );

  // JSON lines are Debezium's envelope, as it is.
  await client.query("INSERT INTO lines VALUES (1, 3, 'x')");
  const lines = (await tailed(url, query, 'DELETE FROM lines', { args: [...args, '--limit', '2'] })).trim().split('\n');
  assert.deepEqual(JSON.parse(lines[1]!).value.before, { id: 1, quantity: 0, note: '' });
});
