import type { Statement } from './ddl/statement.ts';
import { EVENT_FLAG, type EventHeader } from './event-header.ts';

/**
 * A session that logs statements logs those of its TEMPORARY tables, too, under names that others may have in front of
 * everybody. Their events are marked as depending on the session. So is an ALTER with a default that calls CONNECTION_ID(),
 * and a CREATE ... LIKE a temporary table: only the catalog tells what they do.
 */
export function withoutTemporary(statement: Statement, { flags }: EventHeader): Statement {
  if ((flags & EVENT_FLAG.threadSpecific) === 0) return statement;
  switch (statement.kind) {
    case 'truncate-table':
      return { kind: 'no-table', what: 'TRUNCATE of a temporary table' };
    case 'alter-table':
      return { kind: 'unknown', reason: 'it may be of a temporary table', tables: statement.tables };
    case 'create-table':
      if (statement.like === null) return statement;
      return { kind: 'unknown', reason: 'it may be like a temporary table', tables: statement.tables };
    default:
      return statement;
  }
}
