import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { formatIssue } from '../config/config-file.ts';
import { type KafkaLogConfig, parseKafkaLog } from '../config/kafka-log.ts';
import { loadConnector } from '../config/load.ts';
import { type KafkaWorker, loadWorker, workerOfBrokers } from '../config/worker-file.ts';
import { TailraceError } from '../model/errors.ts';
import type { CommandIo } from './command-io.ts';

export interface LogLocation {
  readonly log?: string;
  readonly config?: string;
  readonly kafka?: string;
  readonly worker?: string;
}

export type LogPlace =
  | { readonly kind: 'embedded'; readonly path: string /** It was named, not found. */; readonly isNamed: boolean }
  | { readonly kind: 'kafka'; readonly config: KafkaLogConfig };

const SUFFIX = '.tailrace.db';

export function addLogOptions(command: Command): Command {
  return command
    .option('--log <file>', `file of the embedded log (default: the one *${SUFFIX} in this folder)`)
    .option('--config <file>', 'connector configuration that names it')
    .option('--kafka <host:port>', 'brokers of Kafka, separated by commas, in place of an embedded log')
    .option('--worker <file>', 'worker’s file that names them, with passwords and certificates');
}

/** The log that the options name, or the only one in the working directory. Throws `config.invalid` or `log.open`. */
export function locateLog(location: LogLocation, io: CommandIo): LogPlace {
  refuseTogether(location, [
    ['log', 'config'],
    ['log', 'kafka'],
    ['log', 'worker'],
    ['kafka', 'worker'],
  ]);
  const worker = workerOf(location, io);
  if (worker !== null) return { kind: 'kafka', config: kafkaOf(worker, location.config, io) };
  if (location.log !== undefined) return { kind: 'embedded', path: location.log, isNamed: true };
  if (location.config !== undefined) {
    const { config, secrets } = loadConnector(location.config, io.env);
    io.scrubber.add(secrets);
    return { kind: 'embedded', path: config['tailrace.log.path'], isNamed: true };
  }
  const found = readdirSync('.').filter((name) => name.endsWith(SUFFIX));
  if (found.length === 1) return { kind: 'embedded', path: join('.', found[0]!), isNamed: false };
  throw new TailraceError(
    'log.open',
    found.length === 0
      ? `there is no *${SUFFIX} file in this folder`
      : `there are several logs in this folder: ${found.join(', ')}`,
    {
      remedy:
        'Name the log with --log <file>, or its connector with --config <file>; Kafka with --kafka <host:port> or --worker <file>.',
    },
  );
}

function refuseTogether(
  location: LogLocation,
  pairs: readonly (readonly [keyof LogLocation, keyof LogLocation])[],
): void {
  for (const [one, other] of pairs) {
    if (location[one] === undefined || location[other] === undefined) continue;
    throw new TailraceError('config.invalid', `--${one} and --${other} cannot be given together`);
  }
}

function workerOf({ kafka, worker }: LogLocation, io: CommandIo): KafkaWorker | null {
  if (worker !== undefined) return loadWorker(worker, io.env);
  return kafka === undefined ? null : workerOfBrokers(kafka, '--kafka');
}

/** How a connector writes to Kafka, or how one would of which only the worker is known. */
function kafkaOf(worker: KafkaWorker, connector: string | undefined, io: CommandIo): KafkaLogConfig {
  if (connector !== undefined) {
    const { kafka, secrets } = loadConnector(connector, io.env, worker);
    io.scrubber.add(secrets);
    return kafka!;
  }
  const { file } = worker;
  const nothing = { raw: {}, placeOf: () => ({ path: file.path, line: null }) };
  const { config, errors, secrets } = parseKafkaLog('tailrace', nothing, worker);
  io.scrubber.add(secrets);
  if (config === null) throw new TailraceError('config.invalid', errors.map(formatIssue).join('\n'));
  return config;
}
