import { createLogger, type Logger } from '../observe/logger.ts';
import { type CommandIo, type Output, usesColor } from './command-io.ts';

/** What every command has. */
export interface LogOptions {
  readonly logLevel: string;
}

/** A command's diagnostics on standard error, or above a block of lines that is drawn there. */
export function commandLogger(options: LogOptions, io: CommandIo, target: Output = io.stderr): Logger {
  const { scrubber } = io;
  return createLogger({ level: options.logLevel, target, scrubber, color: usesColor(io.stderr, io.env) });
}
