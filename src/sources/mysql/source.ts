import { UnreadableChangeError } from '../../../decoders/binlog/unreadable-change-error.ts';
import type { Table } from '../../../decoders/change.ts';
import { type MysqlConfig, serverFamily } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset, SourcePartition } from '../../model/log.ts';
import type {
  Batch,
  SnapshotProgress,
  Source,
  SourceStatus,
  StateReader,
  StateRecord,
  TableMapping,
} from '../../model/plugin.ts';
import type { Logger } from '../../observe/logger.ts';
import { readVersion } from '../../observe/version.ts';
import type { Heartbeat } from '../../session/heartbeat.ts';
import type { BinlogStream, StreamBatch } from './binlog-stream.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createMapping } from './mapping.ts';
import type { MysqlTable } from './mysql-table.ts';
import { formatOffset } from './offset.ts';
import { createSession, type Session } from './session.ts';
import type { SnapshotPoint } from './snapshot-point.ts';
import { readSnapshot } from './snapshot-run.ts';
import { MysqlSourceBlock } from './source-block.ts';
import { prepareStart, type Start } from './start.ts';
import { type StreamStart, streamStart } from './start-check.ts';
import { startStream } from './start-stream.ts';
import { collectionId } from './table-filter.ts';

export interface MysqlSourceDeps {
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
  /** What earlier runs have left: the schema history, prepared transactions. */
  readonly state: StateReader;
  /** Milliseconds since 1970 UTC; the system's clock if not given. */
  readonly clock?: () => number;
}

export function createMysqlSource(config: MysqlConfig, deps: MysqlSourceDeps): Source {
  return new MysqlSource(config, deps);
}

/** What the stream behind a snapshot goes on with. */
interface SnapshotEnd extends Pick<Start, 'prepared'> {
  readonly point: SnapshotPoint;
}

/** Reads one server: a snapshot if it is due, then its binlog. */
class MysqlSource implements Source {
  readonly partition: SourcePartition;
  readonly sourceBlock: MysqlSourceBlock;
  readonly #config: MysqlConfig;
  readonly #deps: MysqlSourceDeps;
  readonly #clock: () => number;
  readonly #session: Session;
  readonly #heartbeat: Heartbeat;
  readonly #unmapped = new Set<string>();
  #stream: BinlogStream | null = null;
  #phase: SourceStatus['phase'] = 'starting';
  #snapshot: SnapshotProgress | null = null;

  constructor(config: MysqlConfig, deps: MysqlSourceDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#clock = deps.clock ?? Date.now;
    this.partition = { server: config['topic.prefix'] };
    this.sourceBlock = new MysqlSourceBlock({
      version: readVersion(),
      family: serverFamily(config),
      name: config['topic.prefix'],
    });
    this.#session = createSession({ config, queryTimeoutMs: config['database.query.timeout.ms'] });
    this.#heartbeat = createHeartbeat(config, deps.logger);
  }

  async *read(from: SourceOffset | null, signal: AbortSignal): AsyncGenerator<Batch> {
    const start = await this.#prepare(from, signal);
    if (start === null) return;
    for await (const batch of this.#readAll(start, from, signal)) yield start.preparedState.stamp(batch);
  }

  async *#readAll(initial: Start, from: SourceOffset | null, signal: AbortSignal): AsyncGenerator<Batch> {
    let start = initial;
    const { plan } = start;
    let position = plan.from;
    let isSnapshotDue = plan.snapshot !== 'none';
    for (;;) {
      if (isSnapshotDue && !signal.aborted) {
        const snapshot: SnapshotEnd | null = yield* this.#readSnapshot(start, from, signal);
        if (snapshot === null) break;
        start = { ...start, prepared: snapshot.prepared };
        position ??= fromPoint(snapshot.point, start);
      }
      if (!plan.stream || position === null || signal.aborted) break;
      const lost = yield* this.#readStream(start, position, signal);
      if (lost === null) break;
      // Only the server knows what MariaDB's binlog, or the file of a position, no longer holds.
      this.#deps.logger.warn({ code: lost.code }, `${lost.message}; reading the tables again`);
      position = null;
      isSnapshotDue = true;
    }
    this.#phase = 'stopped';
  }

  /** The server keeps its binlog by time, whoever has read it. */
  ack(): void {}

