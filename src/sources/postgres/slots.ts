import type { Client } from 'pg';
import { TailraceError } from '../../model/errors.ts';
import type { SlotLag } from '../../model/status.ts';

interface SlotRow {
  readonly slot: {
    readonly slot_name: string;
    readonly plugin: string | null;
    readonly database: string | null;
    readonly temporary: boolean;
    readonly active: boolean;
    readonly active_pid: number | null;
    readonly restart_lsn: string | null;
    readonly confirmed_flush_lsn: string | null;
    readonly wal_status?: string | null;
    readonly safe_wal_size?: number | null;
    readonly invalidation_reason?: string | null;
  };
  readonly server_lsn: string;
  readonly retained: string | null;
  readonly unconfirmed: string | null;
}

/**
 * The slots of a server with what each holds back, by name; one of them, when `name` is given. Slots come as JSON because their
 * columns differ between server versions. On a standby, the replayed position stands for the current one.
 */
export async function listSlots(client: Client, name: string | null = null): Promise<readonly SlotLag[]> {
  const { rows } = await client.query<SlotRow>(
    `WITH head AS (
       SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
              ELSE pg_catalog.pg_current_wal_lsn() END AS lsn)
     SELECT to_jsonb(s) AS slot, head.lsn::text AS server_lsn,
            greatest(0, pg_catalog.pg_wal_lsn_diff(head.lsn, s.restart_lsn))::text AS retained,
            greatest(0, pg_catalog.pg_wal_lsn_diff(head.lsn, s.confirmed_flush_lsn))::text AS unconfirmed
     FROM pg_catalog.pg_replication_slots s, head
     WHERE $1::text IS NULL OR s.slot_name = $1
     ORDER BY s.slot_name`,
    [name],
  );
  return rows.map(({ slot, server_lsn: serverLsn, retained, unconfirmed }) => ({
    slot: slot.slot_name,
    plugin: slot.plugin,
    database: slot.database,
    temporary: slot.temporary,
    active: slot.active,
    activePid: slot.active_pid,
    restartLsn: slot.restart_lsn,
    confirmedFlushLsn: slot.confirmed_flush_lsn,
    serverLsn,
    retainedBytes: slot.restart_lsn === null ? null : Number(retained),
    unconfirmedBytes: slot.confirmed_flush_lsn === null ? null : Number(unconfirmed),
    walStatus: slot.wal_status ?? null,
    safeWalBytes: slot.safe_wal_size ?? null,
    invalidationReason: slot.invalidation_reason ?? (slot.wal_status === 'lost' ? 'wal_removed' : null),
  }));
}

/** Drops a slot; refuses one that does not exist or that a process reads. */
export async function dropUnusedSlot(client: Client, name: string): Promise<void> {
  const [slot] = await listSlots(client, name);
  if (slot === undefined) {
    throw new TailraceError('source.slot_missing', `there is no replication slot ${name}`, {
      remedy: '`tailrace slots list` shows those that exist.',
    });
  }
  if (slot.active) {
    throw new TailraceError('source.slot_in_use', `replication slot ${name} is in use by process ${slot.activePid}`, {
      remedy: `Stop its reader first, or end its session: SELECT pg_terminate_backend(${slot.activePid});`,
    });
  }
  await client.query('SELECT pg_catalog.pg_drop_replication_slot($1)', [name]);
}
