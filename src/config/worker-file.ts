import { TailraceError } from '../model/errors.ts';
import { parseConfig, type RawConfig, type UnsupportedKey } from './config-def.ts';
import {
  type ConfigFile,
  formatIssue,
  type LocatedIssue,
  locate,
  readConfigFile,
  resolvePlaceholders,
} from './config-file.ts';
import type { Environment } from './config-providers.ts';
import { isKafkaClientKey } from './kafka-client.ts';
import { kafkaProducerDef } from './kafka-producer.ts';
import { type KafkaWorkerConfig, kafkaWorkerDef, kafkaWorkerUnsupported } from './kafka-worker.ts';

/** What a process writes to Kafka by: the file that Connect's workers are started with. */
export interface KafkaWorker {
  /** With placeholders resolved. */
  readonly file: ConfigFile;
  readonly config: KafkaWorkerConfig;
  readonly warnings: readonly LocatedIssue[];
}

/** A configuration of which each key may stand in another file. */
export interface LocatedConfig {
  readonly raw: RawConfig;
  placeOf(key: string): { readonly path: string; readonly line: number | null };
}

/** Keys that workers have and connectors have not. */
const WORKERS_OWN = ['bootstrap.servers', 'group.id', 'offset.storage.topic', 'offset.storage.file.filename'];

/** Whether a file is a worker's: it says something of a worker, and names no connector. */
export function isWorkerFile({ raw }: ConfigFile): boolean {
  if (raw.name !== undefined || raw['connector.class'] !== undefined) return false;
  return WORKERS_OWN.some((key) => raw[key] !== undefined);
}

/** Throws `config.unreadable`, or `config.invalid` with a line for every problem. */
export function loadWorker(path: string, env: Environment): KafkaWorker {
  return readWorker(readConfigFile(path), env);
}

/** A worker of which only the brokers are known; `option` stands for the file in messages. */
export function workerOfBrokers(brokers: string, option: string): KafkaWorker {
  return readWorker({ path: option, raw: { 'bootstrap.servers': brokers }, lineOf: () => null }, {});
}

/** Settings of producers at the top level of a file, where Connect would not read them either. */
const MISPLACED = Object.keys(kafkaProducerDef).map(
  (key): UnsupportedKey => ({ key, effect: 'ignored', reason: `producers take it as producer.${key}` }),
);

/** As {@link loadWorker}, of a file that was read. */
export function readWorker(file: ConfigFile, env: Environment): KafkaWorker {
  const resolved = resolvePlaceholders(file.raw, env);
  const own = Object.entries(resolved.raw).filter(
    ([key]) => !isKafkaClientKey(key) && !key.startsWith('producer.') && !isInherited(key),
  );
  const parsed = parseConfig(kafkaWorkerDef, [...kafkaWorkerUnsupported, ...MISPLACED], Object.fromEntries(own));
  const errors = [...resolved.errors, ...parsed.errors].map((issue) => locate(file, issue));
  if (parsed.config === null || errors.length > 0) {
    throw new TailraceError('config.invalid', errors.map(formatIssue).join('\n'));
  }
  return {
    file: { ...file, raw: resolved.raw },
    config: parsed.config,
    warnings: parsed.warnings.map((issue) => locate(file, issue)),
  };
}

const CONVERTERS = ['key.converter', 'value.converter', 'header.converter'] as const;

/** Keys that hold for every connector which does not say otherwise. */
function isInherited(key: string): boolean {
  return key.startsWith('tailrace.') || CONVERTERS.some((name) => key === name || key.startsWith(`${name}.`));
}

/**
 * A connector's configuration with what the worker's file says for all. As in Connect a converter is taken whole, with all of its
 * settings: those of a connector that does not name the converter itself count for nothing.
 */
export function inheritFromWorker(
  connector: ConfigFile,
  worker: KafkaWorker | null,
): LocatedConfig & { readonly warnings: readonly LocatedIssue[] } {
  const ofWorker = worker?.file.raw ?? {};
  const raw: Record<string, string> = { ...connector.raw };
  const inherited = new Set<string>();
  const warnings: LocatedIssue[] = [];
  for (const name of CONVERTERS) {
    if (ofWorker[name] === undefined || (connector.raw[name] ?? '').trim() !== '') continue;
    for (const key of Object.keys(connector.raw).filter((one) => one.startsWith(`${name}.`))) {
      delete raw[key];
      const message = `is ignored, as in Connect: ${name} is that of ${worker!.file.path}, with its settings; set ${name} here, too`;
      warnings.push(locate(connector, { key, message }));
    }
    for (const key of Object.keys(ofWorker)) if (key === name || key.startsWith(`${name}.`)) inherited.add(key);
  }
  for (const key of Object.keys(ofWorker))
    if (key.startsWith('tailrace.') && raw[key] === undefined) inherited.add(key);
  for (const key of inherited) raw[key] = ofWorker[key]!;
  const placeOf = (key: string) => {
    const file = inherited.has(key) ? worker!.file : connector;
    return { path: file.path, line: file.lineOf(key) };
  };
  return { raw, placeOf, warnings };
}

/** The config providers that a worker's file names: its connectors may use them. */
export function providersOf(worker: KafkaWorker | null): RawConfig {
  const entries = Object.entries(worker?.file.raw ?? {});
  return Object.fromEntries(entries.filter(([key]) => key.startsWith('config.providers')));
}
