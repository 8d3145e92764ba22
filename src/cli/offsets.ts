import { Command } from 'commander';
import { TailraceError } from '../model/errors.ts';
import type { SourceOffset, SourcePartition, StoredOffset, TopicLog } from '../model/log.ts';
import type { CommandIo } from './command-io.ts';
import type { LogOptions } from './command-logger.ts';
import { addLogOptions, type LogLocation } from './log-location.ts';
import { exportCommand, importCommand } from './offsets-transfer.ts';
import { withLog } from './open-log.ts';

interface ShowOptions extends LogLocation, LogOptions {
  readonly json?: boolean;
}
interface ChangeOptions extends LogLocation, LogOptions {
  readonly partition?: string;
}

const PARTITION_HELP = 'source partition as JSON (default: the one that is stored)';

/** `tailrace offsets`: where connectors go on reading. Changing it needs the log for itself. */
export function offsetsCommand(io: CommandIo): Command {
  const show = addLogOptions(new Command('show'))
    .summary('stored offsets')
    .description('Shows where each connector goes on reading its database.')
    .argument('[connector]', 'only of this connector')
    .option('--json', 'one line of JSON for each')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace offsets show --log shop.tailrace.db\n  tailrace offsets show --worker worker.properties',
    )
    .action((connector: string | undefined, options: ShowOptions) => showOffsets(connector, options, io));
  const set = addLogOptions(new Command('set'))
    .summary('store another offset')
    .description(
      'Stores the source offset at which a connector goes on, in Debezium’s form. The connector must not run. What lies between is delivered twice or never.',
    )
    .argument('<connector>', 'name of the connector')
    .argument('<offset>', 'source offset as JSON')
    .option('--partition <json>', PARTITION_HELP)
    .addHelpText(
      'after',
      '\nExample:\n  tailrace offsets set shop \'{"lsn_proc":26723064,"lsn_commit":26723064,"lsn":26723064}\'\n  tailrace offsets set shop-mysql \'{"file":"binlog.000003","pos":157}\'',
    )
    .action((connector: string, offset: string, options: ChangeOptions) => setOffset(connector, offset, options, io));
  const reset = addLogOptions(new Command('reset'))
    .summary('forget a stored offset')
    .description(
      'Removes the stored offset of a connector, which then begins as its snapshot.mode says. It must not run.',
    )
    .argument('<connector>', 'name of the connector')
    .option('--partition <json>', PARTITION_HELP)
    .addHelpText('after', '\nExample:\n  tailrace offsets reset shop')
    .action((connector: string, options: ChangeOptions) => resetOffset(connector, options, io));
  return new Command('offsets')
    .summary('show, set, reset, export or import stored source offsets')
    .description('The stored source offsets of connectors, in an embedded log or in Kafka: show, set, reset, move.')
    .addHelpText('after', '\nExample:\n  tailrace offsets show')
    .addCommand(show)
    .addCommand(set)
    .addCommand(reset)
    .addCommand(exportCommand(io))
    .addCommand(importCommand(io));
}

async function showOffsets(connector: string | undefined, options: ShowOptions, io: CommandIo): Promise<void> {
  await withLog(options, 'read', io, async (log) => {
    const stored = (await log.offsets.list()).filter((one) => connector === undefined || one.connector === connector);
    if (connector !== undefined && stored.length === 0) throw unknownConnector(connector, log);
    const isJson = options.json === true || !io.stdout.isTTY;
    for (const offset of stored) await io.stdout.write(isJson ? `${JSON.stringify(offset)}\n` : readableOffset(offset));
  });
}

function readableOffset({ connector, partition, offset, updatedMs }: StoredOffset): string {
  const fields = Object.entries(offset).map(([key, value]) => `    ${key}  ${JSON.stringify(value)}\n`);
  return `${connector}  ${JSON.stringify(partition)}  stored ${new Date(updatedMs).toISOString()}\n${fields.join('')}`;
}

async function setOffset(connector: string, text: string, options: ChangeOptions, io: CommandIo): Promise<void> {
  const offset = parseObject<SourceOffset>('the offset', text, (value) => value === null || typeof value !== 'object');
  await withLog(options, 'change', io, async (log) => {
    const partition = await choosePartition(connector, options.partition, log);
    await log.offsets.set(connector, partition, offset);
    await io.stdout.write(`${connector} ${JSON.stringify(partition)} goes on at ${JSON.stringify(offset)}\n`);
  });
}

async function resetOffset(connector: string, options: ChangeOptions, io: CommandIo): Promise<void> {
  await withLog(options, 'change', io, async (log) => {
    const partition = await choosePartition(connector, options.partition, log);
    const before = await log.offsets.get(connector, partition);
    if (before === null) throw unknownConnector(connector, log);
    await log.offsets.set(connector, partition, null);
    await io.stdout.write(
      `${connector} ${JSON.stringify(partition)} was at ${JSON.stringify(before)} and begins anew\n`,
    );
  });
}

async function choosePartition(connector: string, text: string | undefined, log: TopicLog): Promise<SourcePartition> {
  if (text !== undefined) {
    return parseObject<SourcePartition>('--partition', text, (value) => typeof value === 'string');
  }
  const stored = (await log.offsets.list()).filter((one) => one.connector === connector);
  if (stored.length === 1) return stored[0]!.partition;
  if (stored.length === 0) throw unknownConnector(connector, log);
  throw new TailraceError('config.invalid', `connector ${connector} has ${stored.length} stored offsets`, {
    remedy: `Choose one with --partition: ${stored.map((one) => `'${JSON.stringify(one.partition)}'`).join(', ')}`,
  });
}

function unknownConnector(connector: string, log: TopicLog): TailraceError {
  return new TailraceError('config.invalid', `${log.name} has no offset of a connector ${connector}`, {
    remedy:
      '`tailrace offsets show` lists those that it has; a new one needs --partition \'{"server":"<topic.prefix>"}\'.',
  });
}

function parseObject<T>(what: string, text: string, isAllowed: (value: unknown) => boolean): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TailraceError('config.invalid', `${what} is not JSON: ${(error as SyntaxError).message}`);
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || !Object.values(value as object).every(isAllowed)) {
    throw new TailraceError('config.invalid', `${what} is not a flat JSON object`);
  }
  return value as T;
}
