import { styleText } from 'node:util';
import { type Logger, pino } from 'pino';
import { TailraceError } from '../model/errors.ts';
import type { Scrubber } from './scrubber.ts';

export type { Logger } from 'pino';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Where diagnostics go: standard error, so that standard output stays a command's own. */
export interface LoggerTarget {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface LoggerOptions {
  /** One of pino's levels; throws `config.invalid` for another. */
  readonly level: string;
  readonly target: LoggerTarget;
  /** Every line passes it. */
  readonly scrubber: Scrubber;
  readonly color: boolean;
}

/** JSON lines where the target is a pipe or file, short readable lines on a terminal. */
export function createLogger(options: LoggerOptions): Logger {
  const { level, target, scrubber, color } = options;
  if (!LEVELS.includes(level)) {
    throw new TailraceError('config.invalid', `the log level '${level}' is not one of ${LEVELS.join(', ')}`, {
      remedy: 'Set LOG_LEVEL or --log-level to one of them.',
    });
  }
  const format = target.isTTY === true ? (line: string) => readableLine(line, color) : (line: string) => line;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void target.write(scrubber.scrub(format(line))) },
  );
}

type Style = Parameters<typeof styleText>[0];
const STYLES: Readonly<Record<string, Style>> = {
  trace: 'dim',
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
};

/** `12:30:01.250 info  message  key=value key=value` */
function readableLine(line: string, color: boolean): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const paint = (style: Style, text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const millis = String(time).slice(-5, -1);
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
  );
  const head = `${paint('dim', `${clock}${millis}`)} ${paint(STYLES[String(level)] ?? 'reset', String(level).padEnd(5))}`;
  const tail = fields.length === 0 ? '' : `  ${paint('dim', fields.join(' '))}`;
  return `${head} ${String(msg ?? '')}${tail}${errorText(err)}\n`;
}

function errorText(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { message, stack } = err as { readonly message?: unknown; readonly stack?: unknown };
  return `\n  ${String(stack ?? message ?? '').replaceAll('\n', '\n  ')}`;
}
