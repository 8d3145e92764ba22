import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Change, Table } from '../../../decoders/change.ts';
import { formatLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset, SourcePartition } from '../../model/log.ts';
import type { Batch, SnapshotProgress, Source, SourceStatus, TableMapping } from '../../model/plugin.ts';
import type { Logger } from '../../observe/logger.ts';
import { readVersion } from '../../observe/version.ts';
import type { Heartbeat } from '../../session/heartbeat.ts';
import { CatalogSession } from './catalog-session.ts';
import { disconnect, withConnection } from './connection.ts';
import { createHeartbeat } from './heartbeat.ts';
import { formatStreamOffset, type LastChange, type Position, parseOffset } from './offset.ts';
import type { ReplicationStream, StreamBatch, StreamPosition } from './replication-stream.ts';
import type { SeenTransactions } from './seen-transactions.ts';
import type { Server } from './server-identity.ts';
import { dropSlot } from './slot.ts';
import { readSnapshot } from './snapshot-run.ts';
import { PostgresSourceBlock } from './source-block.ts';
import { prepareStart, type Start } from './start.ts';
import { startStream } from './start-stream.ts';

export interface PostgresSourceDeps {
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
  /** The slot lives as long as the connection: for `tail`, which leaves nothing behind. */
  readonly temporarySlot?: boolean;
  /** Milliseconds since 1970 UTC; the system's clock if not given. */
  readonly clock?: () => number;
}

export function createPostgresSource(config: PostgresConfig, deps: PostgresSourceDeps): Source {
  return new PostgresSource(config, deps);
}

/** Debezium's names of the operations in `messageType`. */
const MESSAGE_TYPES = { c: 'INSERT', u: 'UPDATE', d: 'DELETE', r: 'INSERT' } as const;

/** A slot is dropped at once or not at all; a server that does not say so must not keep us from ending. */
const DROP_WITHIN_MS = 10_000;

/** Reads one database: a snapshot if it is due, then the slot's stream. */
class PostgresSource implements Source {
  readonly partition: SourcePartition;
  readonly sourceBlock: PostgresSourceBlock;
  readonly #config: PostgresConfig;
  readonly #deps: PostgresSourceDeps;
  readonly #clock: () => number;
  readonly #session: CatalogSession;
  readonly #heartbeat: Heartbeat;
  #replication: Client | null = null;
  #stream: ReplicationStream | null = null;
  #phase: SourceStatus['phase'] = 'starting';
  #snapshot: SnapshotProgress | null = null;
  /** Made by us or streamed from: until then the slot may be another reader's. */
  #ownsSlot = false;
  /** The caller wants no more; after a failure the next start goes on from the slot. */
  #isStopped = false;

