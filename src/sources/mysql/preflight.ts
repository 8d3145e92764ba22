import type { Connection } from 'mysql2/promise';
import { type MysqlConfig, serverFamily } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { PreflightCheck, PreflightReport } from '../../model/preflight.ts';
import { connect, disconnect, errorContext } from './connection.ts';
import { mysqlError } from './mysql-error.ts';
import { checkLogFilters, checkServerId } from './preflight-access.ts';
import { checkPosition } from './preflight-position.ts';
import { checkPrivileges, checkSnapshotLock, checkXaRecover } from './preflight-privileges.ts';
import { checkServerSettings } from './preflight-server.ts';
import { checkTables } from './preflight-tables.ts';
import { usesXa } from './prepared-list.ts';
import { readPrivileges } from './privileges.ts';
import { readServerFacts } from './server-facts.ts';
import { readRetentionMs } from './server-retention.ts';
import { readServerState, type ServerState } from './server-state.ts';
import { chooseTables, listTables } from './snapshot-tables.ts';

/** Longest wait for an answer: the catalog of many thousands of tables takes a while. */
const ANSWER_WITHIN_MS = 120_000;

/**
 * Looks at everything that a start with this configuration would need, and changes nothing. `stored` is where it would go
 * on, null for a first start. Throws only when there is no connection to ask over.
 */
export async function preflight(config: MysqlConfig, stored: SourceOffset | null = null): Promise<PreflightReport> {
  const client = await connect(config, ANSWER_WITHIN_MS);
  try {
    const facts = await readServerFacts(client);
    const settings = checkServerSettings(facts, await readRetentionMs(client));
    if (!facts.logsChanges) return { checks: settings };
    const privileges = await readPrivileges(client, facts.family);
    const state = await readState(client, config);
    if (state instanceof TailraceError && state.code !== 'source.privilege') {
      return { checks: [...settings, failed('connector.class', state)] };
    }
    const tables = chooseTables(await listTables(client, config), {
      ...config,
      // Which rows a snapshot reads says nothing of what is streamed.
      'snapshot.include.collection.list': null,
    });
    const access =
      state instanceof TailraceError
        ? { checks: [], snapshot: true }
        : await checkPosition(config, { family: facts.family, state, stored });
    const xa = access.snapshot && (await usesXa(client)) ? checkXaRecover(privileges, config, facts.family) : null;
    return {
      checks: [
        ...settings,
        ...checkPrivileges(privileges, config, facts.family),
        ...(state instanceof TailraceError ? [] : await checkLogFilters(client, config, facts)),
        ...access.checks,
        await checkServerId(client, config),
        ...(access.snapshot ? [checkSnapshotLock(privileges, config, tables)] : []),
        ...(xa === null ? [] : [xa]),
        ...(await checkTables(client, tables, { config, facts })),
      ],
    };
  } catch (error) {
    throw mysqlError(error, errorContext(config, 'check the server'));
  } finally {
    await disconnect(client);
  }
}

/** Or why it may not be known: the files of the binlog are told to those with a privilege alone. */
async function readState(client: Connection, config: MysqlConfig): Promise<ServerState | TailraceError> {
  try {
    return await readServerState(client, serverFamily(config));
  } catch (error) {
    const explained = mysqlError(error, errorContext(config, 'list the files of the binlog'));
    if (explained.code === 'source.privilege' || explained.code === 'source.setting') return explained;
    throw explained;
  }
}

function failed(name: string, { message, remedy }: TailraceError): PreflightCheck {
  return { name, status: 'error', message, remedy: remedy ?? null };
}
