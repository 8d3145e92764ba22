import { TailraceError } from '../model/errors.ts';
import type { Issue, RawConfig } from './config-def.ts';
import {
  type ConfigFile,
  formatIssue,
  type LocatedIssue,
  locate,
  readConfigFile,
  resolvePlaceholders,
} from './config-file.ts';
import type { Environment } from './config-providers.ts';
import { type ConnectorConfig, parseConnectorConfig, secretsOfConnector } from './connector.ts';
import { isKafkaConnectorKey } from './kafka-connector.ts';
import { type KafkaLogConfig, parseKafkaLog } from './kafka-log.ts';
import { inheritFromWorker, type KafkaWorker, providersOf } from './worker-file.ts';

export { type ConfigFile, formatIssue, type LocatedIssue, readConfigFile };

/** A connector that can be run. */
export interface LoadedConnector {
  readonly path: string;
  readonly config: ConnectorConfig;
  /** How it writes to Kafka; null: to the embedded log. */
  readonly kafka: KafkaLogConfig | null;
  /** The whole configuration with placeholders resolved. */
  readonly raw: RawConfig;
  readonly warnings: readonly LocatedIssue[];
  /** Values that must never be shown. */
  readonly secrets: readonly string[];
}

/** What was found in a file. */
export interface ConfigCheck {
  readonly path: string;
  /** Null when there are errors. */
  readonly connector: LoadedConnector | null;
  readonly warnings: readonly LocatedIssue[];
  readonly errors: readonly LocatedIssue[];
  readonly secrets: readonly string[];
}

/**
 * Reads a file and judges every key; with a worker, those of Kafka, too. Throws `config.unreadable` for a file that is not
 * there or not JSON or properties.
 */
export function checkConfigFile(path: string, env: Environment, worker: KafkaWorker | null = null): ConfigCheck {
  const file = readConfigFile(path);
  const resolved = resolvePlaceholders(file.raw, env, providersOf(worker));
  const merged = inheritFromWorker({ ...file, raw: resolved.raw }, worker);
  // A key whose placeholder failed would be judged by the placeholder's text.
  const failed = new Set(resolved.errors.map((issue) => issue.key));
  const located = (issue: Issue): LocatedIssue => ({ ...issue, ...merged.placeOf(issue.key) });
  const pick = (isWanted: (key: string) => boolean): RawConfig =>
    Object.fromEntries(Object.entries(merged.raw).filter(([key]) => isWanted(key)));
  const ofConnector = worker === null ? merged.raw : pick((key) => !isKafkaConnectorKey(key) && !isEmbeddedLogKey(key));
  const parsed = parseConnectorConfig(ofConnector);
  const kafka =
    worker === null ? null : parseKafkaLog(nameOf(merged.raw), { ...merged, raw: pick(isKafkaConnectorKey) }, worker);
  const errors = [
    ...resolved.errors.map((issue) => locate(file, issue)),
    ...[...parsed.errors.map(located), ...(kafka?.errors ?? [])].filter((issue) => !failed.has(issue.key)),
  ];
  const warnings = [
    ...merged.warnings,
    ...parsed.warnings.map(located),
    ...(worker === null ? [] : embeddedLogWarnings(merged.raw).map(located)),
    ...(kafka?.warnings ?? []),
  ];
  const sound = Object.fromEntries(Object.entries(merged.raw).filter(([key]) => !failed.has(key)));
  const secrets = [...secretsOfConnector(sound), ...(kafka?.secrets ?? [])];
  const connector =
    errors.length > 0 || parsed.config === null
      ? null
      : { path, config: parsed.config, kafka: kafka?.config ?? null, raw: merged.raw, warnings, secrets };
  return { path, connector, warnings, errors, secrets };
}

/** Reads a connector's configuration, or throws `config.unreadable` or `config.invalid` with a line for every problem. */
export function loadConnector(path: string, env: Environment, worker: KafkaWorker | null = null): LoadedConnector {
  const check = checkConfigFile(path, env, worker);
  if (check.connector !== null) return check.connector;
  throw new TailraceError('config.invalid', check.errors.map(formatIssue).join('\n'));
}

function nameOf(raw: RawConfig): string {
  return (raw.name ?? 'tailrace').trim();
}

function isEmbeddedLogKey(key: string): boolean {
  return key.startsWith('tailrace.log.');
}

function embeddedLogWarnings(raw: RawConfig): readonly Issue[] {
  const message = 'is ignored: records go to Kafka, and it concerns the embedded log';
  return Object.keys(raw).flatMap((key) => (isEmbeddedLogKey(key) ? [{ key, message }] : []));
}
