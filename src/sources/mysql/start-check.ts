import { compareBinlogPositions } from '../../../decoders/binlog/binlog-position.ts';
import type { ExecutedGtids } from '../../../decoders/binlog/executed-gtids.ts';
import { parseExecutedGtids } from '../../../decoders/binlog/executed-gtids.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { GtidSet } from '../../../decoders/binlog/gtid-set.ts';
import type { MariadbGtidList } from '../../../decoders/binlog/mariadb-gtid.ts';
import type { TransactionSkip } from '../../../decoders/binlog/transaction-position.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { DumpStart } from './binlog-dump.ts';
import type { Position } from './offset.ts';
import type { ServerState } from './server-state.ts';

export interface StartInput {
  readonly stored: Position | null;
  readonly server: ServerState;
  readonly family: ServerFamily;
  readonly mode: MysqlConfig['snapshot.mode'];
  /** False: the stored position is worth little without it, as tables may not be known by name. */
  readonly hasHistory: boolean;
  /** Servers whose transactions are read, by UUID or MariaDB's `domain-server`; null: all. */
  readonly capturesSource: ((source: string) => boolean) | null;
  /** When the server began the file of the stored position; null where {@link isFileKnown} does not hold. */
  readonly fileBegan: number | null;
}

/** What the stream goes on from. */
export interface StreamStart {
  readonly file: string;
  readonly position: number;
  readonly fileBegan: number | null;
  readonly skip: TransactionSkip | null;
  /** Null: not known. */
  readonly executed: ExecutedGtids | null;
  /** What the server is asked for. */
  readonly dump: DumpStart;
}

/** What a start has to do. */
export interface StartPlan {
  /** What is read first: the rows of the tables with their schema, their schema alone, or nothing. */
  readonly snapshot: 'rows' | 'schema' | 'none';
  /** Changes are read (after them). */
  readonly stream: boolean;
  /** Where the stream goes on; null: where the snapshot is. */
  readonly from: StreamStart | null;
  /** Why a snapshot is read although a position was stored. */
  readonly reason: TailraceError | null;
}

const AGAIN =
  'start with snapshot.mode=when_needed to read the tables again, or with "tailrace offsets reset" to start anew';

/**
 * Decides, from the snapshot mode, the stored position and the server, what a start does. A position that the server cannot
 * serve any more is an error and never skipped over, unless the mode says that the tables are to be read again then.
 */
export function planStart(input: StartInput): StartPlan {
  const { stored, mode, hasHistory } = input;
  if (stored === null || stored.snapshot === 'unfinished') {
    if (mode === 'recovery') throw nothingToRecover(stored);
    const snapshot = mode === 'no_data' ? 'schema' : 'rows';
    return { snapshot, stream: mode !== 'initial_only', from: null, reason: null };
  }
  if (mode === 'initial_only') return { snapshot: 'none', stream: false, from: null, reason: null };
  if (mode === 'always') return { snapshot: 'rows', stream: true, from: null, reason: null };
  const loss = findLoss(input, stored) ?? (hasHistory || mode === 'recovery' ? null : historyLost());
  if (loss !== null) {
    if (mode !== 'when_needed') throw loss;
    return { snapshot: 'rows', stream: true, from: null, reason: loss };
  }
  const snapshot = mode === 'recovery' ? 'schema' : 'none';
  const from = streamStart({ ...stored, skip: skipOn(input.server, stored) }, input);
  return { snapshot, stream: true, from, reason: null };
}

/** What was delivered of a transaction that another server has logged, perhaps in other events: there its changes count. */
function skipOn({ uuid }: ServerState, { skip, serverUuid }: Position): TransactionSkip | null {
  const isOther = serverUuid !== null && uuid !== null && serverUuid !== uuid;
  if (!isOther || skip === null || skip.changes === null || skip.prepared) return skip;
  return { ...skip, events: 0, rows: 0 };
}

