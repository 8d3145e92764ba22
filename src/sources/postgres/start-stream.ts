import type { Client } from 'pg';
import { formatLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import type { TailraceError } from '../../model/errors.ts';
import type { CatalogSession } from './catalog-session.ts';
import { disconnect, errorContext } from './connection.ts';
import { explainDecoding } from './explain.ts';
import { quoteIdentifier } from './postgres-error.ts';
import { publicationNamesOption } from './publication.ts';
import { ReplicationStream, type StreamPosition } from './replication-stream.ts';
import { openReplication, type Start } from './start.ts';
import { createPrefixFilter, createTableFilter } from './table-filter.ts';
import { takeOver } from './wire.ts';

export interface StreamStart {
  readonly config: PostgresConfig;
  readonly start: Start;
  readonly from: StreamPosition;
  readonly session: CatalogSession;
}

/** A server that hears nothing for its timeout hangs up: three updates in that time leave room for a lost one. */
const UPDATES_PER_TIMEOUT = 3;

/** Starts the slot's stream where `from` says, on the walsender session that the start has left, or a new one. */
export async function startStream({ config, start, from }: StreamStart): Promise<ReplicationStream> {
  const slot = config['slot.name'];
  const replication = await living(start.replication, config, start.serverVersion);
  const explain = (error: unknown, atLsn: number): TailraceError =>
    explainDecoding(error, errorContext(config, `stream from slot ${slot} at ${formatLsn(atLsn)}`), 'internal');
  const hasPrefixes = config['message.prefix.include.list'] !== null || config['message.prefix.exclude.list'] !== null;
  const options = ["proto_version '1'", `publication_names ${publicationNamesOption(config['publication.name'])}`];
  if (start.serverVersion >= 140_000) options.push("messages 'true'");
  const position = formatLsn(from.endLsn);
  try {
    const stream = new ReplicationStream({
      from,
      captures: createTableFilter(config),
      capturesPrefix: hasPrefixes ? createPrefixFilter(config) : null,
      skippedOperations: new Set(config['skipped.operations']),
      boundaries: config['provide.transaction.metadata'],
      batchBytes: config['tailrace.batch.bytes'],
      statusIntervalMs: await statusIntervalMs(replication, config),
      explain,
    });
    await stream.start(
      takeOver(replication, stream),
      `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${position} (${options.join(', ')})`,
    );
    return stream;
  } catch (error) {
    await disconnect(replication);
    throw explain(error, from.endLsn);
  }
}

/** A session that idled through a long snapshot may be gone, and its slot with it if that was a temporary one. */
async function living(replication: Client, config: PostgresConfig, serverVersion: number): Promise<Client> {
  try {
    await replication.query('SELECT 1');
    return replication;
  } catch {
    await disconnect(replication);
    return openReplication(config, serverVersion);
  }
}

async function statusIntervalMs(replication: Client, config: PostgresConfig): Promise<number> {
  const { rows } = await replication.query<{ setting: string }>(
    "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
  );
  const timeoutMs = Number(rows[0]?.setting ?? 0);
  const configured = config['status.update.interval.ms'];
  return timeoutMs > 0 ? Math.min(configured, Math.floor(timeoutMs / UPDATES_PER_TIMEOUT)) : configured;
}
