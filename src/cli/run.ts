import { Command } from 'commander';
import type { CommandIo } from './command-io.ts';
import { commandLogger, type LogOptions } from './command-logger.ts';
import { type ConnectorOptions, loadConnectors } from './connectors.ts';
import { KAFKA_HELP, KAFKA_OPTION } from './worker-choice.ts';

type RunOptions = LogOptions & ConnectorOptions;

/** `tailrace run`: the daemon. */
export function runCommandOf(io: CommandIo): Command {
  return new Command('run')
    .summary('run connectors until they are stopped')
    .description(
      'Runs connectors in this process: snapshot where one is due, then changes as they come, into the embedded log, or into Kafka where a worker’s file or --kafka says so. Ctrl-C or SIGTERM stops it after the append in flight. Health, lag and metrics are at http://127.0.0.1:8083 unless configured otherwise.',
    )
    .argument(
      '<config...>',
      'connector configurations (.json or .properties), with Connect’s worker.properties before them for Kafka',
    )
    .option(KAFKA_OPTION, KAFKA_HELP)
    .option('--http <address>', 'host:port of /health, /lag and /metrics, or off; in place of tailrace.http.listen')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace run shop.json\n  tailrace run shop.json --kafka localhost:9092\n  tailrace run worker.properties shop.json stock.json\n  curl localhost:8083/lag',
    )
    .action((paths: readonly string[], options: RunOptions) => run(paths, options, io));
}

async function run(paths: readonly string[], options: RunOptions, io: CommandIo): Promise<void> {
  const logger = commandLogger(options, io);
  const { configs, kafka } = await loadConnectors(paths, options, io, logger);
  const signal = io.interruption();
  const { runConnectors } = await import('../worker.ts');
  await runConnectors(configs, { logger, signal, kafka });
}