/** Where a position is asked for, by GTIDs where there are any. */
export function streamStart(
  { file, position, gtids, skip, fileBegan }: Pick<Position, 'file' | 'position' | 'gtids' | 'skip' | 'fileBegan'>,
  { family, server, capturesSource }: Pick<StartInput, 'family' | 'server' | 'capturesSource'>,
): StreamStart {
  const at = { file, position, skip, fileBegan };
  if (!server.hasGtids || gtids === null) return { ...at, executed: null, dump: { file, position } };
  const executed = parseExecutedGtids(family, gtids);
  if (gtids === '') return { ...at, executed, dump: { file, position } };
  if (executed.family === 'mariadb') return { ...at, executed, dump: { gtids: executed.list.format() } };
  // What is gone of servers that are left out is not missed.
  const set = executed.set.union(leftOut(GtidSet.parse(server.purged), capturesSource));
  return { ...at, executed: { family: 'mysql', set }, dump: { gtids: set.format() } };
}

/** What stands between the stored position and the server's binlog, if anything. Throws what no snapshot would mend. */
function findLoss(input: StartInput, stored: Position): TailraceError | null {
  const { server, family } = input;
  if (server.hasGtids && stored.gtids !== null && stored.gtids !== '') {
    const executed = parseExecutedGtids(family, stored.gtids);
    const loss = executed.family === 'mysql' ? mysqlLoss(executed.set, input) : mariadbLoss(executed.list, server);
    return loss ?? resetLoss(stored, server) ?? replacedLoss(stored, input);
  }
  return fileLoss(stored, input) ?? replacedLoss(stored, input);
}

/** Whether the server says that it has executed all of the stored transactions that are its own. */
export function hasExecuted(server: ServerState, { gtids }: Position, family: ServerFamily): boolean {
  if (!server.hasGtids || gtids === null || gtids === '') return true;
  const stored = parseExecutedGtids(family, gtids);
  const executed = parseExecutedGtids(family, server.executed);
  if (stored.family === 'mariadb') return executed.family === 'mariadb' && executed.list.contains(stored.list);
  const missing = stored.set.subtract(GtidSet.parse(server.executed));
  return ![...missing.sources()].some(({ uuid }) => uuid === server.uuid);
}

function mysqlLoss(stored: GtidSet, { server, capturesSource }: StartInput): TailraceError | null {
  const missing = stored.subtract(GtidSet.parse(server.executed));
  if (!missing.isEmpty) {
    for (const { uuid } of missing.sources()) if (uuid === server.uuid) return foreign(missing.format());
    throw new TailraceError(
      'source.connect',
      `the server has not executed ${shortened(missing.format())} yet, which the stored position has`,
      { remedy: 'It is tried again until the server has caught up: check that it replicates, and database.hostname.' },
    );
  }
  const purged = GtidSet.parse(server.purged);
  const lost = purged.subtract(leftOut(purged, capturesSource)).subtract(stored);
  return lost.isEmpty ? null : purgedError(`the transactions ${shortened(lost.format())}`);
}

function mariadbLoss(stored: MariadbGtidList, server: ServerState): TailraceError | null {
  const executed = parseExecutedGtids('mariadb', server.executed);
  // What its binlog no longer has MariaDB says when it is asked to send.
  if (executed.family !== 'mariadb' || executed.list.contains(stored)) return null;
  return foreign(stored.format());
}

/** GTIDs begin anew with a binlog, and may have passed the stored ones since: other transactions than those that were read. */
function resetLoss({ file, position, serverUuid }: Position, { uuid, files }: ServerState): TailraceError | null {
  const last = files.at(-1);
  if (uuid === null || serverUuid !== uuid || last === undefined) return null;
  const ahead = compareBinlogPositions({ file, position }, { file: last.name, position: last.bytes });
  if (ahead === null || ahead <= 0) return null;
  return new TailraceError(
    'source.position_lost',
    `the stored position ${file}:${position} lies behind the end of the server's binlog, ${last.name}:${last.bytes}: it was reset, or the server restored from a backup`,
    { remedy: `Its GTIDs may be those of other transactions now: ${AGAIN}.` },
  );
}

