import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import { type PublishedTable, readPublishedTables, readServerVersion } from './catalog.ts';
import type { CatalogSession } from './catalog-session.ts';
import { connect, disconnect, errorContext, sessionSettings } from './connection.ts';
import type { Position } from './offset.ts';
import { postgresError, WAL_LEVEL_REMEDY } from './postgres-error.ts';
import { ensurePublication } from './publication.ts';
import { checkReadable } from './read-privilege.ts';
import { readRefusedTables } from './refused-tables.ts';
import type { StreamPosition } from './replication-stream.ts';
import { findDivergence, identifyServer, readTimelineHistory, type Server } from './server-identity.ts';
import {
  type CreatedSlot,
  createSlot,
  describeReader,
  describeWriters,
  dropSlot,
  readSlot,
  type SlotState,
} from './slot.ts';
import { planStart, type StartPlan } from './start-check.ts';
import { createTableFilter } from './table-filter.ts';
import { reportTables } from './table-report.ts';

/** pg_publication knows publish_via_partition_root from 13 on; older servers are out of support. */
export const OLDEST_VERSION = 130_000;
/** A reader that was killed is noticed by its server after some milliseconds; one that lives is not going away. */
const SLOT_FREE_WAIT_MS = 5_000;
const SLOT_FREE_POLL_MS = 50;
/** Slot creation waits for open transactions; whoever waits longer than this should know for whom. */
const SLOT_CREATION_PATIENCE_MS = 3_000;

type StartLogger = Pick<Logger, 'debug' | 'info' | 'warn'>;

export interface StartInput {
  readonly config: PostgresConfig;
  readonly session: CatalogSession;
  readonly stored: Position | null;
  readonly temporarySlot: boolean;
  readonly logger: StartLogger;
  readonly signal: AbortSignal;
}

export interface Start {
  readonly plan: StartPlan;
  readonly server: Server;
  readonly serverVersion: number;
  /** An idle walsender session: holds the exported snapshot until its next command, and a temporary slot until it ends. */
  readonly replication: Client;
  /** The slot that this start has made, with its exported snapshot. */
  readonly created: CreatedSlot | null;
  /** Where the stream begins; null: there will be none. */
  readonly from: StreamPosition | null;
  /** Published and chosen by the include lists. */
  readonly tables: readonly PublishedTable[];
}

/** Everything before the first row: settings, publication, slot, and the checks of the stored position against them. */
export async function prepareStart(input: StartInput): Promise<Start> {
  const { config, session, stored, temporarySlot, logger } = input;
  const serverVersion = await session.run('read the server version', readServerVersion);
  checkVersion(serverVersion);
  if (config['snapshot.mode'] !== 'initial_only') await session.run('read wal_level', checkWalLevel);
  const replication = await openReplication(config, serverVersion);
  try {
    const server = await identifyServer(replication);
    const readHistory = (timeline: number): Promise<string> => readTimelineHistory(replication, timeline);
    const divergence = stored === null ? null : await findDivergence(stored, server, readHistory);
    const tables = await preparePublication(input, serverVersion);
    const slot = await freeSlot(input);
    const plan = planStart({ stored, slot, server, divergence }, config);
    if (plan.reason !== null)
      logger.warn({ code: plan.reason.code }, `${plan.reason.message}; reading the tables again`);
    if (plan.snapshot) await session.run('check privileges', (client) => checkReadable(client, config, tables));
    if (plan.slot === 'recreate') {
      await session.run('drop the lost slot', (client) => dropSlot(client, config['slot.name']));
    }
    const created =
      plan.slot === 'create' || plan.slot === 'recreate'
        ? await create(input, replication, { temporary: temporarySlot, serverVersion })
        : null;
    return {
      plan,
      server,
      serverVersion,
      replication,
      created,
      from: plan.stream ? (plan.from ?? beginning(created, slot)) : null,
      tables,
    };
  } catch (error) {
    await disconnect(replication);
    throw postgresError(error, errorContext(config, 'prepare the start'));
  }
}

/** Said by CREATE_REPLICATION_SLOT as well, but only after the publication was made. */
async function checkWalLevel(client: Client): Promise<void> {
  const { rows } = await client.query<{ level: string }>(`SELECT current_setting('wal_level') AS level`);
  const level = rows[0]!.level;
  if (level === 'logical') return;
  throw new TailraceError('source.setting', `wal_level is ${level}: the server writes no changes that could be read`, {
    remedy: WAL_LEVEL_REMEDY,
  });
}

