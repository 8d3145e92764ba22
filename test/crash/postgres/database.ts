import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, type TestPostgres } from '../../services/postgres.ts';
import type { CrashDatabase, CrashDatabaseOptions, CrashServer, CrashTable, DeliveryWatch } from '../database.ts';
import type { ServerFault } from '../plan.ts';
import type { Columns, TrueTransaction } from '../truth.ts';
import { openClient } from './client.ts';
import { createTables, PostgresLoad, TABLES } from './load.ts';
import { readTruth } from './test-decoding.ts';

const WRITERS = 3;
const TRUTH_SLOT = 'truth';

export async function startPostgresServer(): Promise<CrashServer> {
  const server = await startPostgres({ settings: { max_wal_size: '4GB' } });
  return {
    faults: ['fast restart', 'crash restart', 'backend terminated'],
    createDatabase: (options) => createDatabase(server, options),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function createDatabase(server: TestPostgres, options: CrashDatabaseOptions): Promise<CrashDatabase> {
  const name = `crash_${options.round}`;
  const url = new URL(server.url);
  const admin = await openClient(url.href);
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  url.pathname = `/${name}`;
  const client = await openClient(url.href);
  await client.query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [TRUTH_SLOT]);
  await createTables(client);
  await client.end();
  return new PostgresDatabase(server, name, url.href, options);
}

class PostgresDatabase implements CrashDatabase {
  readonly tables = TABLES;
  readonly load: PostgresLoad;
  readonly #server: TestPostgres;
  readonly #name: string;
  readonly #url: string;
  /** Of the connector, and of its slot. */
  readonly #slot: string;

  constructor(server: TestPostgres, name: string, url: string, { seed, connector }: CrashDatabaseOptions) {
    this.#server = server;
    this.#name = name;
    this.#url = url;
    this.#slot = connector;
    this.load = new PostgresLoad({ url, seed, writers: WRITERS });
  }

  get config(): Readonly<Record<string, string>> {
    const { host, port, user, password } = this.#server;
    return {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      'database.hostname': host,
      'database.port': String(port),
      'database.user': user,
      'database.password': password,
      'database.dbname': this.#name,
      'slot.name': this.#slot,
      'slot.max.retries': '100',
      'slot.retry.delay.ms': '100',
      'status.update.interval.ms': '500',
    };
  }

  async strike(fault: ServerFault): Promise<void> {
    switch (fault) {
      case 'fast restart':
        return this.#server.restart();
      case 'crash restart':
        await this.#server.kill();
        return this.#server.restart();
      case 'backend terminated': {
        const client = await openClient(this.#url);
        await client.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1', [
          this.#slot,
        ]);
        return client.end();
      }
      case 'connections killed':
        throw new Error(`Postgres has no ${fault}`);
      default:
        fault satisfies never;
    }
  }

  /** The server knows it: what is acked is durable. */
  async watchDelivery(): Promise<DeliveryWatch> {
    const client = await openClient(this.#url);
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
    const end = rows[0]!.lsn;
    return {
      progress: async () => {
        const slot = await client.query<{ position: string; isDone: boolean }>(
          `SELECT confirmed_flush_lsn::text AS position, confirmed_flush_lsn >= $1::pg_lsn AS "isDone" FROM pg_replication_slots WHERE slot_name = $2`,
          [end, this.#slot],
        );
        return slot.rows[0] ?? { position: 'nowhere', isDone: false };
      },
      [Symbol.asyncDispose]: () => client.end(),
    };
  }

  locate({ lsn, txId }: Readonly<Record<string, unknown>>): { position: bigint; id: string | null } {
    return { position: BigInt((lsn as number | null) ?? 0), id: txId == null ? null : String(txId) };
  }

  normalise(value: string): string {
    return value;
  }

  async *truth(): AsyncGenerator<TrueTransaction> {
    const client = await openClient(this.#url);
    try {
      yield* readTruth(client, TRUTH_SLOT);
    } finally {
      await client.end();
    }
  }

  async rows({ name }: CrashTable): Promise<Columns[]> {
    const client = await openClient(this.#url);
    try {
      const columns = await client.query<{ name: string }>(
        'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped',
        [name],
      );
      const texts = columns.rows.map((column) => `${column.name}::text AS ${column.name}`).join(', ');
      const { rows } = await client.query<Record<string, string | null>>(`SELECT ${texts} FROM ${name}`);
      return rows;
    } finally {
      await client.end();
    }
  }

  async drop(): Promise<void> {
    const client = await openClient(this.#server.url);
    // A walsender that was just left may still hold its slot for a moment.
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1`, [
          this.#name,
        ]);
        await client.query(`DROP DATABASE ${this.#name} WITH (FORCE)`);
        break;
      } catch (error) {
        if (attempt === 50) throw error;
        await sleep(100);
      }
    }
    await client.end();
  }
}
