import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RowDataPacket } from 'mysql2/promise';
import type { SourceOffset } from '../../../src/model/log.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import type { TestMysqld } from '../../services/mysqld.ts';
import type { MysqlFamily } from '../../services/shared-mysql.ts';
import type { CrashDatabase, CrashDatabaseOptions, CrashServer, CrashTable, DeliveryWatch } from '../database.ts';
import type { ServerFault } from '../plan.ts';
import type { PositionKind } from '../start-server.ts';
import type { Columns, TrueTransaction } from '../truth.ts';
import { binlogPosition, readBinlogText } from './binlog-text.ts';
import { openClient } from './client.ts';
import { MysqlLoad } from './load.ts';
import { binlogFiles, Operator } from './operator.ts';
import { Numbers } from './statements.ts';
import { columnsOf, createTables, TABLES } from './tables.ts';

const WRITERS = 3;
const CONNECTOR_USER = 'cdc';

const CLASSES = {
  mysql: 'io.debezium.connector.mysql.MySqlConnector',
  mariadb: 'io.debezium.connector.mariadb.MariaDbConnector',
} as const;

/** What the connector's user needs, as its documentation says. */
const GRANTS = {
  mysql: 'SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT',
  mariadb: 'SELECT, RELOAD, REPLICATION SLAVE, BINLOG MONITOR',
} as const;

interface Host {
  readonly family: MysqlFamily;
  readonly server: TestMysqld;
  readonly connectorPassword: string;
}