function checkVersion(serverVersion: number): void {
  if (serverVersion >= OLDEST_VERSION) return;
  const version = `${Math.floor(serverVersion / 10_000)}`;
  throw new TailraceError('source.version', `the server is PostgreSQL ${version}, tailrace reads 13 and newer`, {
    remedy: 'Upgrade the server.',
  });
}

/** A walsender that prints values as every other session of ours does, and that may idle while a snapshot is read. */
export async function openReplication(config: PostgresConfig, serverVersion: number): Promise<Client> {
  const replication = await connect(config, 'replication');
  const limits = ['statement_timeout', 'lock_timeout', ...(serverVersion >= 140_000 ? ['idle_session_timeout'] : [])];
  try {
    await replication.query(sessionSettings());
    await replication.query(limits.map((limit) => `SET ${limit} = 0`).join('; '));
    return replication;
  } catch (error) {
    await disconnect(replication);
    throw postgresError(error, errorContext(config, 'open a replication connection'));
  }
}

async function preparePublication(input: StartInput, serverVersion: number): Promise<readonly PublishedTable[]> {
  const { config, session, logger } = input;
  const name = config['publication.name'];
  const captures = createTableFilter(config);
  const { warnings, identities } = await session.run('prepare the publication', (client) =>
    ensurePublication(client, config, serverVersion),
  );
  for (const warning of warnings) logger.warn(warning);
  if (identities.length > 0) logger.info({ statements: identities }, 'replica identities set');
  const [published, refused] = await session.run('read the publication', async (client) => [
    await readPublishedTables(client, name, serverVersion),
    await readRefusedTables(client),
  ]);
  const tables = published.filter(captures);
  reportTables(tables, refused, config, logger);
  return tables;
}

/** The slot as soon as nobody reads it, which a reader of ours that was just killed may still do. Null: there is none. */
async function freeSlot({ config, session, signal }: StartInput): Promise<SlotState | null> {
  const name = config['slot.name'];
  const deadline = performance.now() + SLOT_FREE_WAIT_MS;
  for (;;) {
    const slot = await session.run('read the slot', (client) => readSlot(client, name));
    if (slot === null || slot.activePid === null || config['snapshot.mode'] === 'initial_only') return slot;
    const pid = slot.activePid;
    if (performance.now() > deadline || signal.aborted) {
      const reader = await session.run('read the slot', (client) => describeReader(client, pid));
      throw new TailraceError('source.slot_in_use', `replication slot ${name} is read by another process: ${reader}`, {
        remedy: 'Stop the other reader, or choose another slot.name.',
      });
    }
    await sleep(SLOT_FREE_POLL_MS);
  }
}

async function create(
  input: StartInput,
  replication: Client,
  options: { readonly temporary: boolean; readonly serverVersion: number },
): Promise<CreatedSlot> {
  const { config, session, logger, signal } = input;
  // It may wait for hours, and reads nothing meanwhile: only another session can call it off.
  const { processID } = replication as unknown as { processID: number };
  const onAbort = (): void => {
    session
      .run('stop waiting for the slot', (client) =>
        client.query('SELECT pg_catalog.pg_cancel_backend($1)', [processID]),
      )
      .catch((error: Error) => logger.warn(error.message));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const patience = setTimeout(() => {
    session
      .run('look for open transactions', describeWriters)
      .then((writers) => logger.warn({ writers }, 'the new slot waits for transactions that are still open'))
      .catch((error: Error) => logger.warn(error.message));
  }, SLOT_CREATION_PATIENCE_MS);
  try {
    const created = await createSlot(replication, config, options);
    logger.info({ slot: config['slot.name'], temporary: options.temporary }, 'replication slot created');
    return created;
  } finally {
    clearTimeout(patience);
    signal.removeEventListener('abort', onAbort);
  }
}

function beginning(created: CreatedSlot | null, slot: SlotState | null): StreamPosition {
  const endLsn = created?.consistentPoint ?? slot?.confirmedFlushLsn;
  if (endLsn === undefined || endLsn === null) throw new Error('a slot that was checked has a position');
  return { endLsn, skip: null, messageLsn: null, seen: null, previousEndLsn: null, lastCommitTimeMicros: null };
}
