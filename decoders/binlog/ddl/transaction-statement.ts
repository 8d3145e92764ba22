import type { Statement, Xid } from './statement.ts';
import type { TokenReader } from './token-reader.ts';

/** BEGIN, COMMIT, ROLLBACK, savepoints and XA in the forms in which servers write and clients send them; null: none of them. */
export function parseTransactionStatement(reader: TokenReader): Statement | null {
  if (reader.accept('BEGIN') || reader.accept('START', 'TRANSACTION')) {
    const rest = reader.peek().upper;
    if (rest === 'WORK') reader.next();
    // START TRANSACTION takes characteristics (READ ONLY ...), which change nothing here; BEGIN NOT ATOMIC is a compound statement.
    if (rest === 'WITH' || rest === 'READ') while (!reader.isAtEnd && reader.next().kind !== 'broken');
    reader.expectEnd();
    return { kind: 'begin' };
  }
  if (reader.accept('COMMIT')) return endOfTransaction(reader, 'commit');
  if (reader.accept('ROLLBACK')) {
    reader.accept('WORK');
    if (!reader.accept('TO')) return endOfTransaction(reader, 'rollback');
    reader.accept('SAVEPOINT');
    return { kind: 'rollback-to', savepoint: reader.identifier() };
  }
  const isRelease = reader.accept('RELEASE', 'SAVEPOINT');
  if (isRelease || reader.accept('SAVEPOINT')) {
    const savepoint = reader.identifier();
    reader.expectEnd();
    return { kind: 'savepoint', action: isRelease ? 'release' : 'set', savepoint };
  }
  return reader.accept('XA') ? parseXa(reader) : null;
}

function endOfTransaction(reader: TokenReader, kind: 'commit' | 'rollback'): Statement {
  reader.accept('WORK');
  if (reader.accept('AND')) {
    reader.accept('NO');
    reader.expect('CHAIN');
  }
  reader.accept('NO');
  reader.accept('RELEASE');
  reader.expectEnd();
  return { kind };
}

/** `XA verb xid [ONE PHASE]`, where the servers write the xid as `X'global',X'branch',format`. */
function parseXa(reader: TokenReader): Statement {
  if (reader.accept('RECOVER')) return { kind: 'no-table', what: 'XA RECOVER' };
  const verb = reader.acceptAny(['START', 'BEGIN', 'END', 'PREPARE', 'COMMIT', 'ROLLBACK']);
  if (verb === null) throw reader.notUnderstood('an XA verb');
  const xid = parseXid(reader);
  const onePhase = reader.accept('ONE', 'PHASE');
  if (!onePhase) while (reader.acceptAny(['JOIN', 'RESUME', 'SUSPEND', 'FOR', 'MIGRATE']) !== null);
  reader.expectEnd();
  const action =
    verb === 'BEGIN' ? 'start' : (verb.toLowerCase() as 'start' | 'end' | 'prepare' | 'commit' | 'rollback');
  return { kind: 'xa', action, xid, onePhase };
}

function parseXid(reader: TokenReader): Xid {
  const globalId = parseXidPart(reader);
  const branch = reader.accept(',') ? parseXidPart(reader) : '';
  let formatId = 1;
  if (reader.accept(',')) {
    const token = reader.next();
    formatId = Number(token.value);
    if (token.kind !== 'number' || !Number.isSafeInteger(formatId)) throw reader.notUnderstood('the format of the xid');
  }
  return { globalId, branch, formatId };
}

/** A hexadecimal literal, or a string of ASCII; to hexadecimal text. */
function parseXidPart(reader: TokenReader): string {
  const first = reader.next();
  if (first.upper === 'X' && reader.peek().kind === 'string') {
    const hex = reader.next().value.toLowerCase();
    if (/^(?:[0-9a-f]{2})*$/.test(hex)) return hex;
  }
  if (first.kind === 'number' && /^0x(?:[0-9A-Fa-f]{2})+$/.test(first.value)) return first.value.slice(2).toLowerCase();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  if (first.kind === 'string' && /^[\u0000-\u007f]*$/.test(first.value))
    return Buffer.from(first.value).toString('hex');
  throw reader.notUnderstood('the parts of the xid');
}
