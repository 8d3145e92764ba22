import type { Client } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { PreflightCheck, PreflightReport } from '../../model/preflight.ts';
import {
  type PublishedTable,
  readPublishableTables,
  readPublishedTables,
  readServerVersion,
  readTypes,
} from './catalog.ts';
import { connect, disconnect, errorContext } from './connection.ts';
import { postgresError, quoteIdentifier } from './postgres-error.ts';
import { checkStoredPosition } from './preflight-position.ts';
import { checkServerSettings, checkSlotState } from './preflight-server.ts';
import { checkTables } from './preflight-tables.ts';
import { creationSql, publicationChanges, readPublication } from './publication.ts';
import { newlyRefused, readRefusedTables, refusalError } from './refused-tables.ts';
import { willBeIdentified } from './replica-identity.ts';
import { createTableFilter } from './table-filter.ts';

/**
 * Looks at everything that a start with this configuration would need, and changes nothing. `stored` is where it would go
 * on, null for a first start. Throws only when there is no connection to ask over.
 */
export async function preflight(config: PostgresConfig, stored: SourceOffset | null = null): Promise<PreflightReport> {
  const client = await connect(config);
  try {
    const serverVersion = await readServerVersion(client);
    const { published, refusal } = await foresee(client, config, serverVersion);
    const checks = [
      ...(await checkServerSettings(client, config, serverVersion)),
      ...(await checkReplication(client, config, stored)),
      ...(refusal === null ? await checkPublication(client, config, serverVersion) : [refusal]),
      ...(await checkSlotState(client, config)),
      ...(await checkTables(client, config, published, await readTypes(client))),
    ];
    return { checks };
  } catch (error) {
    throw postgresError(error, errorContext(config, 'check the server'));
  } finally {
    await disconnect(client);
  }
}

/** That role, pg_hba.conf and max_wal_senders let us in is best known by trying. */
async function checkReplication(
  query: Client,
  config: PostgresConfig,
  stored: SourceOffset | null,
): Promise<readonly PreflightCheck[]> {
  const name = 'replication connection';
  let replication: Client;
  try {
    replication = await connect(config, 'replication');
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return [failed(name, error)];
  }
  try {
    const message = `${config['database.user']} may replicate`;
    const position = stored === null ? [] : [await checkStoredPosition({ query, replication }, config, stored)];
    return [{ name, status: 'ok', message, remedy: null }, ...position];
  } finally {
    await disconnect(replication);
  }
}

async function checkPublication(
  client: Client,
  config: PostgresConfig,
  serverVersion: number,
): Promise<readonly PreflightCheck[]> {
  const name = 'publication';
  const publication = config['publication.name'];
  const existing = await readPublication(client, publication);
  if (existing !== null) {
    const { omitted } = existing;
    if (omitted.length === 0) return [{ name, status: 'ok', message: `${publication} exists`, remedy: null }];
    return [
      {
        name,
        status: 'warning',
        message: `${publication} leaves out ${omitted.join(', ')}`,
        remedy: `ALTER PUBLICATION ${quoteIdentifier(publication)} SET (publish = 'insert, update, delete, truncate');`,
      },
    ];
  }
  let sql: string;
  try {
    sql = await creationSql(client, config, serverVersion);
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return [failed(name, error)];
  }
  const mode = config['publication.autocreate.mode'];
  if (mode === 'disabled') {
    return [{ name, status: 'error', message: `${publication} does not exist`, remedy: `${sql};` }];
  }
  const obstacle = await creationObstacle(client, config);
  return [
    obstacle === null
      ? { name, status: 'ok', message: `${publication} will be made at the start`, remedy: null }
      : {
          name,
          status: 'error',
          message: `${publication} does not exist, and ${obstacle}`,
          remedy: `Have it made by a superuser or the owner of the tables: ${sql};`,
        },
  ];
}

/** Why we could not make the publication ourselves. */
async function creationObstacle(client: Client, config: PostgresConfig): Promise<string | null> {
  const user = config['database.user'];
  const { rows } = await client.query<{ superuser: boolean; may_create: boolean }>(
    `SELECT r.rolsuper AS superuser,
            pg_catalog.has_database_privilege(current_database(), 'CREATE') AS may_create
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
  );
  const { superuser, may_create: mayCreate } = rows[0] ?? { superuser: false, may_create: false };
  if (superuser) return null;
  if (config['publication.autocreate.mode'] === 'all_tables')
    return `only a superuser may publish all tables, ${user} is none`;
  if (!mayCreate) return `${user} may not CREATE in ${config['database.dbname']}`;
  if (config['publication.autocreate.mode'] === 'no_tables') return null;
  const captures = createTableFilter(config);
  const foreign = (await readPublishableTables(client)).filter((table) => captures(table) && !table.owned);
  const [first] = foreign;
  return first === undefined ? null : `${user} does not own ${first.namespace}.${first.name}`;
}

interface Foreseen {
  readonly published: readonly PublishedTable[];
  /** Why a start would not make or widen the publication although it may. */
  readonly refusal: PreflightCheck | null;
}

/** What the publication will publish: a start's changes of it are made in a transaction that is rolled back. */
async function foresee(client: Client, config: PostgresConfig, serverVersion: number): Promise<Foreseen> {
  const name = config['publication.name'];
  const captures = createTableFilter(config);
  const read = async (): Promise<readonly PublishedTable[]> =>
    (await readPublishedTables(client, name, serverVersion)).filter(captures);
  const existing = await readPublication(client, name);
  if (existing === null && (await creationObstacle(client, config)) !== null) return { published: [], refusal: null };
  await client.query(`BEGIN; SET LOCAL lock_timeout = '1s'`);
  try {
    const refused = await readRefusedTables(client);
    for (const sql of await publicationChanges(client, config, existing, serverVersion)) await client.query(sql);
    const begun = newlyRefused(refused, await readRefusedTables(client)).filter(
      (table) => !willBeIdentified(config['replica.identity.autoset.values'] ?? [], table),
    );
    const isOurs = existing !== null || config['publication.autocreate.mode'] !== 'disabled';
    const refusal = begun.length > 0 && isOurs ? failed('publication', refusalError(name, begun)) : null;
    return { published: await read(), refusal };
  } catch {
    // Said by the check of the publication already, or a lock that is none of our business.
  } finally {
    await client.query('ROLLBACK');
  }
  return { published: await read(), refusal: null };
}

function failed(name: string, { message, remedy }: TailraceError): PreflightCheck {
  return { name, status: 'error', message, remedy: remedy ?? null };
}
