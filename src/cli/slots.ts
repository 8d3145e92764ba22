import { Command } from 'commander';
import type { Client } from 'pg';
import { isConnectionUrl } from '../config/connection-url.ts';
import { type ConnectorConfig, isPostgresConfig } from '../config/connector.ts';
import type { PostgresConfig } from '../config/postgres.ts';
import { TailraceError } from '../model/errors.ts';
import type { SlotLag } from '../model/status.ts';
import type { BinlogLagOptions } from './binlog-lag.ts';
import type { CommandIo } from './command-io.ts';
import { withArgument } from './connection.ts';
import { formatBytes, textTable } from './text-table.ts';

interface SlotOptions {
  readonly json?: boolean;
}

const SOURCE = 'connection URL, or a connector configuration';

/** `tailrace slots`: the replication slots of a server. */
export function slotsCommand(io: CommandIo): Command {
  const list = new Command('list')
    .summary('replication slots of a server')
    .description('Lists the replication slots of a server, and who reads them.')
    .argument('<source>', SOURCE)
    .option('--json', 'one line of JSON for each slot')
    .addHelpText('after', '\nExample:\n  tailrace slots list postgres://postgres@localhost:5432/shop')
    .action((source: string, options: SlotOptions) =>
      withArgument(source, io, (config) => showSlots(withSlots(config), null, { ...options, columns: IDENTITY }, io)),
    );
  const lag = new Command('lag')
    .summary('what slots hold back, or what of a binlog is not delivered')
    .description(
      'Shows how much WAL each slot makes the server keep, and how much of it is not confirmed. Of MySQL and MariaDB, which have no slots: how far a connector is behind in the binlog, and for how long the server keeps that.',
    )
    .argument('<source>', SOURCE)
    .argument('[slot]', 'only this slot')
    .option('--json', 'one line of JSON for each slot')
    .option('--kafka <host:port>', 'MySQL: brokers of Kafka, where the connector keeps its offset')
    .option('--worker <file>', 'MySQL: worker’s file that names them')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace slots lag shop.json\n  tailrace slots lag shop-mysql.json --kafka localhost:9092',
    )
    .action((source: string, slot: string | undefined, options: BinlogLagOptions) =>
      withArgument(source, io, async (config) => {
        if (isPostgresConfig(config)) return showSlots(config, slot ?? null, { ...options, columns: LAG }, io);
        const { showBinlogLag } = await import('./binlog-lag.ts');
        const connector = isConnectionUrl(source) ? {} : { config: source };
        return showBinlogLag(config, { ...options, ...connector }, io);
      }),
    );
  const drop = new Command('drop')
    .summary('drop a slot that nobody reads')
    .description(
      'Drops a replication slot. A connector that used it has to begin anew. Refused while a process reads it.',
    )
    .argument('<source>', SOURCE)
    .argument('<slot>', 'name of the slot')
    .addHelpText('after', '\nExample:\n  tailrace slots drop shop.json old_slot')
    .action((source: string, slot: string) =>
      withArgument(source, io, (config) => dropSlot(withSlots(config), slot, io)),
    );
  return new Command('slots')
    .summary('list and drop replication slots, show their lag')
    .description('List replication slots, show what they hold back, drop them.')
    .addHelpText('after', '\nExample:\n  tailrace slots lag postgres://postgres@localhost:5432/shop')
    .addCommand(list)
    .addCommand(lag)
    .addCommand(drop);
}

type Column = readonly [title: string, cell: (slot: SlotLag) => string];

const IDENTITY: readonly Column[] = [
  ['SLOT', (slot) => slot.slot],
  ['PLUGIN', (slot) => slot.plugin ?? '-'],
  ['DATABASE', (slot) => slot.database ?? '-'],
  ['READER', (slot) => (slot.active ? `pid ${slot.activePid}` : '-')],
  ['WAL STATUS', (slot) => slot.walStatus ?? '-'],
  ['RETAINED', (slot) => formatBytes(slot.retainedBytes)],
  ['CONFIRMED', (slot) => slot.confirmedFlushLsn ?? '-'],
];

const LAG: readonly Column[] = [
  ['SLOT', (slot) => slot.slot],
  ['RETAINED', (slot) => formatBytes(slot.retainedBytes)],
  ['UNCONFIRMED', (slot) => formatBytes(slot.unconfirmedBytes)],
  ['SAFE', (slot) => formatBytes(slot.safeWalBytes)],
  ['WAL STATUS', (slot) => slot.walStatus ?? '-'],
  ['READER', (slot) => (slot.active ? `pid ${slot.activePid}` : '-')],
  ['INVALIDATED', (slot) => slot.invalidationReason ?? '-'],
];

async function showSlots(
  config: PostgresConfig,
  name: string | null,
  options: SlotOptions & { readonly columns: readonly Column[] },
  io: CommandIo,
): Promise<void> {
  const { listSlots } = await import('../sources/postgres/slots.ts');
  const slots = await withDatabase(config, 'read the replication slots', (client) => listSlots(client, name));
  if (name !== null && slots.length === 0) {
    throw new TailraceError('source.slot_missing', `there is no replication slot ${name}`, {
      remedy: '`tailrace slots list` shows those that exist.',
    });
  }
  const { columns } = options;
  if (options.json === true) {
    for (const slot of slots) await io.stdout.write(`${JSON.stringify(slot)}\n`);
  } else if (slots.length === 0) {
    await io.stdout.write('This server has no replication slots.\n');
  } else {
    const rows = slots.map((slot) => columns.map(([, cell]) => cell(slot)));
    await io.stdout.write(textTable([columns.map(([title]) => title), ...rows]));
  }
}

async function dropSlot(config: PostgresConfig, name: string, io: CommandIo): Promise<void> {
  const { dropUnusedSlot } = await import('../sources/postgres/slots.ts');
  await withDatabase(config, `drop replication slot ${name}`, (client) => dropUnusedSlot(client, name));
  await io.stdout.write(`dropped replication slot ${name}\n`);
}

async function withDatabase<T>(
  config: PostgresConfig,
  doing: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { withConnection } = await import('../sources/postgres/connection.ts');
  return withConnection(config, doing, work);
}

/** Throws where the server has none. */
function withSlots(config: ConnectorConfig): PostgresConfig {
  if (isPostgresConfig(config)) return config;
  throw new TailraceError(
    'config.invalid',
    'MySQL and MariaDB have no replication slots: their servers keep the binlog for a time, whoever reads it',
    { remedy: '`tailrace slots lag <config>` shows how far a connector is behind in it, and for how long it is kept.' },
  );
}
