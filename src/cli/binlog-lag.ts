import type { MysqlConfig } from '../config/mysql.ts';
import { TailraceError } from '../model/errors.ts';
import type { SourceOffset } from '../model/log.ts';
import type { BinlogLag } from '../model/status.ts';
import type { CommandIo } from './command-io.ts';
import type { LogOptions } from './command-logger.ts';
import { checkEmbeddedLog } from './log-check.ts';
import type { LogLocation } from './log-location.ts';
import { withLog } from './open-log.ts';
import { formatBytes, formatSeconds, textTable } from './text-table.ts';

type Column = readonly [title: string, cell: (lag: BinlogLag) => string];

const COLUMNS: readonly Column[] = [
  ['DELIVERED TO', ({ file, position }) => (file === null ? '-' : `${file}:${position}`)],
  ['SERVER AT', ({ serverFile, serverPosition }) => `${serverFile}:${serverPosition}`],
  ['UNDELIVERED', (lag) => formatBytes(lag.unconfirmedBytes)],
  ['TRANSACTIONS', ({ missingTransactions }) => (missingTransactions === null ? '-' : String(missingTransactions))],
  ['KEPT FOR', ({ retentionMs }) => (retentionMs === null ? 'ever' : formatSeconds(retentionMs / 1000))],
  ['LEFT', (lag) => leftOf(lag)],
];

/** How it is shown, and where Kafka is, if the log is there. */
export interface BinlogLagOptions extends LogOptions, Pick<LogLocation, 'kafka' | 'worker' | 'config'> {
  readonly json?: boolean;
}

/** What a connector has not delivered yet of its server's binlog, by the offset in its log; asked of the server. */
export async function showBinlogLag(config: MysqlConfig, options: BinlogLagOptions, io: CommandIo): Promise<void> {
  const { loadConnectorKind } = await import('../connector-kind.ts');
  const kind = await loadConnectorKind(config);
  const stored = await storedOffset(config, options, io);
  const report = await kind.createLagReader(async () => stored).read();
  if (report.kind !== 'binlog' || report.binlog === null) {
    throw new TailraceError('source.connect', report.error ?? 'the server told nothing of its binlog');
  }
  const { binlog } = report;
  await io.stdout.write(
    options.json === true
      ? `${JSON.stringify({ connector: config.name, ...binlog })}\n`
      : textTable([COLUMNS.map(([title]) => title), COLUMNS.map(([, cell]) => cell(binlog))]),
  );
}

function leftOf({ purged, retentionLeftMs }: BinlogLag): string {
  if (purged) return 'purged';
  return retentionLeftMs === null ? '-' : formatSeconds(retentionLeftMs / 1000);
}

async function storedOffset(
  config: MysqlConfig,
  options: BinlogLagOptions,
  io: CommandIo,
): Promise<SourceOffset | null> {
  if (options.kafka !== undefined || options.worker !== undefined) {
    return withLog(options, 'read', io, (log) => log.offsets.get(config.name, { server: config['topic.prefix'] }));
  }
  return (await checkEmbeddedLog(config)).stored;
}
