import type { ClientBase } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import { readPublishableTables, readPublishedTables } from './catalog.ts';
import { type ConnectionConfig, errorContext } from './connection.ts';
import { isServerError, postgresError, quoteIdentifier, quoteLiteral } from './postgres-error.ts';
import { newlyRefused, readRefusedTables, refusalError } from './refused-tables.ts';
import { identityStatements } from './replica-identity.ts';
import { collectionId, createTableFilter, type FilterConfig, type TableName } from './table-filter.ts';

export type PublicationConfig = ConnectionConfig &
  FilterConfig &
  Pick<
    PostgresConfig,
    | 'publication.name'
    | 'publication.autocreate.mode'
    | 'publish.via.partition.root'
    | 'replica.identity.autoset.values'
  >;

export interface Publication {
  readonly allTables: boolean;
  readonly viaRoot: boolean;
  /** Operations that it leaves out, in words. */
  readonly omitted: readonly string[];
}

/** Adding a table waits for those who write to it; who waits longer than this should know of it. */
const LOCK_TIMEOUT_MS = 10_000;

export async function readPublication(client: ClientBase, name: string): Promise<Publication | null> {
  const { rows } = await client.query<{
    all: boolean;
    via_root: boolean;
    ins: boolean;
    upd: boolean;
    del: boolean;
  }>(
    `SELECT puballtables AS all, pubviaroot AS via_root, pubinsert AS ins, pubupdate AS upd, pubdelete AS del
     FROM pg_catalog.pg_publication WHERE pubname = $1`,
    [name],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const omitted = [row.ins ? [] : ['insert'], row.upd ? [] : ['update'], row.del ? [] : ['delete']].flat();
  return { allTables: row.all, viaRoot: row.via_root, omitted };
}

export interface Ensured {
  readonly warnings: readonly string[];
  /** Statements that set replica identities and have been run. */
  readonly identities: readonly string[];
}

/**
 * Makes the publication, or brings a filtered one up to date, as `publication.autocreate.mode` says, and sets the replica
 * identities that `replica.identity.autoset.values` asks for: all of it or nothing. The publication must exist before the slot
 * does: the stream looks it up as of each change. Throws `source.publication` or `source.privilege` with the SQL that a DBA can run
 * in our place, and `source.table` where the application's own changes would be refused from then on.
 */
export async function ensurePublication(
  client: ClientBase,
  config: PublicationConfig,
  serverVersion: number,
): Promise<Ensured> {
  const name = config['publication.name'];
  const existing = await readPublication(client, name);
  const changes = await publicationChanges(client, config, existing, serverVersion);
  if (existing === null && config['publication.autocreate.mode'] === 'disabled') {
    throw new TailraceError(
      'source.publication',
      `publication ${name} does not exist in ${config['database.dbname']}`,
      {
        remedy: `${changes.join('; ')}; or let tailrace do it with publication.autocreate.mode=filtered.`,
      },
    );
  }
  try {
    const identities = await apply(client, config, changes, serverVersion);
    return { warnings: existing === null ? [] : oddities(existing, config), identities };
  } catch (error) {
    // Another connector made it in the meantime: the second time it exists.
    if (existing !== null || !(error instanceof TailraceError) || !MADE_ALREADY.has(sqlState(error) ?? '')) throw error;
    return ensurePublication(client, config, serverVersion);
  }
}

/** duplicate_object; unique_violation, when both were at it at once. */
const MADE_ALREADY: ReadonlySet<string> = new Set(['42710', '23505']);

/** The statements that make `existing` what the configuration asks for. */
export async function publicationChanges(
  client: ClientBase,
  config: PublicationConfig,
  existing: Publication | null,
  serverVersion: number,
): Promise<readonly string[]> {
  if (existing === null) return [await creationSql(client, config, serverVersion)];
  if (config['publication.autocreate.mode'] !== 'filtered' || existing.allTables) return [];
  return tableChanges(client, config);
}

/** In one transaction, so that nothing is refused before we know of it, nor while identities are still to be set. */
async function apply(
  client: ClientBase,
  config: PublicationConfig,
  changes: readonly string[],
  serverVersion: number,
): Promise<readonly string[]> {
  const name = config['publication.name'];
  let running: string | null = null;
  const runAll = async (statements: readonly string[]): Promise<void> => {
    for (running of statements) await client.query(running);
    running = null;
  };
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  try {
    const refused = changes.length === 0 ? [] : await readRefusedTables(client);
    await runAll(changes);
    const settings = config['replica.identity.autoset.values'] ?? [];
    const published = settings.length === 0 ? [] : await readPublishedTables(client, name, serverVersion);
    const identities = identityStatements(settings, published.filter(createTableFilter(config)));
    await runAll(identities);
    const begun = changes.length === 0 ? [] : newlyRefused(refused, await readRefusedTables(client));
    if (begun.length > 0) throw refusalError(name, begun);
    await client.query('COMMIT');
    return identities;
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => {});
    throw running === null ? cause : await explain(client, config, running, cause);
  }
}

function oddities(publication: Publication, config: PublicationConfig): readonly string[] {
  const name = config['publication.name'];
  const warnings: string[] = [];
  if (publication.omitted.length > 0) {
    warnings.push(
      `publication ${name} leaves out ${publication.omitted.join(', ')}: ALTER PUBLICATION ${quoteIdentifier(name)} SET (publish = 'insert, update, delete, truncate')`,
    );
  }
  if (publication.viaRoot !== config['publish.via.partition.root']) {
    warnings.push(
      `publication ${name} has publish_via_partition_root=${publication.viaRoot}, which counts, and not publish.via.partition.root=${config['publish.via.partition.root']}`,
    );
  }
  return warnings;
}

