import type { ZongJiOptions } from '@vlasky/zongji';
import type { Connection } from 'mysql2/promise';
import {
  type BinlogPosition,
  compareBinlogPositions,
  formatBinlogPosition,
} from '../../../decoders/binlog/binlog-position.ts';
import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import { type ConnectionConfig, connect, disconnect, errorContext, type RawInternals } from './connection.ts';
import { DumpCommand } from './dump-command.ts';
import { FarPosition, FIRST_POSITION, LAST_POSITION } from './far-position.ts';
import { mysqlError } from './mysql-error.ts';
import { claimServerId, replicaUuid, WAIT_FOR_PREDECESSOR_S } from './server-id.ts';
import { queryStatus } from './snapshot-point.ts';
import { Watchdog } from './watchdog.ts';

export type DumpConfig = ConnectionConfig & Pick<MysqlConfig, 'database.server.id' | 'topic.prefix'>;

/** Where a dump begins. */
export type DumpStart =
  /** At an event, or at the end of the file. */
  | { readonly file: string; readonly position: number }
  /** With the transactions that are not in a GTID set (MySQL) or behind a GTID list (MariaDB); empty: with the oldest. */
  | { readonly gtids: string };

export interface DumpOptions {
  readonly config: DumpConfig;
  readonly family: ServerFamily;
  readonly from: DumpStart;
  /** MariaDB: whether the statements of changes are sent along, as annotate-rows events. */
  readonly annotateRows?: boolean;
  readonly heartbeatMs?: number;
  /** How far the events that were handed over go. A server whose binlog ends before that has begun another one. */
  readonly place?: () => BinlogPosition;
  /** The event `bytes[start, end)`, whole; the bytes are valid during the call alone. What it throws ends the dump. */
  readonly onPacket: (bytes: Buffer, start: number, end: number) => void;
  /** The dump has ended, and all of it is being closed: a TailraceError, or what `onPacket` threw. Once, if at all. */
  readonly onError: (error: Error) => void;
}

export interface BinlogDump {
  /** No more is read or handed over; the server waits. */
  pause(): void;
  /** May call `onPacket` before it returns. */
  resume(): void;
  /** Resolves when no connection is left, neither here nor, if it can be reached, on the server. Does not reject. */
  close(): Promise<void>;
}

/** Of an event's header, behind its time. */
const EVENT_TYPE_OFFSET = 4;
/** Often enough to notice a dead server within half a minute; it costs an idle server 60 bytes each time. */
const HEARTBEAT_MS = 10_000;
/** How long the server waits for a paused reader to go on before it ends the dump: a day. */
const PATIENCE_S = 86_400;
/** Longest wait for an answer in the second session; the server is asked for little, but for its id also while it waits. */
const ANSWER_WITHIN_MS = 30_000;
/** Heartbeats without an event between them after which the server is asked whether its binlog is still the one that is read. */
const ASK_EVERY = 6;
/** Heartbeats after which the server takes a reader that has fallen silent for dead, and gives its server id away. */
const GIVE_UP_AFTER = 6;

/**
 * Asks the server for its binlog and hands the events over as they come. It has a second session, that holds the claim of
 * the server id and ends the dump; what ends either of the two ends both. `database.server.id` must be nobody else's:
 * {@link claimServerId}. A server that is stopped, or has been silent for three heartbeats, is `source.connection_lost`.
 */
export function openDump(options: DumpOptions): BinlogDump {
  return new Dump(options);
}

function resetError(read: BinlogPosition, end: BinlogPosition): TailraceError {
  const [has, ends] = [read, end].map(formatBinlogPosition);
  return new TailraceError('source.connection_lost', `the server's binlog ends at ${ends}, and was read up to ${has}`, {
    remedy: 'It was reset. What is lost by that is told at the next attempt.',
  });
}

class Dump implements BinlogDump {
  readonly #options: DumpOptions;
  readonly #heartbeatMs: number;
  readonly #opening = new AbortController();
  readonly #questions = new AbortController();
  readonly #watchdog: Watchdog;
  readonly #far: FarPosition | null;
  #control: Connection | null = null;
  #command: DumpCommand | null = null;
  #interval: NodeJS.Timeout | null = null;
  #isPaused = false;
  #hasEvents = false;
  #quietBeats = 0;
  #asking = false;
  #closed: Promise<void> | null = null;