  constructor(config: PostgresConfig, deps: PostgresSourceDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#clock = deps.clock ?? Date.now;
    this.partition = { server: config['topic.prefix'] };
    this.sourceBlock = new PostgresSourceBlock({
      version: readVersion(),
      name: config['topic.prefix'],
      database: config['database.dbname'],
    });
    this.#session = new CatalogSession({
      config,
      types: config,
      queryTimeoutMs: config['database.query.timeout.ms'],
      onUnmapped: (table, column, type) =>
        deps.logger.warn(
          { table: `${table.namespace}.${table.name}`, column, type },
          'a column is left out: its type has no mapping; include.unknown.datatypes=true gives its text as bytes',
        ),
      onKeyUnknown: ({ namespace, name }) =>
        deps.logger.warn(
          { table: `${namespace}.${name}` },
          'records of a table have no key: it was dropped before its last changes were read, and with REPLICA IDENTITY FULL the log does not tell which columns were its primary key; message.key.columns names them',
        ),
    });
    this.#heartbeat = createHeartbeat(config, deps.logger);
  }

  async *read(from: SourceOffset | null, signal: AbortSignal): AsyncGenerator<Batch> {
    const stored = from === null ? null : parseOffset(from);
    const onAbort = (): void => {
      this.#isStopped = !(signal.reason instanceof TailraceError);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const start = await this.#prepare(stored, signal);
    if (start === null) return;
    this.#replication = start.replication;
    if (start.created !== null) this.#ownsSlot = true;
    let { from: position } = start;
    if (start.plan.snapshot && !signal.aborted) {
      const seen = yield* this.#readSnapshot(start, signal);
      if (position !== null) position = { ...position, seen };
    }
    if (start.plan.stream && position !== null && !signal.aborted) yield* this.#readStream(start, position, signal);
    this.#phase = 'stopped';
  }

  /** Null when the signal cut it short. */
  async #prepare(stored: Position | null, signal: AbortSignal): Promise<Start | null> {
    try {
      return await prepareStart({
        config: this.#config,
        session: this.#session,
        stored,
        temporarySlot: this.#deps.temporarySlot ?? false,
        logger: this.#deps.logger,
        signal,
      });
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  ack(offset: SourceOffset): void {
    const { endLsn } = parseOffset(offset);
    if (endLsn !== null) this.#stream?.ack(endLsn);
  }

  mapping(table: Table): TableMapping {
    return this.#session.mapping(table);
  }

  status(): SourceStatus {
    return { phase: this.#phase, snapshot: this.#snapshot };
  }

  async close(): Promise<void> {
    this.#phase = 'stopped';
    await this.#heartbeat.close();
    await this.#stream?.close();
    if (this.#replication !== null) await disconnect(this.#replication);
    await this.#session.close();
    if (this.#config['slot.drop.on.stop'] && this.#ownsSlot && this.#isStopped) await this.#dropSlot();
  }

  async *#readSnapshot(start: Start, signal: AbortSignal): AsyncGenerator<Batch, SeenTransactions | null> {
    this.#phase = 'snapshot';
    return yield* readSnapshot({
      config: this.#config,
      session: this.#session,
      start,
      clock: this.#clock,
      logger: this.#deps.logger,
      onProgress: (progress) => {
        this.#snapshot = progress;
      },
      signal,
    });
  }

  async *#readStream(start: Start, from: StreamPosition, signal: AbortSignal): AsyncGenerator<Batch> {
    const stream = await startStream({ config: this.#config, start, from, session: this.#session });
    this.#stream = stream;
    this.#replication = null;
    this.#ownsSlot = true;
    this.#phase = 'streaming';
    const { 'slot.name': slot, 'publication.name': publication } = this.#config;
    this.#deps.logger.info({ slot, publication, lsn: formatLsn(from.endLsn) }, 'streaming');
    this.#heartbeat.start(() => stream.beat());
    const onAbort = (): void => stream.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) stream.stop();
    for (;;) {
      const batch = await stream.next();
      if (batch === null) return;
      const isLearned = await unlessAborted(this.#session.learn(batch.newTables), signal);
      if (!isLearned) return;
      yield toBatch(batch, start.server);
    }
  }

  /** The server frees a slot some time after its reader has said goodbye. */
  async #dropSlot(): Promise<void> {
    const name = this.#config['slot.name'];
    for (let attempt = 0; ; attempt++) {
      try {
        await withConnection(this.#config, 'drop the slot', (client) => dropSlot(client, name), DROP_WITHIN_MS);
        return;
      } catch (error) {
        const code = error instanceof TailraceError ? error.code : null;
        if (code === 'source.slot_missing') return;
        if (code !== 'source.slot_in_use' || attempt === 20) throw error;
        await sleep(100);
      }
    }
  }
}

/** Whether `work` was done; false as soon as the signal aborts, whatever becomes of it then. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  let onAbort = (): void => {};
  const aborted = new Promise<false>((resolve) => {
    onAbort = () => resolve(false);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work.then(() => true), aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function toBatch(batch: StreamBatch, server: Server): Batch {
  const { changes, position, bytes } = batch;
  const last = changes.at(-1);
  const { systemId, timeline } = server;
  const offset = formatStreamOffset({
    ...position,
    last: last === undefined ? null : describe(last, position.skip === null),
    server: { systemId, timeline },
  });
  return { changes, offset, bytes };
}

function describe(change: Change<PgTx>, isComplete: boolean): LastChange {
  const { tx, at } = change;
  return {
    lsn: at,
    xid: tx.xid,
    commitTimeMicros: tx.commitTimeMicros,
    messageType: isComplete ? 'COMMIT' : messageType(change),
  };
}

function messageType(change: Change<PgTx>): string {
  switch (change.kind) {
    case 'row':
      return MESSAGE_TYPES[change.op];
    case 'truncate':
    case 'message':
    case 'begin':
    case 'commit':
      return change.kind.toUpperCase();
    case 'schema':
      throw new Error('Postgres logs no DDL');
    default:
      throw new Error(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
}
