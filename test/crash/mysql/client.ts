import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';

/** Through a server that is on its way back. */
export async function openClient(url: string): Promise<mysql.Connection> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await connectClient(url);
    } catch (error) {
      if (attempt === 200 || !isServerFault(error)) throw error;
      await sleep(50);
    }
  }
}

/** One try. The loss of the connection is seen by the query that meets it. */
export async function connectClient(url: string): Promise<mysql.Connection> {
  const client = await mysql.createConnection({ uri: url, connectTimeout: 5000 });
  client.on('error', () => {});
  return client;
}

const GONE = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'ER_SERVER_SHUTDOWN',
  'ER_NORMAL_SHUTDOWN',
  'ER_CONNECTION_KILLED',
  'ER_QUERY_INTERRUPTED',
  'ER_ABORTING_CONNECTION',
  'ER_NEW_ABORTING_CONNECTION',
]);

/** The server went, is going or is coming back. */
export function isServerFault(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return GONE.has(code) || /^(ECONN|EPIPE|ETIMEDOUT)/.test(code) || /closed state|connection is closed/i.test(message);
}

const CONFLICTS = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_DUP_ENTRY',
  'ER_NO_SUCH_TABLE',
  'ER_BAD_FIELD_ERROR',
  'ER_TABLE_DEF_CHANGED',
  'ER_CANT_DROP_FIELD_OR_KEY',
  'ER_DUP_FIELDNAME',
  'ER_XA_RBDEADLOCK',
  'ER_XA_RBROLLBACK',
  'ER_XA_RBTIMEOUT',
  'ER_XAER_NOTA',
  'ER_STATEMENT_TIMEOUT',
]);

/** Deadlock, a lock that another holds, one key for two rows, or a table or column that went meanwhile. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has((error as { code?: string }).code ?? '');
}
