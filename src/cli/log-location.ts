import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { loadConnector } from '../config/load.ts';
import { TailraceError } from '../model/errors.ts';
import type { CommandIo } from './command-io.ts';

export interface LogLocation {
  readonly log?: string;
  readonly config?: string;
}

const SUFFIX = '.tailrace.db';

export function addLogOptions(command: Command): Command {
  return command
    .option('--log <file>', `file of the embedded log (default: the one *${SUFFIX} in this folder)`)
    .option('--config <file>', 'connector configuration that names it');
}

/** The log that the options name, or the only one in the working directory. Throws `config.invalid` or `log.open`. */
export function locateLog(location: LogLocation, io: CommandIo): string {
  if (location.log !== undefined && location.config !== undefined) {
    throw new TailraceError('config.invalid', '--log and --config cannot be given together');
  }
  if (location.log !== undefined) return location.log;
  if (location.config !== undefined) {
    const { config, secrets } = loadConnector(location.config, io.env);
    io.scrubber.add(secrets);
    return config['tailrace.log.path'];
  }
  const found = readdirSync('.').filter((name) => name.endsWith(SUFFIX));
  if (found.length === 1) return join('.', found[0]!);
  throw new TailraceError(
    'log.open',
    found.length === 0
      ? `there is no *${SUFFIX} file in this folder`
      : `there are several logs in this folder: ${found.join(', ')}`,
    { remedy: 'Name the log with --log <file>, or its connector with --config <file>.' },
  );
}
