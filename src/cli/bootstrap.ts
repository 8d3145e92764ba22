import { Command, Option } from 'commander';
import { type CommandIo, usesColor } from './command-io.ts';
import { commandLogger, type LogOptions } from './command-logger.ts';
import { type ConnectorOptions, loadConnectors } from './connectors.ts';
import { LiveBlock } from './live-block.ts';
import { ProgressReporter } from './progress.ts';
import { KAFKA_HELP, KAFKA_OPTION } from './worker-choice.ts';

type BootstrapOptions = LogOptions & ConnectorOptions & { readonly then: 'exit' | 'stream' };

/** `tailrace bootstrap`: a snapshot with its progress, then the end or the stream. */
export function bootstrapCommand(io: CommandIo): Command {
  return new Command('bootstrap')
    .summary('snapshot, with progress, then stream')
    .description(
      'Reads the tables of a connector and shows how far it is. Then it ends, and a later run goes on with what followed (a slot of Postgres holds it, MySQL keeps its binlog for a time), or it goes on streaming. Progress is JSON lines on standard error when that is no terminal.',
    )
    .argument(
      '<config...>',
      'connector configuration (.json or .properties), with Connect’s worker.properties before it for Kafka',
    )
    .option(KAFKA_OPTION, KAFKA_HELP)
    .addOption(
      new Option('--then <what>', 'what to do after the snapshot').choices(['exit', 'stream']).default('stream'),
    )
    .option('--http <address>', 'host:port of /health, /lag and /metrics, or off; in place of tailrace.http.listen')
    .addHelpText('after', '\nExample:\n  tailrace bootstrap shop.json --then exit && tailrace run shop.json')
    .action((paths: readonly string[], options: BootstrapOptions) => bootstrap(paths, options, io));
}

async function bootstrap(paths: readonly string[], options: BootstrapOptions, io: CommandIo): Promise<void> {
  const block = new LiveBlock(io.stderr);
  const logger = commandLogger(options, io, block);
  const { configs, kafka } = await loadConnectors(paths, options, io, logger);
  const progress = new ProgressReporter(block, usesColor(io.stderr, io.env));
  const signal = io.interruption();
  const { runConnectors } = await import('../worker.ts');
  try {
    await runConnectors(configs, {
      logger,
      signal,
      kafka,
      until: options.then === 'exit' ? 'snapshot' : 'stopped',
      onStatus: (tasks) => {
        for (const { connector, source } of tasks) if (source !== null) progress.update(connector, source, io.clock());
      },
    });
  } finally {
    block.settle();
  }
}