/** The statement that makes the publication which the configuration asks for. */
export async function creationSql(
  client: ClientBase,
  config: PublicationConfig,
  serverVersion: number,
): Promise<string> {
  const mode = config['publication.autocreate.mode'];
  const options = [`publish_via_partition_root = ${config['publish.via.partition.root']}`];
  // Otherwise stored generated columns are missing from every streamed row.
  if (serverVersion >= 180_000) options.push('publish_generated_columns = stored');
  const create = `CREATE PUBLICATION ${quoteIdentifier(config['publication.name'])}`;
  const settings = ` WITH (${options.join(', ')})`;
  if (mode === 'all_tables') return `${create} FOR ALL TABLES${settings}`;
  if (mode === 'no_tables') return `${create}${settings}`;
  const tables = await wantedTables(client, config);
  return `${create} FOR TABLE ${tables.map(qualified).join(', ')}${settings}`;
}

async function wantedTables(client: ClientBase, config: PublicationConfig): Promise<readonly TableName[]> {
  const captures = createTableFilter(config);
  const tables = (await readPublishableTables(client)).filter(captures);
  if (tables.length === 0) {
    throw new TailraceError(
      'source.table',
      `no table of ${config['database.dbname']} matches the schema and table lists, there is nothing to publish`,
      { remedy: 'Check table.include.list: its expressions must match the whole schema.table.' },
    );
  }
  return tables;
}

async function tableChanges(client: ClientBase, config: PublicationConfig): Promise<readonly string[]> {
  const name = config['publication.name'];
  const wanted = await wantedTables(client, config);
  const { rows } = await client.query<TableName>(
    `SELECT n.nspname AS namespace, c.relname AS name FROM pg_catalog.pg_publication_rel r
     JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
     JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = $1`,
    [name],
  );
  const before = new Set(rows.map(collectionId));
  const after = new Set(wanted.map(collectionId));
  const added = wanted.filter((table) => !before.has(collectionId(table)));
  const removed = rows.filter((table) => !after.has(collectionId(table)));
  // Not SET TABLE: it would take away the column lists and row filters of the tables that stay.
  const alter = `ALTER PUBLICATION ${quoteIdentifier(name)}`;
  return [
    ...(added.length > 0 ? [`${alter} ADD TABLE ${added.map(qualified).join(', ')}`] : []),
    ...(removed.length > 0 ? [`${alter} DROP TABLE ${removed.map(qualified).join(', ')}`] : []),
  ];
}

/** What a statement failed with, and what to do about it. */
async function explain(
  client: ClientBase,
  config: PublicationConfig,
  sql: string,
  cause: unknown,
): Promise<TailraceError> {
  const code = isServerError(cause) ? cause.code : '';
  const what = `run "${sql.length > 200 ? `${sql.slice(0, 200)} ...` : sql}"`;
  const error = postgresError(cause, errorContext(config, what), 'source.publication');
  if (code === '42501') {
    const remedy = privilegeRemedy(sql, error.message, config);
    return new TailraceError('source.privilege', error.message, { remedy, cause });
  }
  if (code === '55P03') {
    return new TailraceError('source.publication', `${error.message}: ${await blockers(client)}`, {
      remedy: 'Start again when the transaction that holds the table has ended, or run the statement by hand.',
      cause,
    });
  }
  return error;
}

/** Postgres asks for CREATE on the database, then for ownership of each table, and for a superuser where it is all tables. */
function privilegeRemedy(sql: string, message: string, config: PublicationConfig): string {
  const [database, user] = [quoteIdentifier(config['database.dbname']), quoteIdentifier(config['database.user'])];
  const grant = `GRANT CREATE ON DATABASE ${database} TO ${user};`;
  if (/FOR ALL TABLES/.test(sql)) {
    return `Have it run by a superuser: ${sql}; or use publication.autocreate.mode=filtered, which needs ownership of the captured tables and ${grant}`;
  }
  if (/permission denied for database/.test(message)) {
    return `${grant} and let ${user} own the captured tables; or have it run by a superuser: ${sql};`;
  }
  return `Have it run by the owner of the tables, or a superuser: ${sql};`;
}

/** Who has transactions open that could hold the lock. */
async function blockers(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ text: string }>(
    `SELECT format('pid %s (%s, %s) in a transaction since %s', pid, usename, application_name, xact_start::timestamptz(0)) AS text
     FROM pg_catalog.pg_stat_activity
     WHERE xact_start IS NOT NULL AND pid <> pg_catalog.pg_backend_pid() AND datname = current_database()
     ORDER BY xact_start LIMIT 3`,
  );
  return rows.map((row) => row.text).join('; ') || 'no open transaction is visible to us';
}

function sqlState(error: TailraceError): string | null {
  return isServerError(error.cause) ? error.cause.code : null;
}

function qualified(table: TableName): string {
  return `${quoteIdentifier(table.namespace)}.${quoteIdentifier(table.name)}`;
}

/** `name` as a list item of START_REPLICATION's publication_names: an identifier inside a literal. */
export function publicationNamesOption(name: string): string {
  return quoteLiteral(quoteIdentifier(name)).trim();
}