  mapping(table: Table): TableMapping {
    // Every table of this source's changes is one that it made.
    const ours = table as MysqlTable;
    return createMapping(ours, this.#config, ({ name: column, typeName: type }) => {
      const id = `${collectionId(ours)}.${column}`;
      if (this.#unmapped.has(id)) return;
      this.#unmapped.add(id);
      this.#deps.logger.warn(
        { table: collectionId(ours), column, type },
        'a column is left out: its type has no mapping',
      );
    });
  }

  status(): SourceStatus {
    return { phase: this.#phase, snapshot: this.#snapshot };
  }

  async close(): Promise<void> {
    this.#phase = 'stopped';
    await this.#heartbeat.close();
    await this.#stream?.close();
    await this.#session.close();
  }

  /** Null when the signal cut it short. */
  async #prepare(from: SourceOffset | null, signal: AbortSignal): Promise<Start | null> {
    const onAbort = (): void => void this.#session.close();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return null;
    const { state, logger } = this.#deps;
    try {
      return await prepareStart({ config: this.#config, session: this.#session, state, from, logger, signal });
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  async *#readSnapshot(
    start: Start,
    from: SourceOffset | null,
    signal: AbortSignal,
  ): AsyncGenerator<Batch, SnapshotEnd | null> {
    this.#phase = 'snapshot';
    const { model, plan, server, preparedState } = start;
    // The stream then goes on where it was, and with what was prepared there.
    const isRecovery = plan.snapshot === 'schema' && plan.from !== null;
    let { prepared } = start;
    const onPrepared = (found: Start['prepared']): readonly StateRecord[] => {
      prepared = found;
      const forgotten = preparedState.forget();
      return [...forgotten, ...[...found].flatMap(([xid, one]) => preparedState.record({ xid, parts: one.parts() }))];
    };
    const type = this.#config['snapshot.mode'].toUpperCase();
    const point = yield* readSnapshot({
      config: this.#config,
      model,
      withRows: plan.snapshot !== 'schema',
      ...(isRecovery ? {} : { onPrepared }),
      offsetAt: ({ file, position, gtids }, readTimeMicros, completed) => {
        // Until the history is whole, the next start recovers it again.
        if (isRecovery) return from!;
        return formatOffset({
          file,
          position,
          gtids: gtids ?? (server.hasGtids ? '' : null),
          skip: null,
          timestampSeconds: Math.floor(readTimeMicros / 1_000_000),
          serverId: null,
          serverUuid: server.uuid,
          snapshot: { type, completed },
        });
      },
      clock: this.#clock,
      logger: this.#deps.logger,
      onProgress: (progress) => {
        this.#snapshot = progress;
      },
      signal,
    });
    return point === null ? null : { point, prepared };
  }

  /** Returns the loss of its position, or of what comes next, where the mode says that a snapshot mends it. */
  async *#readStream(
    start: Start,
    from: StreamStart,
    signal: AbortSignal,
  ): AsyncGenerator<Batch, TailraceError | null> {
    const { logger } = this.#deps;
    const config = this.#config;
    const stream = startStream({ config, session: this.#session, start, from, clock: this.#clock, logger });
    this.#stream = stream;
    this.#phase = 'streaming';
    logger.info({ ...from.dump }, 'streaming');
    this.#heartbeat.start(() => stream.beat());
    const onAbort = (): void => stream.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) stream.stop();
    let timestampSeconds = start.stored?.timestampSeconds ?? null;
    let isFirst = true;
    try {
      for (let batch = await stream.next(); batch !== null; batch = await stream.next()) {
        isFirst = false;
        const last = batch.changes.at(-1);
        if (last !== undefined) timestampSeconds = Math.floor(last.tx.commitTimeMicros / 1_000_000);
        yield toBatch(batch, timestampSeconds, start);
      }
      return null;
    } catch (error) {
      if (!(error instanceof TailraceError) || !isFirst || config['snapshot.mode'] !== 'when_needed') throw error;
      const isMendable = error.code === 'source.position_lost' || error.cause instanceof UnreadableChangeError;
      if (!isMendable) throw error;
      await stream.close();
      return error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

function fromPoint({ file, position, gtids }: SnapshotPoint, start: Start): StreamStart {
  const known = gtids ?? (start.server.hasGtids ? '' : null);
  return streamStart({ file, position, gtids: known, skip: null, fileBegan: null }, start);
}

function toBatch(batch: StreamBatch, timestampSeconds: number | null, { server, stored }: Start): Batch {
  const { changes, state, bytes, position, serverId } = batch;
  // Before the first event the file is the stored one, which may be another server's.
  const isStored = serverId === 0 && position.file === stored?.file && position.position === stored.position;
  const serverUuid = isStored ? stored.serverUuid : server.uuid;
  const offset = formatOffset({ ...position, timestampSeconds, serverId, serverUuid });
  return { changes, offset, bytes, ...(state.length === 0 ? {} : { state }) };
}
