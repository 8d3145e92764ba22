import type { Statement } from './ddl/statement.ts';
import { UnreadableChangeError } from './unreadable-change-error.ts';

const REMEDY =
  'SET GLOBAL binlog_format = ROW, and see that no session sets its own; then read the tables again: snapshot.mode=when_needed or always.';

/**
 * Refuses a statement that stands in the log for rows of captured tables, or may: no event tells these.
 * @throws UnreadableChangeError
 */
export function refuseRowsOf(
  statement: Statement & { readonly kind: 'dml' | 'create-table' },
  mayTouch: (statement: Statement) => boolean,
  place: string,
): void {
  if (!mayTouch(statement)) return;
  const touched = statement.tables.filter((table) => mayTouch({ ...statement, tables: [table] }));
  const names = touched.map(({ database, name }) => `${database}.${name}`).join(', ');
  const verb = statement.kind === 'dml' ? statement.verb : 'CREATE TABLE ... SELECT';
  throw new UnreadableChangeError(
    `${verb} on ${names} is in the binlog at ${place} as a statement, which does not tell the rows that it changed`,
    REMEDY,
  );
}

/** A statement that calls a routine, logged in place of the rows that this changed, whichever they are. */
export function isCall(statement: Statement): boolean {
  return statement.kind === 'unknown' && statement.tables === null && / can change any table$/.test(statement.reason);
}

/** @throws UnreadableChangeError */
export function refuseCall(text: string, place: string): void {
  // What ends a session's locks is logged where statements are, and changes nothing.
  if (/^DO RELEASE_LOCK\(/i.test(text)) return;
  const verb = /^\w+/.exec(text)?.[0].toUpperCase() ?? 'a statement';
  throw new UnreadableChangeError(
    `${verb} is in the binlog at ${place} as a statement, which does not tell the rows that it changed`,
    REMEDY,
  );
}
