import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import { type ConnectionConfig, connect, disconnect, errorContext, internals } from './connection.ts';
import { isServerError, mysqlError, quoteAccount, quoteIdentifier, type ServerError } from './mysql-error.ts';
import { listPrepared, type PreparedList } from './prepared-list.ts';
import { limitStatements } from './session.ts';
import { readSnapshotPoint, readViewPoint, type SnapshotPoint } from './snapshot-point.ts';
import type { TableName } from './table-filter.ts';

export type ViewConfig = ConnectionConfig & Pick<MysqlConfig, 'snapshot.locking.mode' | 'snapshot.lock.timeout.ms'>;

export interface ViewOptions<T> {
  readonly config: ViewConfig;
  readonly family: ServerFamily;
  /** How many sessions may read at the same time, at least one. */
  readonly sessions: number;
  /** The tables whose rows will be read: what is locked where all of the server cannot be. */
  readonly listTables: (catalog: Connection) => Promise<readonly TableName[]>;
  /** Runs while nothing can be written or altered, as far as the locking mode keeps it from being. */
  readonly whileLocked: (catalog: Connection, point: SnapshotPoint) => Promise<T>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly signal: AbortSignal;
}

export interface SnapshotView<T> {
  /** Each in a transaction that sees the same state. */
  readonly sessions: readonly Connection[];
  /** In no transaction: MySQL's information_schema is as the transaction sees it. */
  readonly catalog: Connection;
  readonly point: SnapshotPoint;
  /** XA transactions that are prepared there. */
  readonly prepared: PreparedList;
  readonly read: T;
  /** Gives up what is locked until all rows are read. @throws when it was lost before. */
  unlock(): Promise<void>;
  /** Ends all sessions. Does not reject. */
  close(): Promise<void>;
}

/** Both servers' greatest value, a year: what is read slowly must not be taken for dead. */
const LONGEST_SECONDS = 31_536_000;

/** Tables that are dropped while they are about to be locked: how often they are looked up anew. */
const LOCK_ATTEMPTS = 5;

/** Lacking RELOAD, or what the likes of Amazon RDS refuse to everybody. */
const REFUSED: ReadonlySet<number> = new Set([1044, 1045, 1142, 1227, 1370]);

const NO_SUCH_TABLE = 1146;
const LOCK_WAIT_TIMEOUT = 1205;

/** From the end of a commit's write to the binlog until others see it: an fsync of each of two logs. */
const COMMIT_MS = 1_000;

const BEGIN = 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY';

/**
 * Opens the sessions that will read, all with one view of the database, and the position in the binlog that belongs to
 * it. A session of its own holds the lock under which they begin, so that none of theirs ends with it: UNLOCK TABLES
 * commits a transaction. InnoDB alone has such views; of other tables rows are read as they are at that time.
 */
export async function takeView<T>(options: ViewOptions<T>): Promise<SnapshotView<T>> {
  const { config, logger } = options;
  const mode = config['snapshot.locking.mode'];
  const { signal } = options;
  const opened: Connection[] = [];
  const cutOff = (): void => {
    for (const session of opened) internals(session).stream.destroy();
  };
  const open = async (): Promise<Connection> => {
    const session = await connect(config);
    opened.push(session);
    if (signal.aborted) cutOff();
    await prepareSession(session, options.family);
    return session;
  };
  signal.addEventListener('abort', cutOff, { once: true });
  try {
    const catalog = await open();
    const locker = mode === 'none' ? null : await open();
    // Views begun without a lock would differ.
    const count = mode === 'none' ? 1 : options.sessions;
    if (count < options.sessions) {
      logger.warn('snapshot.locking.mode=none: one session reads all tables, snapshot.max.threads is not followed');
    }
    const sessions: Connection[] = [];
    for (let i = 0; i < count; i++) sessions.push(await open());
    if (locker !== null) await lock(locker, catalog, options);
    const prepared = await listPrepared(catalog, options.family);
    const point = locker === null ? await beginUnlocked(sessions[0]!, options) : await beginLocked(sessions, options);
    const read = await options.whileLocked(catalog, point);
    let held = locker;
    const unlock = async (): Promise<void> => {
      // A lock was held if its session can still say so.
      await held?.query('UNLOCK TABLES');
      if (held !== null) await disconnect(held);
      held = null;
    };
    if (mode !== 'extended') await unlock();
    const close = async (): Promise<void> => {
      await Promise.all(opened.map(disconnect));
    };
    return { sessions, catalog, point, prepared, read, unlock, close };
  } catch (error) {
    await Promise.all(opened.map(disconnect));
    throw mysqlError(error, errorContext(config, 'begin the snapshot'), 'source.snapshot');
  } finally {
    signal.removeEventListener('abort', cutOff);
  }
}

