import { randomBytes, randomInt } from 'node:crypto';
import { Command } from 'commander';
import type { RawConfig } from '../config/config-def.ts';
import { isMysqlUrl } from '../config/connection-url.ts';
import { TailraceError } from '../model/errors.ts';
import type { TailRecord } from '../tail-database.ts';
import { type CommandIo, usesColor } from './command-io.ts';
import { commandLogger, type LogOptions } from './command-logger.ts';
import { type UrlUse, withUrl } from './connection.ts';
import { parseCount } from './count-option.ts';
import { recordLine } from './record-line.ts';
import { renderRecord } from './render-change.ts';

interface TailOptions extends LogOptions {
  readonly slot?: string;
  readonly publication?: string;
  readonly tables?: string;
  readonly snapshot?: boolean;
  readonly limit?: number;
  readonly json?: boolean;
}

/** A publication of its own, so that none that a connector uses is touched. */
const PUBLICATION = 'tailrace_tail';

/** `tailrace tail`: the changes of a database on the terminal. */
export function tailCommand(io: CommandIo): Command {
  return new Command('tail')
    .summary('changes of a database on the terminal')
    .description(
      `Shows the changes of a database as they are committed: readable on a terminal, JSON lines elsewhere. Nothing is stored. Of Postgres it needs wal_level=logical, makes the publication ${PUBLICATION} when it is missing, and reads over a temporary slot, which vanishes with it. Of MySQL and MariaDB it needs a binlog in row format and leaves nothing behind.`,
    )
    .argument('<url>', 'postgres://, mysql:// or mariadb://<user>:<password>@<host>:<port>/<database>')
    .option(
      '--tables <regexes>',
      'only these tables, as table.include.list has it: public.orders,public.order_.* (MySQL: shop.orders)',
    )
    .option('--snapshot', 'first the rows that there are')
    .option(
      '--slot <name>',
      'Postgres: a lasting slot in place of the temporary one: what happens while tail is away is shown the next time',
    )
    .option('--publication <name>', `Postgres: publication to read in place of ${PUBLICATION}; it must exist`)
    .option('--limit <count>', 'stop after so many changes', parseCount)
    .option('--json', 'JSON lines, also on a terminal')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace tail postgres://postgres@localhost:5432/shop --tables public.orders\n  tailrace tail mysql://root@localhost:3306/shop\n  tailrace tail "$DATABASE_URL" | jq .value.after',
    )
    .action((url: string, options: TailOptions) => tail(url, options, io));
}

async function tail(url: string, options: TailOptions, io: CommandIo): Promise<void> {
  const keys = tailKeys(url, options);
  const stop = new AbortController();
  const show = createPrinter(options, io);
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  const onRecords = (records: readonly TailRecord[]): void | Promise<void> => {
    if (left <= 0) return undefined;
    const shown = records.filter((record) => record.value !== null).slice(0, left);
    left -= shown.length;
    if (left <= 0) stop.abort();
    return io.stdout.write(shown.map(show).join(''));
  };
  const { tailDatabase } = await import('../tail-database.ts');
  await withUrl(url, { keys, words: tailWords(options) }, io, (config) =>
    tailDatabase(config, {
      logger: commandLogger(options, io),
      signal: AbortSignal.any([io.interruption(), stop.signal]),
      onRecords,
      temporary: options.slot === undefined,
    }),
  );
}

function createPrinter(options: TailOptions, io: CommandIo): (record: TailRecord) => string {
  if (options.json !== true && io.stdout.isTTY) {
    const color = usesColor(io.stdout, io.env);
    return (record) => renderRecord(record, { color, width: io.stdout.columns });
  }
  // Partition and log offset would be those of a log, and there is none.
  return ({ topic, key, value, headers, timestampMs }) => recordLine({ topic, key, value, headers, timestampMs });
}

function tailKeys(url: string, options: TailOptions): RawConfig {
  return {
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    'decimal.handling.mode': 'string',
    'time.precision.mode': 'isostring',
    'binary.handling.mode': 'hex',
    'extended.headers.enabled': 'false',
    'tombstones.on.delete': 'false',
    'skipped.operations': 'none',
    'snapshot.mode': options.snapshot === true ? 'initial' : 'no_data',
    'tailrace.http.listen': 'off',
    ...(options.tables === undefined ? {} : { 'table.include.list': options.tables }),
    ...(isMysqlUrl(url) ? mysqlKeys(options) : postgresKeys(options)),
  };
}

function postgresKeys(options: TailOptions): RawConfig {
  return {
    'interval.handling.mode': 'string',
    'include.unknown.datatypes': 'true',
    'slot.name': options.slot ?? `tailrace_tail_${randomBytes(6).toString('hex')}`,
    'publication.name': options.publication ?? PUBLICATION,
    'publication.autocreate.mode': options.publication === undefined ? 'all_tables' : 'disabled',
  };
}

/** Above the server ids that are made up for connectors, and up to the highest. */
const SERVER_IDS = [2 ** 31, 2 ** 32] as const;

function mysqlKeys(options: TailOptions): RawConfig {
  for (const name of ['slot', 'publication'] as const) {
    if (options[name] === undefined) continue;
    throw new TailraceError('config.invalid', `--${name} is for Postgres; MySQL and MariaDB have no ${name}s`);
  }
  return {
    'bigint.unsigned.handling.mode': 'precise',
    // For the precise integers: decimals are strings.
    'key.converter.decimal.format': 'NUMERIC',
    'value.converter.decimal.format': 'NUMERIC',
    'database.server.id': String(randomInt(...SERVER_IDS)),
    'include.schema.changes': 'false',
  };
}

/** What the keys of {@link tailKeys} are to a user of the command. */
function tailWords(options: TailOptions): UrlUse['words'] {
  return {
    'table.include.list': '--tables',
    'slot.name': '--slot',
    'publication.name': '--publication',
    'snapshot.mode=when_needed': '--snapshot',
    'snapshot.mode=no_data': 'no --snapshot',
    ...(options.publication === undefined
      ? { 'publication.autocreate.mode=filtered': 'a publication of your own (--publication <name>)' }
      : {}),
  };
}
