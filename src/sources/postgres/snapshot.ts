import type { Client } from 'pg';
import { parseLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import { type PublishedTable, readPublishedTables, readTables, tableOf } from './catalog.ts';
import type { CatalogTable } from './catalog-types.ts';
import { type ConnectionConfig, connect, errorContext, sessionSettings } from './connection.ts';
import { postgresError, quoteIdentifier, quoteLiteral } from './postgres-error.ts';
import { checkReadable } from './read-privilege.ts';
import type { SeenTransactions } from './seen-transactions.ts';
import type { CopiedTable } from './table-copy.ts';
import { collectionId, createTableFilter, type FilterConfig } from './table-filter.ts';

export type SnapshotConfig = ConnectionConfig &
  FilterConfig &
  Pick<
    PostgresConfig,
    | 'publication.name'
    | 'snapshot.include.collection.list'
    | 'snapshot.max.threads'
    | 'snapshot.select.statement.overrides'
    | 'snapshot.select.statement.overrides.<schema.table>'
  >;

/** What a consistent view of the database is known by. */
export interface SnapshotPoint {
  readonly lsn: number;
  /** A transaction id of that time, for the rows' source block. */
  readonly xid: number;
  /** Null: the stream begins exactly where this view ends, as with the snapshot that a new slot exports. */
  readonly seen: SeenTransactions | null;
}

export interface SnapshotSessions {
  /** Each in a transaction that sees the same state. */
  readonly clients: readonly Client[];
  readonly point: SnapshotPoint;
}

/**
 * Opens the sessions that will read, all with one view of the database: the one that a new slot exported, or, with
 * `exported` null, one taken now, together with the transactions that it has seen.
 */
export async function openSnapshotSessions(
  config: SnapshotConfig,
  exported: { readonly snapshotName: string; readonly consistentPoint: number } | null,
  tables: number,
): Promise<SnapshotSessions> {
  const clients: Client[] = [];
  try {
    const first = await openSession(config);
    clients.push(first);
    let name: string;
    let point: SnapshotPoint;
    if (exported === null) {
      await first.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      ({ name, point } = await takeView(first));
    } else {
      name = exported.snapshotName;
      await importView(first, name);
      const { xid } = await currentState(first);
      point = { lsn: exported.consistentPoint, xid, seen: null };
    }
    const others = Math.min(config['snapshot.max.threads'], tables) - 1;
    for (let i = 0; i < others; i++) {
      const client = await openSession(config);
      clients.push(client);
      await importView(client, name);
    }
    return { clients, point };
  } catch (error) {
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
    throw postgresError(error, errorContext(config, 'begin the snapshot'), 'source.snapshot');
  }
}

async function openSession(config: SnapshotConfig): Promise<Client> {
  const client = await connect(config);
  // A snapshot may take hours, must not be cut short by limits made for other work, and must not skip rows without a word.
  const limits = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
  const settings = [sessionSettings(), ...limits.map((limit) => `SET ${limit} = 0`), 'SET row_security = off'];
  await client.query(settings.join('; '));
  return client;
}

async function importView(client: Client, name: string): Promise<void> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(name).trim()}`);
}

/**
 * Runs `work` in the session's transaction and gives up the locks that it took: a lock that was kept until the end of the
 * snapshot would make an ALTER TABLE wait as long, and every other query behind that.
 */
export async function withoutLocks<T>(session: Client, work: (session: Client) => Promise<T>): Promise<T> {
  await session.query('SAVEPOINT tailrace');
  const result = await work(session);
  await session.query('ROLLBACK TO SAVEPOINT tailrace; RELEASE SAVEPOINT tailrace');
  return result;
}

async function takeView(client: Client): Promise<{ name: string; point: SnapshotPoint }> {
  const { rows } = await client.query<{ name: string; snapshot: string }>(
    'SELECT pg_catalog.pg_export_snapshot() AS name, pg_catalog.pg_current_snapshot()::text AS snapshot',
  );
  const { name, snapshot } = rows[0]!;
  // Asked after the snapshot was taken: what it has seen committed before this.
  const { lsn, xid } = await currentState(client);
  return { name, point: { lsn, xid, seen: { snapshot, beforeLsn: lsn } } };
}

/** The transaction id is read, not assigned: one of our own would make the creation of other slots wait for the snapshot. */
async function currentState(client: Client): Promise<{ lsn: number; xid: number }> {
  const { rows } = await client.query<{ lsn: string; xid: string }>(
    `SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                 ELSE pg_catalog.pg_current_wal_insert_lsn() END::text AS lsn,
            pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text AS xid`,
  );
  return { lsn: parseLsn(rows[0]!.lsn), xid: Number(rows[0]!.xid) };
}

/**
 * Which published tables the snapshot reads, and by which statements, all as its view has them: what was known before a
 * new slot had its consistent point is out of date, because that may take hours, and what changed until then is not
 * streamed. Tables that came, or came anew, after the view are: of them the stream tells everything.
 */
export async function planSnapshot(
  session: Client,
  config: SnapshotConfig,
  serverVersion: number,
): Promise<{ readonly tables: readonly CopiedTable[]; readonly catalog: ReadonlyMap<number, CatalogTable> }> {
  const captures = createTableFilter(config);
  const included = config['snapshot.include.collection.list'];
  const published = await readPublishedTables(session, config['publication.name'], serverVersion);
  const chosen = published.filter(
    (table) => captures(table) && (included === null || included.matches(collectionId(table))),
  );
  await checkReadable(session, config, chosen);
  // Debezium's order: that of the expressions in the include list, and by name among those that one expression matches.
  const patterns = config['table.include.list']?.patterns ?? [];
  const rank = (table: PublishedTable): number => patterns.findIndex((pattern) => pattern.test(collectionId(table)));
  chosen.sort((a, b) => rank(a) - rank(b));
  const catalog = await readTables(
    session,
    chosen.map((table) => table.oid),
  );
  const tables: CopiedTable[] = [];
  for (const one of chosen) {
    const entry = catalog.get(one.oid);
    if (entry === undefined) throw new Error(`${collectionId(one)} is in the view once and once is not`);
    const table = tableOf(one, entry);
    const select = overrideOf(config, one);
    tables.push({
      id: collectionId(one),
      table,
      published: one,
      overridden: select !== null,
      sql: select === null ? copyStatement(one, entry) : await overridingStatement(session, one, select),
      estimatedRows: one.estimatedRows,
    });
  }
  return { tables, catalog };
}

function copyStatement(published: PublishedTable, catalog: CatalogTable): string {
  const names = published.columns.map(quoteIdentifier).join(', ');
  const name = `${quoteIdentifier(published.namespace)}.${quoteIdentifier(published.name)}`;
  const isGenerated = catalog.columns.some((column) => column.generated && published.columns.includes(column.name));
  if (published.rowFilter === null && !published.partitioned && !isGenerated && published.columns.length > 0) {
    // Faster than a query, and like it without the rows of tables that inherit from this one.
    return `COPY ${name} (${names}) TO STDOUT`;
  }
  const where = published.rowFilter === null ? '' : ` WHERE ${published.rowFilter}`;
  return `COPY (SELECT ${names} FROM ${published.partitioned ? '' : 'ONLY '}${name}${where}) TO STDOUT`;
}

function overrideOf(config: SnapshotConfig, published: PublishedTable): string | null {
  const id = collectionId(published);
  if (!config['snapshot.select.statement.overrides'].includes(id)) return null;
  const override = config['snapshot.select.statement.overrides.<schema.table>'].find(({ table }) => table === id);
  return override?.select ?? null;
}

/** The override's columns in the table's order; a column that it leaves out is read as NULL. */
async function overridingStatement(session: Client, published: PublishedTable, select: string): Promise<string> {
  let given: Set<string>;
  try {
    const { fields } = await session.query(`SELECT * FROM (${select}) AS override LIMIT 0`);
    given = new Set(fields.map((field) => field.name));
  } catch (cause) {
    const key = `snapshot.select.statement.overrides.${collectionId(published)}`;
    throw new TailraceError('source.snapshot', `the statement of ${key} fails: ${(cause as Error).message}`, {
      remedy: 'Try it in psql; it must be one SELECT that gives the columns of the table.',
      cause,
    });
  }
  const columns = published.columns.map((column) =>
    given.has(column) ? quoteIdentifier(column) : `NULL AS ${quoteIdentifier(column)}`,
  );
  return `COPY (SELECT ${columns.join(', ')} FROM (${select}) AS override) TO STDOUT`;
}
