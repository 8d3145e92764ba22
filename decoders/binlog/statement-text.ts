import { DecodeError } from '../decode-error.ts';
import type { QueryEvent } from './event.ts';
import { charsetOfCollation } from './value/collation.ts';
import { textParser } from './value/text.ts';

/** A statement as its session wrote it, in the character set that the event names. */
export function parseStatementText({ query, status }: QueryEvent): string {
  const charset = status.clientCollation === null ? null : charsetOfCollation(status.clientCollation);
  if (charset === 'binary') return query.toString('latin1');
  try {
    return textParser(charset ?? 'utf8mb4')(query, 0, query.length);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    // A literal may hold bytes that are no text. Every character set of a client has ASCII's letters where ASCII has them.
    return query.toString('latin1');
  }
}