/** Whether the file of a stored position can be asked for: the server that was read has one of that name. */
export function isFileKnown({ file, fileBegan, serverUuid }: Position, { uuid, files }: ServerState): boolean {
  return fileBegan !== null && uuid !== null && serverUuid === uuid && files.some(({ name }) => name === file);
}

/** A binlog that was reset may have passed the stored position since, in GTIDs and in bytes. */
function replacedLoss({ file, fileBegan: stored }: Position, { fileBegan }: StartInput): TailraceError | null {
  if (stored === null || fileBegan === null || fileBegan === stored) return null;
  const [was, is] = [stored, fileBegan].map((seconds) => new Date(seconds * 1000).toISOString());
  return new TailraceError(
    'source.position_lost',
    `the stored position is in a ${file} that was begun at ${was}, the server's was begun at ${is}: its binlog was reset, or the server restored from a backup`,
    { remedy: `Its GTIDs and positions may be those of other transactions now: ${AGAIN}.` },
  );
}

function fileLoss({ file, position, serverUuid }: Position, { server, family }: StartInput): TailraceError | null {
  // MariaDB's name goes with the machine: a container that is made anew has another one and the same binlog.
  if (family === 'mysql' && serverUuid !== null && server.uuid !== null && serverUuid !== server.uuid) {
    return new TailraceError(
      'source.identity_changed',
      `the stored position ${file}:${position} is of server ${serverUuid}, this one is ${server.uuid}: files and positions mean something else there`,
      {
        remedy: `Check database.hostname; after a failover without GTIDs, ${AGAIN}. With gtid_mode=ON positions hold on every server.`,
      },
    );
  }
  const found = server.files.find(({ name }) => name === file);
  if (found === undefined) return purgedError(`the file ${file}`);
  if (position <= found.bytes) return null;
  return new TailraceError(
    'source.position_lost',
    `the stored position ${file}:${position} lies beyond the end of that file, which has ${found.bytes} bytes: the binlog was reset, or the server restored`,
    { remedy: `Check database.hostname; then ${AGAIN}.` },
  );
}

function purgedError(what: string): TailraceError {
  return new TailraceError(
    'source.position_lost',
    `the server no longer has ${what} in its binlog: it was purged before it was read`,
    {
      remedy: `Nothing was skipped: ${AGAIN}. Keep binlogs for longer than tailrace may be stopped: binlog_expire_logs_seconds.`,
    },
  );
}

function foreign(gtids: string): TailraceError {
  return new TailraceError(
    'source.position_lost',
    `the server has never executed ${shortened(gtids)}, which the stored position has: its binlog was reset, or it was restored from a backup`,
    { remedy: `Check database.hostname; then ${AGAIN}.` },
  );
}

function historyLost(): TailraceError {
  return new TailraceError(
    'source.table',
    'a position is stored, but no schema history: what the tables were there is not known',
    {
      remedy: `If no table was altered since, snapshot.mode=recovery builds the history from the tables as they are; else ${AGAIN}. See schema.history.internal.kafka.topic.`,
    },
  );
}

function nothingToRecover(stored: Position | null): TailraceError {
  const why = stored === null ? 'no position is stored' : 'the first snapshot was not finished';
  return new TailraceError('source.snapshot', `snapshot.mode=recovery, but ${why}: there is nothing to recover`, {
    remedy: 'Start with snapshot.mode=initial or no_data.',
  });
}

function leftOut(set: GtidSet, capturesSource: ((source: string) => boolean) | null): GtidSet {
  return capturesSource === null ? new GtidSet() : set.ofSources((uuid) => !capturesSource(uuid));
}

/** GTID sets of old servers fill pages. */
function shortened(gtids: string): string {
  return gtids.length <= 200 ? gtids : `${gtids.slice(0, 200)}...`;
}
