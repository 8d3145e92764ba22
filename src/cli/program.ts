import { Command, CommanderError } from 'commander';
import { reportError } from '../observe/errors.ts';
import { bootstrapCommand } from './bootstrap.ts';
import { CommandFailure } from './command-failure.ts';
import type { CommandIo } from './command-io.ts';
import { demoCommand } from './demo.ts';
import { asLastWord } from './key-words.ts';
import { offsetsCommand } from './offsets.ts';
import { runCommandOf } from './run.ts';
import { slotsCommand } from './slots.ts';
import { tailCommand } from './tail.ts';
import { topicsCommand } from './topics.ts';
import { validateCommand } from './validate.ts';
import { version } from './version.ts';

/** Exit code of a command line that cannot be understood. */
const USAGE_EXIT_CODE = 2;

const EXAMPLES = `
Examples:
  tailrace demo
  tailrace tail postgres://postgres@localhost:5432/shop
  tailrace tail mysql://root@localhost:3306/shop
  tailrace validate shop.json
  tailrace bootstrap shop.json --then stream
  tailrace run shop.json
  tailrace topics read shop.public.orders --json | head -3`;

export function buildProgram(io: CommandIo): Command {
  const program = new Command('tailrace')
    .description('Change data capture: a database’s log into topics, with Debezium’s bytes and configurations.')
    .version(version())
    .addHelpText('after', EXAMPLES)
    .addCommand(tailCommand(io))
    .addCommand(runCommandOf(io))
    .addCommand(bootstrapCommand(io))
    .addCommand(validateCommand(io))
    .addCommand(topicsCommand(io))
    .addCommand(offsetsCommand(io))
    .addCommand(slotsCommand(io))
    .addCommand(demoCommand(io));
  everyCommand(program, (command) => {
    command.exitOverride().configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(text.replace('\n(Did you mean', ' (did you mean').replace(/\?\)\n$/, '?)\n')),
      getOutHelpWidth: () => io.stdout.columns,
      getErrHelpWidth: () => io.stderr.columns,
    });
    if (command.commands.length > 0) return;
    command.option('--log-level <level>', 'trace, debug, info, warn, error or silent', io.env.LOG_LEVEL ?? 'info');
  });
  return program;
}

function everyCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) everyCommand(child, visit);
}

/** Runs one command line and returns the exit code: 0, or by the error's policy. Every error is told on standard error. */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    await buildProgram(io).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommandFailure) return error.exitCode;
    // Commander has written its message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
    const { text, exitCode } = reportError(asLastWord(error), isDebug(args, io));
    await io.stderr.write(text);
    return exitCode;
  }
}

function isDebug(args: readonly string[], io: CommandIo): boolean {
  const at = args.indexOf('--log-level');
  const level =
    at === -1 ? (args.find((arg) => arg.startsWith('--log-level='))?.slice(12) ?? io.env.LOG_LEVEL) : args[at + 1];
  return level === 'debug' || level === 'trace';
}
