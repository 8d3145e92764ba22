import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import mysql from 'mysql2/promise';
import { Unavailable } from './debian.ts';
import { startMariadb } from './mariadb.ts';
import { startMysql } from './mysql.ts';

export type MysqlFamily = 'mysql' | 'mariadb';

/** Where the test runner, or a developer, says that a server runs already: a superuser's URL. */
export const mysqlUrlVariable = {
  mysql: 'MYSQL_URL',
  mariadb: 'MARIADB_URL',
} as const satisfies Record<MysqlFamily, string>;

export interface TestSchema {
  readonly family: MysqlFamily;
  readonly name: string;
  /** Superuser's URL of this database. The server's binlog is everybody's: filter by database. */
  readonly url: string;
  readonly client: mysql.Connection;
  /** Drops the database. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const servers = new Map<MysqlFamily, Promise<string>>();

/** URL of the server all test files share; a file that runs alone starts one of its own, which ends with the process. */
export function sharedMysql(family: MysqlFamily): Promise<string> {
  const given = process.env[mysqlUrlVariable[family]];
  if (given !== undefined && given !== '') return Promise.resolve(given);
  let server = servers.get(family);
  if (server === undefined) {
    server = (family === 'mysql' ? startMysql() : startMariadb()).then(({ url }) => url);
    servers.set(family, server);
  }
  return server;
}

/**
 * For `test(name, { skip: await whyNoMysql('mariadb') }, ..)`: the reason why a server cannot be had on this machine, or false.
 * @throws Unavailable in CI, where every server must be had.
 */
export async function whyNoMysql(family: MysqlFamily): Promise<string | false> {
  try {
    await sharedMysql(family);
    return false;
  } catch (error) {
    if (!(error instanceof Unavailable) || process.env.CI === 'true') throw error;
    return error.message;
  }
}

/** A fresh, empty database (a schema, in the server's words), dropped at the end of the test when that is given. */
export async function useSchema(family: MysqlFamily, t?: TestContext): Promise<TestSchema> {
  const url = new URL(await sharedMysql(family));
  const name = `t_${randomBytes(6).toString('hex')}`;
  const client = await mysql.createConnection(url.href);
  await client.query(`CREATE DATABASE ${name}`);
  await client.query(`USE ${name}`);
  url.pathname = `/${name}`;
  let disposed: Promise<void> | null = null;
  const dispose = (): Promise<void> => {
    disposed ??= client.query(`DROP DATABASE IF EXISTS ${name}`).then(() => client.end());
    return disposed;
  };
  t?.after(dispose);
  return { family, name, url: url.href, client, dispose, [Symbol.asyncDispose]: dispose };
}