  constructor(options: DumpOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
    const { from } = options;
    this.#far = 'file' in from && from.position > LAST_POSITION ? new FarPosition(from.position) : null;
    this.#watchdog = new Watchdog({
      heartbeatMs: this.#heartbeatMs,
      received: () => (this.#isPaused ? null : (this.#command?.connection?.stream.bytesRead ?? null)),
      onSilence: (silentMs) => this.#fail(new Error(`Connection lost: the server has been silent for ${silentMs} ms`)),
    });
    void this.#open();
  }

  pause(): void {
    this.#isPaused = true;
    this.#command?.connection?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#command?.connection?.resume();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #open(): Promise<void> {
    const { config } = this.#options;
    try {
      const control = await connect(config, ANSWER_WITHIN_MS, this.#opening.signal);
      if (this.#closed !== null) return await disconnect(control);
      this.#control = control;
      const patienceMs = this.#heartbeatMs * GIVE_UP_AFTER;
      await control.query(`SET SESSION wait_timeout = ${Math.ceil(patienceMs / 1000)}`);
      await claimServerId(control, config['database.server.id'], WAIT_FOR_PREDECESSOR_S);
      if (this.#closed === null) this.#start(control);
    } catch (error) {
      this.#fail(error);
    }
  }

  #start(control: Connection): void {
    this.#command = new DumpCommand(control, this.#zongjiOptions(), {
      onReady: (connection) => this.#prepare(connection),
      onEvent: (bytes, start, end) => this.#event(bytes, start, end),
      onError: (error) => this.#fail(error),
    });
    this.#interval = setInterval(() => this.#beat(), this.#heartbeatMs);
  }

  #zongjiOptions(): ZongJiOptions {
    const { config, from, annotateRows = false } = this.#options;
    const serverId = config['database.server.id'];
    if ('gtids' in from) return { serverId, gtidSet: from.gtids, requestAnnotateRows: annotateRows };
    const { file: filename, position } = from;
    if (this.#far === null) return { serverId, filename, position, requestAnnotateRows: annotateRows };
    // Every event counts.
    return { serverId, filename, position: FIRST_POSITION, requestAnnotateRows: true };
  }

  #prepare(connection: RawInternals): void {
    const { config, family } = this.#options;
    const uuid = replicaUuid(config['topic.prefix'], config['database.server.id']);
    const nanoseconds = BigInt(this.#heartbeatMs) * 1_000_000n;
    // Each under the names before and after MySQL 8.0.26. A server that writes checksums refuses who does not announce them,
    // also when it began to write them after ZongJi looked.
    const variables: Record<string, string> = {
      master_heartbeat_period: `${nanoseconds}`,
      source_heartbeat_period: `${nanoseconds}`,
      master_binlog_checksum: "'CRC32'",
      source_binlog_checksum: "'CRC32'",
      slave_uuid: `'${uuid}'`,
      replica_uuid: `'${uuid}'`,
    };
    // Otherwise a GTID that this server does not have would begin at the next higher number.
    if (family === 'mariadb') variables.slave_gtid_strict_mode = '1';
    const settings = Object.entries(variables).map(([name, value]) => `@${name} = ${value}`);
    connection.query(`SET ${settings.join(', ')}, SESSION net_write_timeout = ${PATIENCE_S}`, (error: Error | null) => {
      if (error !== null) this.#fail(error);
    });
    if (this.#isPaused) connection.pause();
  }

  #event(bytes: Buffer, start: number, end: number): void {
    if (this.#closed !== null) return;
    try {
      if (this.#far?.passesOver(bytes, start) === true) return;
      // Says how the file is encrypted; what follows was decrypted for us.
      if (bytes[start + EVENT_TYPE_OFFSET] === EVENT_TYPE.mariadbStartEncryption) return;
      this.#options.onPacket(bytes, start, end);
      const type = bytes[start + EVENT_TYPE_OFFSET];
      if (type === EVENT_TYPE.heartbeat || type === EVENT_TYPE.heartbeatV2) return;
      // The first of them tells the file.
      this.#hasEvents = true;
      this.#quietBeats = 0;
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #beat(): void {
    this.#watchdog.beat();
    // Keeps the session, and with it the claim, and notices when it is gone.
    this.#control?.query('DO 1').catch((error: unknown) => this.#fail(error));
    this.#quietBeats = this.#hasEvents ? this.#quietBeats + 1 : 0;
    if (this.#quietBeats > 0 && this.#quietBeats % ASK_EVERY === 0) void this.#askForReset();
  }

  /**
   * A dump does not tell that the binlog was reset: it waits in a file that is gone, heartbeats and all. Asked in a session of
   * its own: the answer waits for whoever writes to the binlog, a big transaction perhaps.
   */
  async #askForReset(): Promise<void> {
    const read = this.#options.place?.();
    if (read === undefined || this.#asking) return;
    this.#asking = true;
    try {
      const end = await this.#readEnd();
      const ahead = end === null ? null : compareBinlogPositions(read, end);
      // One that has passed the place that was read ends the dump by itself.
      if (ahead !== null && ahead > 0) this.#fail(resetError(read, end!));
    } catch {
      // It is asked again; a server that is gone is noticed otherwise.
    } finally {
      this.#asking = false;
    }
  }

  async #readEnd(): Promise<BinlogPosition | null> {
    const { config, family } = this.#options;
    const session = await connect(config, ANSWER_WITHIN_MS, this.#questions.signal);
    try {
      const [[status]] = await queryStatus(session, family);
      return status === undefined ? null : { file: String(status.File), position: Number(status.Position) };
    } finally {
      await disconnect(session);
    }
  }

  #fail(error: unknown): void {
    if (this.#closed !== null) return;
    const { config, from } = this.#options;
    const where = 'file' in from ? `from ${from.file}:${from.position}` : 'by GTID';
    this.#end(mysqlError(error, errorContext(config, `read the binlog ${where}`)));
  }

  #end(error: Error): void {
    void this.close();
    this.#options.onError(error);
  }

  async #close(): Promise<void> {
    if (this.#interval !== null) clearInterval(this.#interval);
    const control = this.#control;
    if (control === null) this.#opening.abort();
    this.#questions.abort();
    await this.#command?.stop();
    if (control !== null) await disconnect(control);
  }
}
