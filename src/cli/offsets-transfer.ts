import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { reasonOf } from '../config/config-providers.ts';
import { parseOffsetLines, type TransferredOffset } from '../logs/offset-lines.ts';
import { isJavaSerialized, readOffsetsFile } from '../logs/offsets-file.ts';
import { TailraceError } from '../model/errors.ts';
import type { CommandIo } from './command-io.ts';
import type { LogOptions } from './command-logger.ts';
import { addLogOptions, type LogLocation } from './log-location.ts';
import { withLog } from './open-log.ts';

interface TransferOptions extends LogLocation, LogOptions {
  readonly connector?: string;
}

/** Standard input, as a file's name. */
const STDIN = '-';

export function exportCommand(io: CommandIo): Command {
  return addLogOptions(new Command('export'))
    .summary('write stored offsets into a file')
    .description(
      'Writes the stored source offsets as JSON lines of connector, partition and offset, into a file or on standard output.',
    )
    .argument('[file]', 'file to write (default: standard output)')
    .option('--connector <name>', 'only of this connector')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace offsets export offsets.jsonl --log shop.tailrace.db\n  tailrace offsets export --kafka localhost:9092 | jq .offset',
    )
    .action((file: string | undefined, options: TransferOptions) => exportOffsets(file, options, io));
}

export function importCommand(io: CommandIo): Command {
  return addLogOptions(new Command('import'))
    .summary('store offsets of a file')
    .description(
      'Stores source offsets: JSON lines as export writes them, an answer of Connect’s REST API (GET /connectors/<name>/offsets, with --connector), or the file of a standalone worker (offset.storage.file.filename). The connectors must not run, neither here nor there. Topics stay where they are, and so does the schema history of MySQL: snapshot.mode=recovery builds it anew.',
    )
    .argument('[file]', 'file to read (default: standard input)')
    .option('--connector <name>', 'only this connector, or the one that an answer of Connect is about')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace offsets import offsets.jsonl --worker worker.properties\n  curl -s localhost:8083/connectors/shop/offsets | tailrace offsets import --connector shop --log shop.tailrace.db\n  tailrace offsets import /tmp/connect.offsets --kafka localhost:9092',
    )
    .action((file: string | undefined, options: TransferOptions) => importOffsets(file ?? STDIN, options, io));
}

async function exportOffsets(file: string | undefined, options: TransferOptions, io: CommandIo): Promise<void> {
  await withLog(options, 'read', io, async (log) => {
    const stored = (await log.offsets.list()).filter(({ connector }) => isWanted(connector, options));
    if (stored.length === 0) throw nothing(log.name, options);
    const lines = stored.map(
      ({ connector, partition, offset }) => `${JSON.stringify({ connector, partition, offset })}\n`,
    );
    if (file === undefined || file === STDIN) {
      await io.stdout.write(lines.join(''));
      return;
    }
    try {
      writeFileSync(file, lines.join(''));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new TailraceError('config.invalid', `cannot write ${file} (${code})`, { cause });
    }
    const count = lines.length === 1 ? 'one offset' : `${lines.length} offsets`;
    await io.stdout.write(`${file} holds ${count} of ${log.name}\n`);
  });
}

async function importOffsets(file: string, options: TransferOptions, io: CommandIo): Promise<void> {
  const name = file === STDIN ? 'standard input' : file;
  const offsets = readOffsets(file, name, options).filter(({ connector }) => isWanted(connector, options));
  if (offsets.length === 0) throw nothing(name, options);
  await withLog(options, 'create', io, async (log) => {
    for (const { connector, partition, offset } of offsets) {
      await log.offsets.set(connector, partition, offset);
      const what = offset === null ? 'begins anew' : `goes on at ${JSON.stringify(offset)}`;
      await io.stdout.write(`${connector} ${JSON.stringify(partition)} ${what}\n`);
    }
  });
}

function isWanted(connector: string, options: TransferOptions): boolean {
  return options.connector === undefined || options.connector === connector;
}

function nothing(where: string, { connector }: TransferOptions): TailraceError {
  const of = connector === undefined ? '' : ` of a connector ${connector}`;
  return new TailraceError('config.invalid', `${where} has no offset${of}`);
}

function readOffsets(file: string, name: string, options: TransferOptions): readonly TransferredOffset[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === STDIN ? process.stdin.fd : file);
  } catch (error) {
    throw new TailraceError('config.unreadable', reasonOf(error, name), { cause: error });
  }
  return isJavaSerialized(bytes)
    ? readOffsetsFile(bytes, name)
    : parseOffsetLines(bytes.toString('utf8'), { name, connector: options.connector ?? null });
}
