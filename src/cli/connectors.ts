import { ConfigValueError } from '../config/config-def.ts';
import { type ConnectorConfig, isPostgresConfig } from '../config/connector.ts';
import { formatIssue, type LoadedConnector, loadConnector } from '../config/load.ts';
import { parseListenAddress, type TailraceConfig, tailraceDef } from '../config/worker.ts';
import type { KafkaLogSettings } from '../logs/kafka/settings.ts';
import { realLogPath } from '../logs/sqlite/log-path.ts';
import { TailraceError } from '../model/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { CommandIo } from './command-io.ts';
import { chooseWorker } from './worker-choice.ts';

export interface ConnectorOptions {
  /** Brokers, in place of the embedded log. */
  readonly kafka?: string;
  /** In place of `tailrace.http.listen`. */
  readonly http?: string;
}

/** What one process is to run. */
export interface LoadedConnectors {
  readonly configs: readonly ConnectorConfig[];
  /** How those that write to Kafka do so, by name. */
  readonly kafka: ReadonlyMap<string, KafkaLogSettings>;
}

/**
 * Loads the connectors that one process is to run, tells their warnings, and refuses those that would get in each other's way.
 * One of the files may be the worker's, which says where Kafka is.
 * Throws `config.unreadable` and `config.invalid`, the latter with a line for every problem of every file.
 */
export async function loadConnectors(
  files: readonly string[],
  options: ConnectorOptions,
  io: CommandIo,
  logger: Logger,
): Promise<LoadedConnectors> {
  const { worker, paths } = chooseWorker(files, options.kafka, io);
  const loaded: LoadedConnector[] = [];
  const problems: string[] = [];
  for (const path of paths) {
    try {
      const connector = loadConnector(path, io.env, worker);
      io.scrubber.add(connector.secrets);
      loaded.push(connector);
    } catch (error) {
      if (!(error instanceof TailraceError) || error.code !== 'config.invalid') throw error;
      problems.push(...error.message.split('\n'));
    }
  }
  problems.push(...conflicts(loaded));
  if (problems.length > 0) throw new TailraceError('config.invalid', distinct(problems).join('\n'));
  const warnings = [...(worker?.warnings ?? []), ...loaded.flatMap((connector) => connector.warnings)];
  for (const line of distinct(warnings.map(formatIssue))) logger.warn(line);
  const listen = options.http === undefined ? null : httpAddress(options.http);
  const configs = loaded.map(({ config }) =>
    listen === null ? config : { ...config, 'tailrace.http.listen': listen.address },
  );
  return { configs, kafka: await loadKafka(loaded) };
}

async function loadKafka(connectors: readonly LoadedConnector[]): Promise<LoadedConnectors['kafka']> {
  const settings = new Map<string, KafkaLogSettings>();
  for (const { config, kafka } of connectors) {
    if (kafka === null) continue;
    const { loadKafkaSettings } = await import('../logs/kafka/load-settings.ts');
    settings.set(config.name, await loadKafkaSettings(kafka));
  }
  return settings;
}

/** What the worker's file says is found again with each of its connectors. */
function distinct(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)];
}

function httpAddress(text: string): { readonly address: ConnectorConfig['tailrace.http.listen'] } {
  try {
    return { address: parseListenAddress(text) };
  } catch (error) {
    if (!(error instanceof ConfigValueError)) throw error;
    throw new TailraceError('config.invalid', `--http '${text}' ${error.message}`);
  }
}

function conflicts(connectors: readonly LoadedConnector[]): readonly string[] {
  return [...sharedIdentities(connectors), ...logDisagreements(connectors)];
}

/** What only one connector may be known by: to health and offsets, and to its server. */
const IDENTITIES: readonly ((config: ConnectorConfig) => {
  readonly key: string;
  readonly value: string;
  readonly at: string;
})[] = [
  ({ name }) => ({ key: 'name', value: name, at: '' }),
  (config) => {
    const at = `${config['database.hostname']} ${config['database.port']}`;
    return isPostgresConfig(config)
      ? { key: 'slot.name', value: config['slot.name'], at }
      : { key: 'database.server.id', value: String(config['database.server.id']), at };
  },
];

function sharedIdentities(connectors: readonly LoadedConnector[]): readonly string[] {
  const found: string[] = [];
  for (const identify of IDENTITIES) {
    const seen = new Map<string, string>();
    for (const { path, config } of connectors) {
      const { key, value, at } = identify(config);
      const identity = [key, value, at].join(' ');
      const other = seen.get(identity);
      if (other !== undefined) {
        found.push(`${path}: ${key} '${value}' is also that of ${other}; each connector needs its own`);
      }
      seen.set(identity, path);
    }
  }
  return found;
}

type LogSetting = Exclude<Extract<keyof TailraceConfig, `tailrace.log.${string}`>, 'tailrace.log.path'>;

/** What a connector says of its log: all of them but the path, which may be written in several ways. */
const LOG_SETTINGS = Object.keys(tailraceDef).filter(
  (key): key is LogSetting => key.startsWith('tailrace.log.') && key !== 'tailrace.log.path',
);

/** A log has one retention and one number of partitions, whichever of its connectors writes. */
function logDisagreements(connectors: readonly LoadedConnector[]): readonly string[] {
  const found: string[] = [];
  const firstOf = new Map<string, LoadedConnector>();
  for (const connector of connectors) {
    const { path, config, kafka } = connector;
    if (kafka !== null) continue;
    const log = realLogPath(config['tailrace.log.path']);
    const first = firstOf.get(log) ?? connector;
    firstOf.set(log, first);
    for (const key of LOG_SETTINGS) {
      if (config[key] === first.config[key]) continue;
      const values = `'${config[key]}' is not the '${first.config[key]}' of ${first.path}`;
      found.push(
        `${path}: ${key} ${values}, which writes to the same log; give both the same, or each a log of its own`,
      );
    }
  }
  return found;
}
