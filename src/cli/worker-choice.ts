import { readConfigFile } from '../config/config-file.ts';
import { isWorkerFile, type KafkaWorker, readWorker, workerOfBrokers } from '../config/worker-file.ts';
import { TailraceError } from '../model/errors.ts';
import type { CommandIo } from './command-io.ts';

export const KAFKA_OPTION = '--kafka <host:port>';
export const KAFKA_HELP = 'brokers of Kafka, separated by commas, to write to in place of the embedded log';

export interface WorkerChoice {
  /** Null: the embedded log. */
  readonly worker: KafkaWorker | null;
  /** Configurations of connectors. */
  readonly paths: readonly string[];
}

/**
 * Finds the worker's file among the files of a command line, as `connect-standalone` has it first, or takes what `--kafka` names.
 * Throws `config.unreadable` and `config.invalid`.
 */
export function chooseWorker(given: readonly string[], kafka: string | undefined, io: CommandIo): WorkerChoice {
  const files = given.map((path) => readConfigFile(path));
  const workers = files.filter(isWorkerFile);
  const [first, second] = workers;
  if (second !== undefined) {
    throw new TailraceError('config.invalid', `${second.path} is a worker’s file, and so is ${first!.path}`, {
      remedy: 'A process has one worker’s file: give one of them.',
    });
  }
  if (first !== undefined && kafka !== undefined) {
    throw new TailraceError('config.invalid', `--kafka and the worker’s file ${first.path} cannot be given together`);
  }
  const paths = files.flatMap((file) => (file === first ? [] : [file.path]));
  if (first !== undefined && paths.length === 0) {
    throw new TailraceError('config.invalid', `${first.path} is a worker’s file, and no connector is given`, {
      remedy: `Name connectors after it: tailrace run ${first.path} <connector.json>`,
    });
  }
  if (first !== undefined) return { worker: readWorker(first, io.env), paths };
  return { worker: kafka === undefined ? null : workerOfBrokers(kafka, '--kafka'), paths };
}
