import { Command, InvalidArgumentError } from 'commander';
import { TailraceError } from '../model/errors.ts';
import type { PartitionInfo, TopicLog } from '../model/log.ts';
import type { LogRecord } from '../model/record.ts';
import { type CommandIo, usesColor } from './command-io.ts';
import type { LogOptions } from './command-logger.ts';
import { parseCount } from './count-option.ts';
import { addLogOptions, type LogLocation } from './log-location.ts';
import { withLog } from './open-log.ts';
import { recordLine } from './record-line.ts';
import { renderRecord } from './render-change.ts';
import { formatBytes, formatCount, textTable } from './text-table.ts';

type From = number | 'earliest' | 'latest';

interface ListOptions extends LogLocation, LogOptions {
  readonly json?: boolean;
}

interface ReadOptions extends LogLocation, LogOptions {
  readonly partition?: number;
  readonly from: From;
  readonly limit?: number;
  readonly json?: boolean;
}

/** `tailrace topics`: what is in a log. Reading disturbs no running connector. */
export function topicsCommand(io: CommandIo): Command {
  const list = addLogOptions(new Command('list'))
    .summary('topics, their records and sizes')
    .description('Lists the topics of an embedded log, or of Kafka.')
    .option('--json', 'one line of JSON for each topic')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace topics list --log shop.tailrace.db\n  tailrace topics list --kafka localhost:9092',
    )
    .action((options: ListOptions) => listTopics(options, io));
  const read = readOptions(new Command('read'), 'earliest')
    .summary('records of a topic, from the oldest to the end')
    .description(
      'Prints the records of a topic up to its present end: readable on a terminal, else a line of JSON for each, with topic, partition, offset, key, value, headers, timestamp.',
    )
    .addHelpText('after', '\nExample:\n  tailrace topics read shop.public.orders --json | head -3')
    .action((topic: string, options: ReadOptions) => readTopic(topic, options, { follow: false }, io));
  const follow = readOptions(new Command('follow'), 'latest')
    .summary('records of a topic as they come')
    .description('Prints the records that a topic gets from now on, until Ctrl-C.')
    .addHelpText('after', '\nExample:\n  tailrace topics follow shop.public.orders --from earliest')
    .action((topic: string, options: ReadOptions) => readTopic(topic, options, { follow: true }, io));
  return new Command('topics')
    .summary('list, read and follow topics')
    .description('Look into an embedded log, or into Kafka: list, read and follow topics.')
    .addHelpText('after', '\nExample:\n  tailrace topics read shop.public.orders --json | head -3')
    .addCommand(list)
    .addCommand(read)
    .addCommand(follow);
}

function readOptions(command: Command, from: From): Command {
  return addLogOptions(command)
    .argument('<topic>', 'name of the topic')
    .option('--partition <number>', 'only this partition', parseCount)
    .option('--from <offset>', 'log offset to begin at, earliest, or latest', parseFrom, from)
    .option('--limit <count>', 'stop after so many records', parseCount)
    .option('--json', 'a line of JSON for each record, also on a terminal');
}

function parseFrom(text: string): From {
  if (text === 'earliest' || text === 'latest') return text;
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It takes a log offset, earliest, or latest.');
  return Number(text);
}

async function listTopics(options: ListOptions, io: CommandIo): Promise<void> {
  await withLog(options, 'read', io, async (log) => {
    const topics = [...(await log.topics())].sort((a, b) => (a.topic < b.topic ? -1 : 1));
    if (options.json === true) {
      for (const topic of topics) await io.stdout.write(`${JSON.stringify(topic)}\n`);
      return;
    }
    const sum = (parts: readonly PartitionInfo[], value: (part: PartitionInfo) => number): number =>
      parts.reduce((total, part) => total + value(part), 0);
    const rows = topics.map(({ topic, partitions }) => [
      topic,
      String(partitions.length),
      formatCount(sum(partitions, (part) => part.records)),
      partitions.some((part) => part.sizeBytes === null)
        ? '-'
        : formatBytes(sum(partitions, (part) => part.sizeBytes ?? 0)),
    ]);
    await io.stdout.write(textTable([['TOPIC', 'PARTITIONS', 'RECORDS', 'SIZE'], ...rows]));
  });
}

async function readTopic(
  name: string,
  options: ReadOptions,
  mode: { readonly follow: boolean },
  io: CommandIo,
): Promise<void> {
  const isJson = options.json === true || !io.stdout.isTTY;
  const look = { color: usesColor(io.stdout, io.env), width: io.stdout.columns };
  const show = (record: LogRecord): string => (isJson ? recordLine(record) : renderRecord(record, look));
  const stop = new AbortController();
  const signal = mode.follow ? AbortSignal.any([io.interruption(), stop.signal]) : stop.signal;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  await withLog(options, 'read', io, async (log) => {
    const partitions = await choosePartitions(log, name, options.partition);
    const readOne = async ({ partition, endOffset }: PartitionInfo): Promise<void> => {
      const from = options.from === 'earliest' ? 0 : options.from === 'latest' ? endOffset : options.from;
      const request = { topic: name, partition, from, follow: mode.follow };
      for await (const records of log.readBatches(request, signal)) {
        if (left <= 0) break;
        const shown = records.slice(0, left);
        left -= shown.length;
        await io.stdout.write(shown.map(show).join(''));
        if (left <= 0) stop.abort();
      }
    };
    if (left <= 0) return;
    if (mode.follow) await Promise.all(partitions.map(readOne));
    else for (const partition of partitions) await readOne(partition);
  });
}

async function choosePartitions(
  log: TopicLog,
  name: string,
  partition: number | undefined,
): Promise<readonly PartitionInfo[]> {
  const topics = await log.topics();
  const topic = topics.find((one) => one.topic === name);
  if (topic === undefined) {
    throw new TailraceError('log.topic_missing', `there is no topic ${name} in ${log.name}`, {
      remedy: '`tailrace topics list` shows the topics that there are.',
    });
  }
  const chosen = topic.partitions.filter((one) => partition === undefined || one.partition === partition);
  if (chosen.length === 0) {
    throw new TailraceError(
      'log.topic_missing',
      `topic ${name} has no partition ${partition}: it has ${topic.partitions.length}, counted from 0`,
    );
  }
  return chosen;
}
