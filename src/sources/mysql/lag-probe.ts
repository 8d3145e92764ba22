import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type BinlogPosition, compareBinlogPositions } from '../../../decoders/binlog/binlog-position.ts';
import { type MysqlConfig, serverFamily } from '../../config/mysql.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { BinlogLag, BinlogLagReport } from '../../model/status.ts';
import { LagClock } from '../../observe/lag-clock.ts';
import { TimelyAnswer } from '../../observe/timely-answer.ts';
import { measureGap } from './binlog-gap.ts';
import { type ConnectionConfig, withConnection } from './connection.ts';
import { type Position, parseOffset } from './offset.ts';
import { readRetentionMs } from './server-retention.ts';
import { readServerState } from './server-state.ts';

export type LagConfig = ConnectionConfig &
  Pick<
    MysqlConfig,
    | 'name'
    | 'connector.class'
    | 'tailrace.lag.unconfirmed.bytes.max'
    | 'tailrace.lag.ms.max'
    | 'tailrace.lag.retention.left.ms.min'
  >;

export interface LagProbeOptions {
  readonly config: LagConfig;
  /** The offset that is durable. */
  readonly durable: () => Promise<SourceOffset | null>;
  /** Milliseconds, from any beginning. */
  readonly clock: () => number;
}

/** A query that has no answer by now will have none: the next one is asked over a new connection. */
const GIVE_UP_AFTER_MS = 15_000;

/** Asks a server how far its binlog has come beyond what a connector has delivered, and how long it is kept. */
export class BinlogLagProbe {
  readonly #options: LagProbeOptions;
  readonly #positions = new LagClock<BinlogPosition>((at, other) => (compareBinlogPositions(at, other) ?? 0) > 0);
  readonly #writes = new LastWrites();
  readonly #report = new TimelyAnswer(
    () => this.#read(),
    (reason) => this.#unknown(reason),
  );

  constructor(options: LagProbeOptions) {
    this.#options = options;
  }

  /** Does not reject, and waits for a few seconds at most. */
  read(): Promise<BinlogLagReport> {
    return this.#report.get();
  }

  async #read(): Promise<BinlogLagReport> {
    const { config, durable } = this.#options;
    try {
      const offset = await durable();
      const stored = offset === null ? null : parseOffset(offset);
      const binlog = await withConnection(
        config,
        'read how far the binlog has come',
        (client) => this.#measure(client, stored),
        GIVE_UP_AFTER_MS,
      );
      return { ...this.#unknown(null), binlog, lagMs: this.#lagMs(binlog) };
    } catch (error) {
      return this.#unknown(error instanceof Error ? error.message : String(error));
    }
  }

  async #measure(client: Connection, stored: Position | null): Promise<BinlogLag> {
    const family = serverFamily(this.#options.config);
    const server = await readServerState(client, family);
    const retentionMs = await readRetentionMs(client);
    const [rows] = await client.query<RowDataPacket[]>('SELECT UNIX_TIMESTAMP() AS now');
    const nowSeconds = Number(rows[0]!.now);
    const head = server.files.at(-1)!;
    this.#writes.saw(head.name, nowSeconds);
    const now = { serverFile: head.name, serverPosition: head.bytes, retentionMs };
    if (stored === null) return { ...NOTHING_DELIVERED, ...now };
    const { bytes, missingGtids, missingTransactions, purged } = await measureGap(client, stored, { server, family });
    const isCurrent = stored.file === head.name && bytes !== null;
    const writtenSeconds = isCurrent
      ? nowSeconds
      : bytes === null
        ? null
        : this.#writes.lastOf(stored.file, stored.timestampSeconds);
    return {
      ...now,
      file: stored.file,
      position: stored.position,
      // A dump by GTIDs begins before the stored position, and counts from there until the server sends more.
      unconfirmedBytes: missingTransactions === 0 ? 0 : bytes,
      missingGtids,
      missingTransactions,
      purged,
      retentionLeftMs: purged ? 0 : leftMs(retentionMs, writtenSeconds, nowSeconds),
    };
  }

  #unknown(error: string | null): BinlogLagReport {
    const { config } = this.#options;
    return {
      kind: 'binlog',
      connector: config.name,
      binlog: null,
      lagMs: null,
      thresholds: {
        unconfirmedBytes: config['tailrace.lag.unconfirmed.bytes.max'],
        lagMs: config['tailrace.lag.ms.max'],
        retentionLeftMs: config['tailrace.lag.retention.left.ms.min'],
      },
      error,
    };
  }

  #lagMs({ file, position, unconfirmedBytes, serverFile, serverPosition }: BinlogLag): number | null {
    if (file === null || position === null || unconfirmedBytes === null) return null;
    const server = { file: serverFile, position: serverPosition };
    const delivered = unconfirmedBytes === 0 ? server : { file, position };
    return this.#positions.lagMs(server, delivered, this.#options.clock());
  }
}

const NOTHING_DELIVERED = {
  file: null,
  position: null,
  unconfirmedBytes: null,
  missingGtids: null,
  missingTransactions: null,
  retentionLeftMs: null,
  purged: false,
} as const;

function leftMs(retentionMs: number | null, writtenSeconds: number | null, nowSeconds: number): number | null {
  if (retentionMs === null || writtenSeconds === null) return null;
  return Math.max(0, retentionMs - (nowSeconds - writtenSeconds) * 1000);
}

/** When files were last known to be written: a server does not tell when it went on to the next. Seconds of its clock. */
class LastWrites {
  readonly #seconds = new Map<string, number>();

  /** It was the file that is written. */
  saw(file: string, nowSeconds: number): void {
    this.#seconds.set(file, nowSeconds);
  }

  /** Not later than it really was; `deliveredSeconds`: of a change in this file or before it. */
  lastOf(file: string, deliveredSeconds: number | null): number | null {
    const seen = this.#seconds.get(file);
    // The files before are not asked for again.
    for (const name of this.#seconds.keys()) {
      if (name === file || seen === undefined) break;
      this.#seconds.delete(name);
    }
    if (seen === undefined) return deliveredSeconds;
    return Math.max(seen, deliveredSeconds ?? 0);
  }
}