export async function startMysqlServer(family: MysqlFamily, position: PositionKind): Promise<CrashServer> {
  // Writers that meet each other's locks, and DDL that meets writers', go on soon.
  const waits = { 'innodb-lock-wait-timeout': '2', 'lock-wait-timeout': '4' };
  const server =
    family === 'mysql'
      ? await startMysql({
          settings: {
            ...waits,
            'binlog-row-metadata': 'MINIMAL',
            ...(position === 'file' ? { 'gtid-mode': 'OFF', 'enforce-gtid-consistency': 'OFF' } : {}),
          },
        })
      : await startMariadb({
          settings: { ...waits, 'binlog-row-metadata': 'MINIMAL', 'log-bin-compress-min-len': '10' },
        });
  const connectorPassword = randomBytes(12).toString('hex');
  const client = await openClient(server.url);
  await client.query(`CREATE USER ${CONNECTOR_USER}@'%' IDENTIFIED BY '${connectorPassword}'`);
  await client.query(`GRANT ${GRANTS[family]} ON *.* TO ${CONNECTOR_USER}@'%'`);
  await client.end();
  const host = { family, server, connectorPassword };
  return {
    faults: ['fast restart', 'crash restart', 'connections killed'],
    createDatabase: (options) => createDatabase(host, options),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function createDatabase(host: Host, options: CrashDatabaseOptions): Promise<CrashDatabase> {
  const { server } = host;
  const name = `crash_${options.round}`;
  const admin = await openClient(server.url);
  // The truth of this database begins with a file.
  await admin.query('FLUSH BINARY LOGS');
  const firstFile = (await binlogFiles(admin)).at(-1)!;
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const numbers = new Numbers();
  const client = await openClient(url.href);
  await createTables(client, numbers);
  await client.end();
  return new MysqlDatabase(host, { ...options, name, url: url.href, firstFile, numbers });
}

interface MysqlDatabaseOptions extends CrashDatabaseOptions {
  readonly name: string;
  readonly url: string;
  readonly firstFile: string;
  readonly numbers: Numbers;
}

class MysqlDatabase implements CrashDatabase {
  readonly tables: readonly CrashTable[];
  readonly load: MysqlLoad;
  readonly #host: Host;
  readonly #options: MysqlDatabaseOptions;
  readonly #archiveDir: string;

  constructor(host: Host, options: MysqlDatabaseOptions) {
    const { family, server } = host;
    const { name, url, seed, position, numbers, isOrdinary = false } = options;
    this.#host = host;
    this.#options = options;
    this.#archiveDir = join(server.dataDir, '..', `archive-${name}`);
    this.tables = Object.entries(TABLES).map(([table, hasKey]) => ({ name: `${name}.${table}`, hasKey }));
    const { dataDir } = server;
    const operator = new Operator({ family, url, dataDir, archiveDir: this.#archiveDir, position, numbers });
    this.load = new MysqlLoad({ family, url, seed, writers: WRITERS, numbers, operator: isOrdinary ? null : operator });
  }

  get config(): Readonly<Record<string, string>> {
    const { family, server, connectorPassword } = this.#host;
    const { name } = this.#options;
    return {
      'connector.class': CLASSES[family],
      'database.hostname': server.host,
      'database.port': String(server.port),
      'database.user': CONNECTOR_USER,
      'database.password': connectorPassword,
      'database.server.id': String(7000 + this.#options.round),
      'database.include.list': name,
      'table.include.list': Object.keys(TABLES)
        .map((table) => `${name}\\.${table}`)
        .join(','),
    };
  }

  async strike(fault: ServerFault): Promise<void> {
    const { server } = this.#host;
    switch (fault) {
      case 'fast restart':
        return server.restart();
      case 'crash restart':
        await server.kill();
        return server.restart();
      case 'connections killed': {
        const client = await openClient(this.#options.url);
        const [rows] = await client.query<RowDataPacket[]>(
          `SELECT id FROM information_schema.processlist WHERE user = '${CONNECTOR_USER}'`,
        );
        for (const { id, ID = id } of rows) {
          // It may be gone by itself.
          await client.query(`KILL ${ID}`).catch((error: { code?: string }) => {
            if (error.code !== 'ER_NO_SUCH_THREAD') throw error;
          });
        }
        return client.end();
      }
      case 'backend terminated':
        throw new Error(`MySQL has no ${fault}`);
      default:
        fault satisfies never;
    }
  }

  /** By the stored offset, that must be at or past the end of a transaction made for it. */
  async watchDelivery(): Promise<DeliveryWatch> {
    const client = await openClient(this.#options.url);
    await client.query(`INSERT INTO audit (writer, n, what) VALUES (-3, ${this.#options.numbers.n()}, 'end')`);
    const end = await this.#end(client);
    return {
      progress: async (stored: SourceOffset | null) => {
        if (stored === null) return { position: 'nowhere', isDone: false };
        // The rows of a snapshot come under the position of its end.
        const isInSnapshot = stored.snapshot !== undefined && stored.snapshot_completed !== true;
        const at = binlogPosition(String(stored.file), Number(stored.pos));
        return { position: JSON.stringify(stored), isDone: at >= end && !isInSnapshot };
      },
      [Symbol.asyncDispose]: () => client.end(),
    };
  }

  async #end(client: Awaited<ReturnType<typeof openClient>>): Promise<bigint> {
    const statement = this.#host.family === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
    const [rows] = await client.query<RowDataPacket[]>(statement);
    return binlogPosition(String(rows[0]!.File), Number(rows[0]!.Position));
  }

  locate({ file, pos, gtid }: Readonly<Record<string, unknown>>): { position: bigint; id: string | null } {
    return { position: binlogPosition(String(file), Number(pos)), id: gtid == null ? null : String(gtid) };
  }

  /** JSON is compact here and spaced there. */
  normalise(value: string): string {
    return value.startsWith('{') ? JSON.stringify(JSON.parse(value)) : value;
  }

  async *truth(): AsyncGenerator<TrueTransaction> {
    const { server, family } = this.#host;
    const { url, name, firstFile } = this.#options;
    const client = await openClient(url);
    const [program, ...args] = server.tree.command(
      family === 'mysql' ? 'usr/bin/mysqlbinlog' : 'usr/bin/mariadb-binlog',
    );
    try {
      const live = await binlogFiles(client);
      const files = [
        ...readdirSync(this.#archiveDir)
          .filter((file) => !live.includes(file))
          .sort()
          .map((file) => join(this.#archiveDir, file)),
        ...live.map((file) => join(server.dataDir, file)),
      ].filter((file) => file.slice(file.lastIndexOf('.')) >= firstFile.slice(firstFile.lastIndexOf('.')));
      const truth = readBinlogText({
        command: [program, ...args],
        files,
        database: name,
        evaluate: async (expression, column, old) => {
          await client.query(`SET ${column} = ?`, [old]);
          const [rows] = await client.query<RowDataPacket[]>(`SELECT CAST(${expression} AS CHAR) AS value`);
          return String(rows[0]!.value);
        },
      });
      for await (const transaction of truth) yield this.#normalised(transaction);
    } finally {
      await client.end();
    }
  }

  #normalised(transaction: TrueTransaction): TrueTransaction {
    const all = (columns: Columns | null) =>
      columns?.j == null ? columns : { ...columns, j: this.normalise(columns.j) };
    return {
      ...transaction,
      changes: transaction.changes.map((change) =>
        change.table.endsWith('.docs') ? { ...change, old: all(change.old), row: all(change.row) } : change,
      ),
    };
  }

  async rows({ name }: CrashTable): Promise<Columns[]> {
    const client = await openClient(this.#options.url);
    try {
      const table = name.slice(name.indexOf('.') + 1);
      if ((await columnsOf(client, table)).length === 0) return [];
      const [rows] = await client.query<RowDataPacket[]>(`SELECT * FROM ${name}`);
      return rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([column, value]) => [column, this.#textOf(value)])),
      );
    } finally {
      await client.end();
    }
  }

  #textOf(value: unknown): string | null {
    if (value === null) return null;
    return this.normalise(typeof value === 'object' ? JSON.stringify(value) : String(value));
  }

  async drop(): Promise<void> {
    const client = await openClient(this.#host.server.url);
    await client.query(`DROP DATABASE ${this.#options.name}`);
    await client.end();
    await rm(this.#archiveDir, { recursive: true });
  }
}
