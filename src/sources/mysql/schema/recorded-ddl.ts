import type { Statement } from '../../../../decoders/binlog/ddl/statement.ts';

/**
 * Objects without rows whose statements Debezium passes over (the default of `schema.history.internal.ddl.filter`);
 * other statements without tables it records with no table changes.
 */
const PASSED_OVER = new Set([
  ...['GRANT', 'REVOKE', 'ANALYZE', 'OPTIMIZE', 'REPAIR', 'an empty statement'],
  ...['CREATE', 'ALTER', 'DROP'].flatMap((verb) =>
    ['USER', 'ROLE', 'VIEW', 'FUNCTION', 'PROCEDURE', 'TRIGGER'].map((object) => `${verb} ${object}`),
  ),
  'CREATE TEMPORARY TABLE',
  'DROP TEMPORARY TABLE',
]);

/** MariaDB logs SET PASSWORD with the password's hash, which is no business of a topic. */
const PASSED_OVER_TEXT = /^\s*(?:FLUSH\s+(?:PRIVILEGES|RELAY\s+LOGS)|SET\s+PASSWORD)\b/i;

/** Whether a statement of the binlog goes to the schema history and the schema-change topic. */
export function isRecorded(statement: Statement, ddl: string): boolean {
  switch (statement.kind) {
    case 'create-table':
    case 'alter-table':
    case 'drop-table':
    case 'rename-table':
    case 'sequence':
    case 'create-database':
    case 'alter-database':
    case 'drop-database':
    case 'unknown':
      return true;
    case 'no-table':
      return !PASSED_OVER.has(statement.what) && !PASSED_OVER_TEXT.test(ddl);
    case 'truncate-table':
    case 'dml':
    case 'begin':
    case 'commit':
    case 'rollback':
    case 'savepoint':
    case 'rollback-to':
    case 'xa':
      return false;
    default:
      return statement satisfies never;
  }
}
