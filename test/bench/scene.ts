import pg from 'pg';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';

/** The server that is measured: fsync on, no background work of its own accord while a measurement runs. */
export function startMeasuredServer(): Promise<TestPostgres> {
  return startPostgres({
    settings: {
      fsync: 'on',
      autovacuum: 'off',
      shared_buffers: '512MB',
      max_wal_size: '16GB',
      checkpoint_timeout: '1h',
    },
  });
}

/** The keys of a connector that reads a slot made before. */
export function connectorOf(
  server: TestPostgres,
  { database, slot, publication }: { database: string; slot: string; publication: string },
): Record<string, string> {
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': server.host,
    'database.port': String(server.port),
    'database.user': server.user,
    'database.password': server.password,
    'database.dbname': database,
    'slot.name': slot,
    'publication.name': publication,
    'publication.autocreate.mode': 'disabled',
  };
}

/** A fresh database for one measurement, dropped at its end with its slots. */
export async function withDatabase<T>(
  server: TestPostgres,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const admin = await connectTo(server, 'postgres');
  await admin.query(`CREATE DATABASE ${database}`);
  try {
    const client = await connectTo(server, database);
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  } finally {
    await dropSlots(admin, database);
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
    await admin.end();
  }
}

export async function connectTo(server: TestPostgres, database: string): Promise<pg.Client> {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
}

export async function createSlot(client: pg.Client, name: string): Promise<void> {
  await client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [name]);
}

/** End of all that was written, flushed. */
export async function walEnd(client: pg.Client): Promise<string> {
  await client.query('CHECKPOINT');
  const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  return rows[0]!.lsn;
}

async function dropSlots(admin: pg.Client, database: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await admin.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1', [
        database,
      ]);
      return;
    } catch (error) {
      // A walsender whose client has just left still holds its slot.
      if (performance.now() > deadline) throw error;
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }
}
