import type { Connection } from 'mysql2/promise';
import { type BinlogPosition, compareBinlogPositions } from '../../../decoders/binlog/binlog-position.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { PreparedScan } from '../../../decoders/binlog/prepared-scan.ts';
import type { PreparedTransaction } from '../../../decoders/binlog/prepared-transaction.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import { errorContext } from './connection.ts';
import { explainDecoding } from './explain.ts';
import { FIRST_POSITION } from './far-position.ts';
import { quoteAccount } from './mysql-error.ts';
import { type PreparedList, usesXa } from './prepared-list.ts';
import { readDump, type Take } from './read-dump.ts';
import { readBinlogFiles } from './server-state.ts';
import { createTableFilter } from './table-filter.ts';

export interface PreparedSearch {
  readonly config: MysqlConfig;
  readonly family: ServerFamily;
  readonly catalog: Connection;
  /** What was prepared shortly before the point. */
  readonly listed: PreparedList;
  /** Where the stream will go on. */
  readonly point: BinlogPosition;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly signal: AbortSignal;
}

/** A minute's reading. A transaction is prepared for moments; one that was forgotten is better told than looked for. */
const LOOK_BACK_BYTES = 16 * 1024 ** 3;

/**
 * XA transactions that are prepared at the point of a snapshot, with their rows, which lie in the binlog before it: looked
 * for in the newest file first, until all are found. What is not found is told, and why.
 */
export async function findPrepared(search: PreparedSearch): Promise<ReadonlyMap<string, PreparedTransaction>> {
  const { listed, point } = search;
  const found = new Map<string, PreparedTransaction>();
  // Between the question and the point others may have been prepared.
  if ((compareBinlogPositions(listed.before, point) ?? 0) < 0) {
    await scan(search, { from: listed.before, to: point, isWanted: () => true, found });
  }
  if (listed.xids === null) {
    await tellRefusal(search);
    return found;
  }
  const missing = new Set(listed.xids.filter((xid) => !found.has(xid)));
  if (missing.size > 0) await lookBack(search, missing, found);
  return found;
}

async function lookBack(
  search: PreparedSearch,
  missing: Set<string>,
  found: Map<string, PreparedTransaction>,
): Promise<void> {
  const { catalog, listed, logger } = search;
  const files = await readBinlogFiles(catalog);
  let to = listed.before;
  let bytes = 0;
  for (let i = files.findIndex(({ name }) => name === to.file); i >= 0; i--) {
    const file = files[i]!;
    if (bytes > LOOK_BACK_BYTES) break;
    bytes += file.bytes;
    logger.info({ file: file.name, transactions: missing.size }, 'looking for the rows of prepared XA transactions');
    const from = { file: file.name, position: FIRST_POSITION };
    try {
      await scan(search, { from, to, isWanted: (xid) => missing.has(xid), found });
    } catch (error) {
      // It was purged meanwhile.
      if (error instanceof TailraceError && error.code === 'source.position_lost') break;
      throw error;
    }
    for (const xid of found.keys()) missing.delete(xid);
    if (missing.size === 0) return;
    to = from;
  }
  logger.warn(
    { xids: [...missing] },
    `the binlog before the snapshot no longer has the rows of ${list(missing)}, which ${missing.size === 1 ? 'is' : 'are'} prepared: an XA COMMIT of what has changed rows will stop the connector. Commit or roll back now (XA ROLLBACK ${[...missing][0]};), and start again with "tailrace offsets reset"`,
  );
}

/** XIDs are as many as a transaction manager likes. */
function list(xids: ReadonlySet<string>): string {
  const [first] = xids;
  return xids.size === 1 ? `XA transaction ${first}` : `${xids.size} XA transactions, such as ${first},`;
}

async function tellRefusal({ config, catalog, logger }: PreparedSearch): Promise<void> {
  if (!(await usesXa(catalog))) return;
  const user = config['database.user'];
  logger.warn(
    `${user} may not know which XA transactions are prepared: an XA COMMIT of one that was prepared before this snapshot will stop the connector. GRANT XA_RECOVER_ADMIN ON *.* TO ${quoteAccount(user)}; and start again with "tailrace offsets reset"`,
  );
}

interface Stretch {
  readonly from: BinlogPosition;
  readonly to: BinlogPosition;
  readonly isWanted: (xid: string) => boolean;
  /** Takes up what the stretch has. */
  readonly found: Map<string, PreparedTransaction>;
}

async function scan(search: PreparedSearch, { from, to, isWanted, found }: Stretch): Promise<void> {
  const { config, family, signal } = search;
  const { hasTable } = createTableFilter(config);
  const keepsQuery = config['include.query'];
  const scanned = new PreparedScan({ from, isWanted, hasTable, keepsQuery });
  const take: Take<true> = (bytes, start, end) => {
    scanned.apply(bytes, start, end);
    const { file, position } = scanned.position;
    return file === to.file && position >= to.position ? true : null;
  };
  try {
    await readDump({ config, family, from, annotateRows: keepsQuery }, take, signal);
  } catch (error) {
    const { file, position } = scanned.position;
    const context = errorContext(config, `look for prepared XA transactions at ${file}:${position}`);
    throw signal.aborted ? error : explainDecoding(error, context, 'source.snapshot');
  }
  for (const [xid, transaction] of scanned.found) found.set(xid, transaction);
}
