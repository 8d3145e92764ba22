import type { ServerFamily } from '../../../../decoders/binlog/format-description.ts';
import { GtidSet } from '../../../../decoders/binlog/gtid-set.ts';
import { MariadbGtidList } from '../../../../decoders/binlog/mariadb-gtid.ts';
import type { SourceOffset } from '../../../model/log.ts';

/**
 * Whether what was recorded at one position has happened at another, as Debezium decides it
 * (BinlogHistoryRecordComparator): by GTIDs where both have them, a position with GTIDs being behind any without; else by
 * file and position, and within a transaction by the events and rows that are done with. Positions on different servers
 * without GTIDs are compared by their time.
 *
 * Our own say whose files they are of, by which those with GTIDs and without are compared, too; and those of the stream are of statements that come behind them: one at the desired
 * position is read again, and must not be carried out twice.
 */
export function isAtOrBefore(recorded: SourceOffset, desired: SourceOffset, order: HistoryOrder): boolean {
  return isPast(recorded, desired, { ...order, isStrict: isAheadOfStatement(recorded) });
}

export interface HistoryOrder {
  readonly family: ServerFamily;
  /**
   * Servers whose transactions are read, by UUID or MariaDB's `domain-server`; null: all. Debezium's positions have no
   * others, ours have all.
   */
  readonly capturesSource?: ((source: string) => boolean) | null;
}

/** Whether what travelled with a batch of that offset is part of what is stored, where records become durable before their offset. */
export function isStored(offset: SourceOffset, stored: SourceOffset, family: ServerFamily): boolean {
  return isPast(offset, stored, { family, isStrict: false });
}

type AnyGtids = GtidSet | MariadbGtidList;

interface Comparison extends HistoryOrder {
  /** What is at the very position is not past. */
  readonly isStrict: boolean;
}

function isPast(recorded: SourceOffset, desired: SourceOffset, comparison: Comparison): boolean {
  const recordedGtids = gtids(recorded);
  const desiredGtids = gtids(desired);
  if (desiredGtids !== null) {
    if (recordedGtids === null) return true;
    return isPastByGtids(recorded, desired, comparison);
  }
  const isOfOneServer = isOurs(recorded) && recorded.server_uuid === desired.server_uuid;
  // A server may have given its GTIDs up, and its files still go on from each other.
  if (recordedGtids !== null && !isOfOneServer) return false;

  const [recordedFile, desiredFile] = [binlogFile(recorded), binlogFile(desired)];
  const hasOneId = number(recorded, 'server_id', 0) === number(desired, 'server_id', 0);
  if ((!isOfOneServer && !hasOneId) || recordedFile.base !== desiredFile.base) {
    return number(recorded, 'ts_sec', 0) <= number(desired, 'ts_sec', 0);
  }
  const steps = [
    recordedFile.number - desiredFile.number,
    number(recorded, 'pos', -1) - number(desired, 'pos', -1),
    number(recorded, 'event', 0) - number(desired, 'event', 0),
    number(recorded, 'row', -1) - number(desired, 'row', -1),
  ];
  const order = steps.find((step) => step !== 0) ?? 0;
  return comparison.isStrict ? order < 0 : order <= 0;
}

function isPastByGtids(recorded: SourceOffset, desired: SourceOffset, comparison: Comparison): boolean {
  const { family, isStrict, capturesSource = null } = comparison;
  const Gtids = family === 'mysql' ? GtidSet : MariadbGtidList;
  const isWanted = (isOurs(recorded) && isOurs(desired)) || capturesSource === null ? () => true : capturesSource;
  const [past, now] = [recorded, desired].map((offset) => Gtids.parse(gtids(offset)!).ofSources(isWanted)) as [
    AnyGtids,
    AnyGtids,
  ];
  // Two of the same kind: the family's.
  const contains = (now.contains as (other: unknown) => boolean).bind(now)(past);
  if (!contains || past.format() !== now.format()) return contains;
  if (!hasSnapshot(recorded) && hasSnapshot(desired)) return false;
  const events = number(recorded, 'event', 0) - number(desired, 'event', 0);
  return isStrict ? events < 0 : events <= 0;
}

function isOurs(offset: SourceOffset): boolean {
  return typeof offset.server_uuid === 'string';
}

function isAheadOfStatement(recorded: SourceOffset): boolean {
  return isOurs(recorded) && !hasSnapshot(recorded);
}

function gtids(offset: SourceOffset): string | null {
  return typeof offset.gtids === 'string' ? offset.gtids : null;
}

function hasSnapshot(offset: SourceOffset): boolean {
  return offset.snapshot !== undefined;
}

function number(offset: SourceOffset, key: string, fallback: number): number {
  const value = offset[key];
  return typeof value === 'number' ? value : fallback;
}

/** `binlog.000003`: files are counted, with more than six digits from the millionth on. */
function binlogFile(offset: SourceOffset): { readonly base: string; readonly number: number } {
  const name = typeof offset.file === 'string' ? offset.file : '';
  const dot = name.lastIndexOf('.');
  return { base: name.slice(0, dot), number: Number(name.slice(dot + 1)) || 0 };
}
