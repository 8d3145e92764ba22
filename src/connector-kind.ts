import { type ConnectorConfig, isPostgresConfig } from './config/connector.ts';
import { type MysqlConfig, serverFamily } from './config/mysql.ts';
import type { PostgresConfig } from './config/postgres.ts';
import type { TailraceError } from './model/errors.ts';
import type { SourceOffset } from './model/log.ts';
import type { Source, StateReader } from './model/plugin.ts';
import type { PreflightReport } from './model/preflight.ts';
import type { LagReport } from './model/status.ts';
import type { Logger } from './observe/logger.ts';

export interface SourceParts {
  readonly logger: Logger;
  /** What earlier runs left as `Batch.state`. */
  readonly state: StateReader;
  /** Leaves nothing behind on the server: what it keeps for this reader goes with the connection. */
  readonly temporary?: boolean;
}

export interface LagReader {
  /** Does not reject, and waits for a few seconds at most. */
  read(): Promise<LagReport>;
}

/** What differs between the connectors of different databases, for the worker and the commands. */
export interface ConnectorKind {
  /** Debezium's name of the connector, as headers and schemas have it. */
  readonly connectorType: 'postgresql' | 'mysql' | 'mariadb';
  /** Debezium's label `plugin` of its metrics. */
  readonly metricsPlugin: 'postgres' | 'mysql' | 'mariadb';
  createSource(parts: SourceParts): Source;
  /** `durable`: where the log stands. */
  createLagReader(durable: () => Promise<SourceOffset | null>): LagReader;
  preflight(stored: SourceOffset | null): Promise<PreflightReport>;
  /** Milliseconds to wait before another first start, or null to give up. */
  retryStart(error: TailraceError, attempt: number): number | null;
}

/** Loads what reads the database of a connector, and nothing of the other kinds. */
export function loadConnectorKind(config: ConnectorConfig): Promise<ConnectorKind> {
  return isPostgresConfig(config) ? loadPostgres(config) : loadMysql(config);
}

async function loadPostgres(config: PostgresConfig): Promise<ConnectorKind> {
  const [{ createPostgresSource }, { LagProbe }] = await Promise.all([
    import('./sources/postgres/source.ts'),
    import('./sources/postgres/lag-probe.ts'),
  ]);
  return {
    connectorType: 'postgresql',
    metricsPlugin: 'postgres',
    createSource: ({ logger, temporary = false }) => createPostgresSource(config, { logger, temporarySlot: temporary }),
    createLagReader: () => new LagProbe(config, elapsedMs),
    async preflight(stored) {
      const { preflight } = await import('./sources/postgres/preflight.ts');
      return preflight(config, stored);
    },
    retryStart: (error, attempt) =>
      error.code === 'source.slot_in_use' && attempt <= config['slot.max.retries']
        ? config['slot.retry.delay.ms']
        : null,
  };
}

async function loadMysql(config: MysqlConfig): Promise<ConnectorKind> {
  const [{ createMysqlSource }, { BinlogLagProbe }] = await Promise.all([
    import('./sources/mysql/source.ts'),
    import('./sources/mysql/lag-probe.ts'),
  ]);
  const family = serverFamily(config);
  return {
    connectorType: family,
    metricsPlugin: family,
    createSource: ({ logger, state }) => createMysqlSource(config, { logger, state }),
    createLagReader: (durable) => new BinlogLagProbe({ config, durable, clock: elapsedMs }),
    async preflight(stored) {
      const { preflight } = await import('./sources/mysql/preflight.ts');
      return preflight(config, stored);
    },
    retryStart: () => null,
  };
}

/** What a lag in time is measured by: it is not set back. */
function elapsedMs(): number {
  return Math.floor(performance.now());
}
