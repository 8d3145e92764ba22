import type { CommandIo, Output } from '../../src/cli/command-io.ts';
import { runCommand } from '../../src/cli/program.ts';
import type { Environment } from '../../src/config/config-providers.ts';
import { Scrubber } from '../../src/observe/scrubber.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FakeIoOptions {
  readonly env?: Environment;
  readonly isTTY?: boolean;
  /** What the user's Ctrl-C would abort. */
  readonly interruption?: AbortSignal;
  /** Called with what is written to standard output. */
  readonly onStdout?: (text: string) => void;
}

/** Runs a command line in this process, as src/main.ts would. */
export async function runCli(args: readonly string[], options: FakeIoOptions = {}): Promise<Outcome> {
  const { env = {}, isTTY = false, interruption = new AbortController().signal, onStdout = () => {} } = options;
  const scrubber = new Scrubber();
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr', filter: (text: string) => string): Output => ({
    isTTY,
    columns: 100,
    write: (text) => {
      written[name] += filter(text);
      if (name === 'stdout') onStdout(text);
    },
  });
  const io: CommandIo = {
    env: { NO_COLOR: '1', ...env },
    clock: () => 1_700_000_000_000,
    scrubber,
    stdout: output('stdout', (text) => text),
    stderr: output('stderr', (text) => scrubber.scrub(text)),
    interruption: () => interruption,
  };
  const exitCode = await runCommand(args, io);
  return { exitCode, ...written };
}
