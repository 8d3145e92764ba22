import type { Client, ClientBase } from 'pg';
import { parseLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import { type ConnectionConfig, errorContext } from './connection.ts';
import { postgresError, quoteIdentifier } from './postgres-error.ts';

export type SlotConfig = ConnectionConfig & Pick<PostgresConfig, 'slot.name' | 'slot.failover'>;

/** A row of pg_replication_slots, as far as we judge by it. LSNs as numbers. */
export interface SlotState {
  readonly plugin: string | null;
  readonly database: string | null;
  readonly logical: boolean;
  readonly temporary: boolean;
  readonly twoPhase: boolean;
  readonly activePid: number | null;
  /** What the server holds back WAL for; null once the slot is lost. */
  readonly restartLsn: number | null;
  readonly confirmedFlushLsn: number | null;
  /** reserved, extended, unreserved or lost. */
  readonly walStatus: string | null;
  readonly invalidationReason: string | null;
}

interface SlotRow {
  readonly plugin: string | null;
  readonly database: string | null;
  readonly slot_type: string;
  readonly temporary: boolean;
  readonly two_phase?: boolean;
  readonly active_pid: number | null;
  readonly restart_lsn: string | null;
  readonly confirmed_flush_lsn: string | null;
  readonly wal_status?: string | null;
  readonly invalidation_reason?: string | null;
}

export async function readSlot(client: ClientBase, name: string): Promise<SlotState | null> {
  // As JSON, because newer servers have columns that older ones do not.
  const { rows } = await client.query<{ slot: SlotRow }>(
    'SELECT to_jsonb(s) AS slot FROM pg_catalog.pg_replication_slots s WHERE slot_name = $1',
    [name],
  );
  const slot = rows[0]?.slot;
  if (slot === undefined) return null;
  return {
    plugin: slot.plugin,
    database: slot.database,
    logical: slot.slot_type === 'logical',
    temporary: slot.temporary,
    twoPhase: slot.two_phase ?? false,
    activePid: slot.active_pid,
    restartLsn: slot.restart_lsn === null ? null : parseLsn(slot.restart_lsn),
    confirmedFlushLsn: slot.confirmed_flush_lsn === null ? null : parseLsn(slot.confirmed_flush_lsn),
    walStatus: slot.wal_status ?? null,
    invalidationReason: slot.invalidation_reason ?? null,
  };
}

/** Throws unless the slot is one that we can read: of our plugin and database, with its WAL still there. */
export function checkSlot(slot: SlotState, config: SlotConfig): void {
  const name = config['slot.name'];
  const otherName = `Choose another slot.name, or drop it: SELECT pg_drop_replication_slot('${name}');`;
  if (!slot.logical || slot.plugin !== 'pgoutput') {
    const kind = slot.logical ? `uses the plugin ${slot.plugin}` : 'is a physical one';
    throw new TailraceError('source.setting', `replication slot ${name} ${kind}, tailrace reads pgoutput`, {
      remedy: otherName,
    });
  }
  if (slot.database !== config['database.dbname']) {
    throw new TailraceError(
      'source.setting',
      `replication slot ${name} belongs to database ${slot.database}, not to ${config['database.dbname']}`,
      { remedy: otherName },
    );
  }
  if (slot.twoPhase) {
    throw new TailraceError(
      'source.setting',
      `replication slot ${name} decodes prepared transactions (two_phase), which may still be rolled back`,
      { remedy: otherName },
    );
  }
  if (slot.walStatus === 'lost' || slot.restartLsn === null) {
    const reason = slot.invalidationReason === null ? '' : ` (${slot.invalidationReason})`;
    throw new TailraceError(
      'source.slot_invalidated',
      `replication slot ${name} was invalidated by the server${reason}: WAL that it needs is gone, and with it changes that were not delivered`,
      {
        remedy: `Drop it with SELECT pg_drop_replication_slot('${name}'); and start with snapshot.mode=when_needed, which reads the tables again. Raise max_slot_wal_keep_size so that it does not happen again.`,
      },
    );
  }
}

/** Who reads the slot, for an error text. */
export async function describeReader(client: ClientBase, pid: number): Promise<string> {
  const { rows } = await client.query<{ who: string }>(
    `SELECT format('pid %s, user %s, application "%s", from %s', pid, usename, application_name, coalesce(host(client_addr), 'a local socket')) AS who
     FROM pg_catalog.pg_stat_activity WHERE pid = $1`,
    [pid],
  );
  return rows[0]?.who ?? `pid ${pid}`;
}

export interface CreatedSlot {
  /** The first change that is streamed comes after this LSN, and the exported snapshot sees all before it. */
  readonly consistentPoint: number;
  /** For SET TRANSACTION SNAPSHOT; valid until the next command on the replication connection. */
  readonly snapshotName: string;
}

export interface CreateSlotOptions {
  /** The slot lives as long as the connection. */
  readonly temporary: boolean;
  readonly serverVersion: number;
}

/** Makes the slot and exports its snapshot. Waits until every transaction that is open now has ended. */
export async function createSlot(
  replication: Client,
  config: SlotConfig,
  options: CreateSlotOptions,
): Promise<CreatedSlot> {
  const { temporary, serverVersion } = options;
  const slot = `${quoteIdentifier(config['slot.name'])}${temporary ? ' TEMPORARY' : ''} LOGICAL pgoutput`;
  // Failover slots came with 17; a temporary slot cannot be one.
  const failover = config['slot.failover'] && serverVersion >= 170_000 && !temporary;
  const how = failover ? "(SNAPSHOT 'export', FAILOVER true)" : 'EXPORT_SNAPSHOT';
  try {
    const { rows } = await replication.query<{ consistent_point: string; snapshot_name: string }>(
      `CREATE_REPLICATION_SLOT ${slot} ${how}`,
    );
    return { consistentPoint: parseLsn(rows[0]!.consistent_point), snapshotName: rows[0]!.snapshot_name };
  } catch (error) {
    throw postgresError(
      error,
      errorContext(config, `create replication slot ${config['slot.name']}`),
      'source.setting',
    );
  }
}

/** The transactions that a slot's creation waits for: those that have written something and are still open. */
export async function describeWriters(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ text: string }>(
    `SELECT format('pid %s (%s, %s) since %s', pid, usename, application_name, xact_start::timestamptz(0)) AS text
     FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND backend_type = 'client backend'
     ORDER BY xact_start LIMIT 3`,
  );
  return rows.length === 0 ? null : rows.map((row) => row.text).join('; ');
}

export async function dropSlot(client: ClientBase, name: string): Promise<void> {
  await client.query('SELECT pg_catalog.pg_drop_replication_slot($1)', [name]);
}
