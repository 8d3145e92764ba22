import type { Client } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import { WAL_LEVEL_REMEDY } from './postgres-error.ts';
import { checkSlot, describeReader, readSlot } from './slot.ts';
import { OLDEST_VERSION } from './start.ts';

interface ServerFacts {
  readonly wal_level: string;
  readonly max_slots: number;
  readonly used_slots: number;
  readonly max_senders: number;
  readonly used_senders: number;
  /** Megabytes, -1: no limit. */
  readonly keep_mb: number;
  readonly idle_slot_timeout: string | null;
}

export async function checkServerSettings(
  client: Client,
  config: PostgresConfig,
  serverVersion: number,
): Promise<readonly PreflightCheck[]> {
  const { rows } = await client.query<ServerFacts>(`
    SELECT current_setting('wal_level') AS wal_level,
           current_setting('max_replication_slots')::int AS max_slots,
           (SELECT count(*)::int FROM pg_catalog.pg_replication_slots) AS used_slots,
           current_setting('max_wal_senders')::int AS max_senders,
           (SELECT count(*)::int FROM pg_catalog.pg_stat_activity WHERE backend_type = 'walsender') AS used_senders,
           (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_mb,
           current_setting('idle_replication_slot_timeout', true) AS idle_slot_timeout`);
  const facts = rows[0]!;
  const hasSlot = (await readSlot(client, config['slot.name'])) !== null;
  return [
    checkVersion(serverVersion),
    checkWalLevel(facts),
    checkRoom('max_replication_slots', facts.used_slots, facts.max_slots, hasSlot),
    checkRoom('max_wal_senders', facts.used_senders, facts.max_senders, false),
    checkKeepSize(facts),
    ...checkIdleTimeout(facts),
  ];
}

function checkVersion(serverVersion: number): PreflightCheck {
  const major = Math.floor(serverVersion / 10_000);
  if (serverVersion < OLDEST_VERSION) {
    const message = `PostgreSQL ${major}, tailrace reads 13 and newer`;
    return { name: 'server version', status: 'error', message, remedy: 'Upgrade the server.' };
  }
  return { name: 'server version', status: 'ok', message: `PostgreSQL ${major}`, remedy: null };
}

function checkWalLevel({ wal_level: level }: ServerFacts): PreflightCheck {
  if (level === 'logical') return { name: 'wal_level', status: 'ok', message: level, remedy: null };
  return {
    name: 'wal_level',
    status: 'error',
    message: `${level}, but changes are only written to the WAL with logical`,
    remedy: WAL_LEVEL_REMEDY,
  };
}

function checkRoom(setting: string, used: number, max: number, hasOurs: boolean): PreflightCheck {
  const message = `${used} of ${max} are in use`;
  if (used < max || hasOurs) return { name: setting, status: 'ok', message, remedy: null };
  const remedy = `ALTER SYSTEM SET ${setting} = ${max + 10}; then restart the server`;
  return { name: setting, status: 'error', message, remedy };
}

function checkKeepSize({ keep_mb: megabytes }: ServerFacts): PreflightCheck {
  const name = 'max_slot_wal_keep_size';
  if (megabytes !== -1) {
    const message = `${megabytes} MB: a slot that falls further behind is invalidated, and its changes are lost`;
    return { name, status: 'ok', message, remedy: null };
  }
  return {
    name,
    status: 'warning',
    message: 'no limit: while tailrace is stopped, the WAL that its slot keeps can fill the disk of the server',
    remedy: "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf(); and watch /lag",
  };
}

/** From PostgreSQL 18 on a server may invalidate slots that nobody has read for a time. */
function checkIdleTimeout({ idle_slot_timeout: timeout }: ServerFacts): readonly PreflightCheck[] {
  if (timeout === null || timeout === '0') return [];
  const message = `${timeout}: the slot is invalidated, and its changes are lost, when tailrace is stopped for longer`;
  return [{ name: 'idle_replication_slot_timeout', status: 'warning', message, remedy: null }];
}

export async function checkSlotState(client: Client, config: PostgresConfig): Promise<readonly PreflightCheck[]> {
  const name = 'slot';
  const slot = await readSlot(client, config['slot.name']);
  if (slot === null) {
    return [{ name, status: 'ok', message: `${config['slot.name']} will be made at the start`, remedy: null }];
  }
  try {
    checkSlot(slot, config);
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return [{ name, status: 'error', message: error.message, remedy: error.remedy ?? null }];
  }
  if (slot.activePid !== null) {
    const message = `${config['slot.name']} is read at this moment by ${await describeReader(client, slot.activePid)}`;
    const remedy = 'Unless that is this connector, give one of them a slot.name of its own.';
    return [{ name, status: 'warning', message, remedy }];
  }
  return [{ name, status: 'ok', message: `${config['slot.name']} exists and is free`, remedy: null }];
}