/** A snapshot may take hours, must not be cut short by limits made for other work, and must not skip rows without a word. */
async function prepareSession(session: Connection, family: ServerFamily): Promise<void> {
  await limitStatements(session, 0);
  await session.query(
    `SET SESSION sql_mode = '', time_zone = '+00:00', autocommit = 1, wait_timeout = ${LONGEST_SECONDS}, net_write_timeout = ${LONGEST_SECONDS},
       lock_wait_timeout = ${LONGEST_SECONDS}, sql_select_limit = 18446744073709551615, sql_big_selects = 1
       /*!80000 , information_schema_stats_expiry = 0 */
       /*M!100300 , idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0 */`,
  );
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  // While it writes a binlog, MariaDB keeps metadata locks to the end of the transaction: ALTER TABLE of what was read waits.
  if (family === 'mariadb') await unlessRefused(session.query('SET SESSION sql_log_bin = 0'));
}

/** All of the server, or, where that is not allowed, the tables whose rows will be read. */
async function lock<T>(locker: Connection, catalog: Connection, options: ViewOptions<T>): Promise<void> {
  const { config, logger } = options;
  const timeoutMs = config['snapshot.lock.timeout.ms'];
  await locker.query(`SET SESSION lock_wait_timeout = ${Math.max(1, Math.ceil(timeoutMs / 1000))}`);
  try {
    const refusal = await unlessRefused(locker.query('FLUSH TABLES WITH READ LOCK'));
    if (refusal === null) return;
    logger.info({ refusal: refusal.message }, 'the snapshot cannot lock the server and locks the tables that it reads');
    const second = await unlessRefused(lockTables(locker, catalog, options));
    if (second !== null) throw lacksPrivilege(config, second);
  } catch (error) {
    if (isServerError(error) && error.errno === LOCK_WAIT_TIMEOUT) throw lockTimeout(timeoutMs, error);
    throw error;
  }
}

async function unlessRefused(work: Promise<unknown>): Promise<ServerError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (isServerError(error) && REFUSED.has(error.errno)) return error;
    throw error;
  }
}

async function lockTables<T>(locker: Connection, catalog: Connection, { listTables }: ViewOptions<T>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const tables = await listTables(catalog);
    if (tables.length === 0) return;
    const names = tables.map(({ namespace, name }) => `${quoteIdentifier(namespace)}.${quoteIdentifier(name)} READ`);
    try {
      await locker.query(`LOCK TABLES ${names.join(', ')}`);
      return;
    } catch (error) {
      const isGone = isServerError(error) && error.errno === NO_SUCH_TABLE;
      if (!isGone || attempt === LOCK_ATTEMPTS) throw error;
    }
  }
}

async function beginLocked<T>(sessions: readonly Connection[], { family }: ViewOptions<T>): Promise<SnapshotPoint> {
  for (const session of sessions) await session.query(BEGIN);
  return readSnapshotPoint(sessions[0]!, family);
}

/**
 * MariaDB's position is exact. MySQL's is read before the view is taken, so that what commits in between is read and
 * streamed, too. Its GTIDs are of transactions that can be seen; its file and position may be behind one that is still
 * being committed, and are given time.
 */
async function beginUnlocked<T>(session: Connection, { family }: ViewOptions<T>): Promise<SnapshotPoint> {
  if (family === 'mariadb') {
    await session.query(BEGIN);
    return readViewPoint(session);
  }
  const point = await readSnapshotPoint(session, family);
  if (point.gtids === null) await sleep(COMMIT_MS);
  await session.query(BEGIN);
  return point;
}

function lacksPrivilege(config: ViewConfig, refusal: ServerError): TailraceError {
  const user = quoteAccount(config['database.user']);
  return new TailraceError('source.privilege', `cannot lock the tables for the snapshot: ${refusal.message}`, {
    remedy: `GRANT RELOAD ON *.* TO ${user}; or, for each database that is captured: GRANT SELECT, LOCK TABLES ON <database>.* TO ${user};`,
    cause: refusal,
  });
}

function lockTimeout(timeoutMs: number, cause: ServerError): TailraceError {
  return new TailraceError(
    'source.connection_lost',
    `cannot lock the tables for the snapshot within ${timeoutMs} ms: ${cause.message}`,
    {
      remedy:
        'A long statement, or a transaction that is open or prepared, is in the way: SHOW FULL PROCESSLIST; XA RECOVER; It is tried again. Raise snapshot.lock.timeout.ms if writers may wait longer.',
      cause,
    },
  );
}
