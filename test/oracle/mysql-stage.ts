import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { startMariadb } from '../services/mariadb.ts';
import { startMysql } from '../services/mysql.ts';
import type { MysqldSettings } from '../services/mysqld.ts';
import type { MysqlFamily } from '../services/shared-mysql.ts';
import type { OracleRecord } from './oracle.ts';
import type { Scenario } from './scenario.ts';
import { markerPrefix, type Stage, topicPrefixOf } from './stage.ts';

const connectorClass = {
  mysql: 'io.debezium.connector.mysql.MySqlConnector',
  mariadb: 'io.debezium.connector.mariadb.MariaDbConnector',
} as const satisfies Record<MysqlFamily, string>;

/** Made with the first marker, when the snapshots are over: no snapshot has it, and its DDL is a marker's, too. */
const markerTable = 'tailrace_marker';
/** What the manuals of both connectors ask for, and no more. */
const privileges = 'SELECT, RELOAD, SHOW DATABASES, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT';

/**
 * A database of its own, with a name of its own that the scenario's `{db}` stands for; databases whose names begin so
 * are the scenario's as well, and are dropped with it. Each connector has a user of its own, by whose name the server
 * tells that it streams. A marker is a transaction over a table that no scenario has: one of its changes passes each
 * filter of operations.
 */
export async function openMysqlStage(scenario: Scenario): Promise<Stage> {
  const { server } = scenario;
  if (server.family === 'postgres') throw new Error(`${scenario.name} is not for ${server.family}`);
  const url = new URL(await serverUrl(server.family, server.settings));
  const name = `t_${randomBytes(6).toString('hex')}`;
  const fill = (text: string): string => text.replaceAll('{db}', name);
  const userOf = (connector: string): string => `${name}_${connector}`;
  const connectors: string[] = [];
  await using opened = new AsyncDisposableStack();
  const admin = await mysql.createConnection(url.href);
  opened.defer(() => admin.end());
  // Databases come and go in the binlog; users, which are not part of a scenario, do not.
  const unlogged = async (statements: readonly string[]): Promise<void> => {
    for (const statement of ['SET SESSION sql_log_bin = 0', ...statements, 'SET SESSION sql_log_bin = 1'])
      await admin.query(statement);
  };
  opened.defer(async () => {
    await unlogged(connectors.map((connector) => `DROP USER IF EXISTS '${userOf(connector)}'@'%'`));
    const [databases] = await admin.query<mysql.RowDataPacket[]>(
      'SELECT schema_name AS name FROM information_schema.schemata',
    );
    for (const database of databases.map((row) => String(row.name)))
      if (database.startsWith(name)) await admin.query(`DROP DATABASE \`${database}\``);
  });
  // Ended before its database is dropped: what it holds locked would never be free.
  const session = await mysql.createConnection(url.href);
  opened.defer(() => session.end());
  await session.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  await session.query(`USE ${name}`);
  let hasMarkerTable = false;
  const resources = opened.move();
  return {
    async propertiesOf(connector, folder) {
      const user = userOf(connector);
      const password = randomBytes(12).toString('hex');
      await unlogged([
        `CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'`,
        `GRANT ${privileges} ON *.* TO '${user}'@'%'`,
      ]);
      connectors.push(connector);
      return {
        'connector.class': connectorClass[server.family],
        'database.hostname': url.hostname,
        'database.port': url.port,
        'database.user': user,
        'database.password': password,
        'database.server.id': String(randomInt(1000, 2 ** 31)),
        'topic.prefix': topicPrefixOf(scenario),
        'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
        'offset.storage.file.filename': join(folder, connector),
        'schema.history.internal': 'io.debezium.storage.file.history.FileSchemaHistory',
        'schema.history.internal.file.filename': join(folder, `${connector}.history`),
        // The server is everybody's; what others do there is no part of a scenario, and may be past Debezium's parser.
        'schema.history.internal.store.only.captured.databases.ddl': 'true',
        'schema.history.internal.skip.unparseable.ddl': 'true',
        'database.include.list': name,
        ...withMarkers(scenario.config, fill),
      };
    },
    async execute(statement) {
      await session.query(fill(statement));
    },
    async streaming() {
      const [rows] = await admin.query<mysql.RowDataPacket[]>('SHOW PROCESSLIST');
      const readers = rows.filter(({ Command }) => String(Command).startsWith('Binlog Dump')).map(({ User }) => User);
      return new Set(connectors.filter((connector) => readers.includes(userOf(connector))));
    },
    async emitMarker() {
      const table = `${name}.${markerTable}`;
      if (!hasMarkerTable) await admin.query(`CREATE TABLE ${table} (id varchar(60) PRIMARY KEY, n int)`);
      hasMarkerTable = true;
      const marker = `${markerPrefix}${randomUUID()}`;
      await admin.query('BEGIN');
      await admin.query(`INSERT INTO ${table} VALUES (?, 1)`, [marker]);
      await admin.query(`UPDATE ${table} SET n = 2 WHERE id = ?`, [marker]);
      await admin.query(`DELETE FROM ${table} WHERE id = ?`, [marker]);
      await admin.query('COMMIT');
      return marker;
    },
    ownRecords,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function ownRecords(records: readonly OracleRecord[]): OracleRecord[] {
  const withChanges = new Set(records.filter(hasChanges).map(transactionId));
  return records.filter((record) => {
    const { key, value } = record;
    if (key?.includes(markerPrefix)) return false;
    if (value?.includes('"ddl":"CREATE TABLE') === true && value.includes(markerTable)) return false;
    // Debezium tells of every transaction of the server, and in MariaDB's case of statements as if they began one. The
    // end of a marker's own may come too late.
    return !transactionRecord.test(value ?? '') || withChanges.has(transactionId(record));
  });
}

const transactionRecord = /"status":"(BEGIN|END)","id":/;

function hasChanges({ value }: OracleRecord): boolean {
  return /"status":"END","id":"[^"]*","event_count":[1-9]/.test(value ?? '') && value?.includes(markerTable) === false;
}

function transactionId({ key }: OracleRecord): string {
  return /"id":"([^"]*)"\}\}?$/.exec(key ?? '')?.[1] ?? '';
}

/** Lists that name what is captured name the markers' table, too. */
function withMarkers(config: Readonly<Record<string, string>>, fill: (text: string) => string): Record<string, string> {
  const filled = Object.entries(config).map(([name, value]): [string, string] => {
    const key = fill(name);
    if (key === 'table.include.list') return [key, fill(`${value},{db}.${markerTable}`)];
    if (key === 'column.include.list') return [key, fill(`${value},{db}.${markerTable}..*`)];
    return [key, fill(value)];
  });
  return Object.fromEntries(filled);
}

/**
 * Not those that all tests share: their DDL, locks and prepared transactions are nothing that a connector does not meet.
 * They end with the process.
 */
const servers = new Map<string, Promise<string>>();

function serverUrl(family: MysqlFamily, settings: MysqldSettings): Promise<string> {
  const key = JSON.stringify([family, settings]);
  let server = servers.get(key);
  if (server === undefined) {
    const start = family === 'mysql' ? startMysql : startMariadb;
    server = start({ settings }).then(({ url }) => url);
    servers.set(key, server);
  }
  return server;
}
