import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { type TestSchema, useSchema, whyNoMysql } from '../services/shared-mysql.ts';
import { runCli } from './fake-io.ts';

const OTHER = { mysql: 'mariadb', mariadb: 'mysql' } as const;
/** What is needed to read positions. */
const MONITOR = { mysql: 'REPLICATION CLIENT', mariadb: 'BINLOG MONITOR' } as const;

for (const family of ['mysql', 'mariadb'] as const) {
  const skip = await whyNoMysql(family);

  test(`${family}: what a server refuses of a URL is one line with its fix and exit code 3`, { skip }, async (t) => {
    const schema = await useSchema(family, t);
    await schema.client.query('CREATE TABLE items (id int PRIMARY KEY)');
    const cases: readonly (readonly [name: string, change: (url: URL) => void, error: RegExp, fix: RegExp])[] = [
      [
        'a wrong password',
        (url) => {
          url.password = 'hunter2';
        },
        /^error: cannot connect \(root@127\.0\.0\.1:\d+\): Access denied/,
        /^fix: Check the URL's user and the URL's password/,
      ],
      [
        'a port where nobody listens',
        (url) => {
          url.port = '9';
        },
        /^error: cannot connect \(root@127\.0\.0\.1:9\): connect ECONNREFUSED/,
        /^fix: Check the URL's host and the URL's port/,
      ],
      [
        'the other kind of server',
        (url) => {
          url.href = url.href.replace(/^\w+:/, `${OTHER[family]}:`);
        },
        /^error: the server is (?:MySQL|MariaDB) \S+, which this connector does not read$/,
        new RegExp(`^fix: Write ${family}:// in a connection URL\\.$`),
      ],
      [
        'a certificate that cannot be verified',
        (url) => {
          url.search = '?ssl-mode=VERIFY_CA';
        },
        /^error: cannot connect \(root@127\.0\.0\.1:\d+\): the server/,
        /^fix: .*the URL's ssl-(?:ca|mode)/,
      ],
    ];
    for (const [name, change, error, fix] of cases) {
      await t.test(name, async () => {
        const url = urlOf(schema);
        change(url);
        await refused(url.href, error, fix);
      });
    }
  });

  test(`${family}: an account that lacks a privilege is told the one that it needs, and no more`, {
    skip,
  }, async (t) => {
    const schema = await useSchema(family, t);
    await schema.client.query('CREATE TABLE items (id int PRIMARY KEY)');
    const monitor = MONITOR[family];
    const select = `SELECT ON ${schema.name}.*`;
    await t.test('to ask for positions', () =>
      withAccount(schema, [], (url) =>
        refused(url, /^error: .*Access denied/, new RegExp(`^fix: GRANT ${monitor} ON \\*\\.\\* TO '`)),
      ),
    );
    await t.test('to lock', () =>
      withAccount(schema, [`${monitor}, REPLICATION SLAVE ON *.*`, select], (url) =>
        refused(url, /^error: cannot lock the tables for the snapshot/, /^fix: GRANT RELOAD ON \*\.\* TO '/),
      ),
    );
    await t.test('to read the binlog', () =>
      withAccount(schema, [`${monitor}, RELOAD ON *.*`, select], (url) =>
        refused(url, /^error: .*Access denied/, /^fix: GRANT REPLICATION SLAVE ON \*\.\* TO '/),
      ),
    );
  });
}

function urlOf({ family, url }: TestSchema): URL {
  return new URL(url.replace(/^mysql:/, `${family}:`));
}

/** Works with the URL of an account that has these grants and no others. */
async function withAccount(
  schema: TestSchema,
  grants: readonly string[],
  work: (url: string) => Promise<void>,
): Promise<void> {
  const name = `u_${randomBytes(6).toString('hex')}`;
  await schema.client.query(`CREATE USER ${name} IDENTIFIED BY 'pw'`);
  try {
    for (const grant of grants) await schema.client.query(`GRANT ${grant} TO ${name}`);
    const url = urlOf(schema);
    url.username = name;
    url.password = 'pw';
    await work(url.href);
  } finally {
    await schema.client.query(`DROP USER ${name}`);
  }
}

async function refused(url: string, error: RegExp, fix: RegExp): Promise<void> {
  const { exitCode, stdout, stderr } = await runCli(['tail', url, '--snapshot', '--limit', '1']);
  assert.equal(stdout, '');
  const lines = stderr.split('\n').filter((line) => /^(?:error|fix): /.test(line));
  assert.equal(lines.length, 2, stderr);
  assert.match(lines[0]!, error);
  assert.match(lines[1]!, fix);
  assert.equal(exitCode, 3);
  assert.ok(!stderr.includes('hunter2'));
}
