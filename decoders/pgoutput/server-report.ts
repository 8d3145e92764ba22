import { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';

/** An ErrorResponse or NoticeResponse: what a user of psql sees of it. */
export interface ServerReport {
  /** ERROR, FATAL, PANIC, WARNING, NOTICE ...; not translated where the server sends that (9.6 and newer). */
  readonly severity: string;
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
}

/**
 * The body of ErrorResponse ('E') and NoticeResponse ('N'):
 *
 *     { Byte1 field, String value }* Byte1(0)
 *
 * Fields that are not in {@link ServerReport} are skipped, as the protocol asks for fields one does not know.
 */
export function parseServerReport(bytes: Buffer, start: number, end: number): ServerReport {
  const cursor = new Cursor(bytes, start, end);
  const fields = new Map<string, string>();
  for (let field = cursor.uint8(); field !== 0; field = cursor.uint8()) {
    fields.set(String.fromCharCode(field), cursor.cstring());
  }
  cursor.expectEnd('error or notice response');
  const severity = fields.get('V') ?? fields.get('S');
  const code = fields.get('C');
  const message = fields.get('M');
  if (severity === undefined || code === undefined || message === undefined) {
    throw new DecodeError('error or notice response without severity, code or message', start);
  }
  return { severity, code, message, detail: fields.get('D') ?? null, hint: fields.get('H') ?? null };
}
