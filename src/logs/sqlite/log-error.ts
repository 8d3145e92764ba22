import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { TailraceError } from '../../model/errors.ts';

/** Below this a filesystem counts as full: SQLite's shared-memory file grows by 32 KiB and a WAL frame has 16 KiB. */
const FULL_BELOW_BYTES = 64 * 1024;

/** What an error of SQLite means for the operator. `doing` completes "while ...". Other errors come back as they are. */
export function toLogError(error: unknown, path: string, doing: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const code = error.code;
  const details = { cause: error };
  if (code === 'SQLITE_FULL' || ((isIoError(code) || isOpenError(code)) && diskIsFull(path))) {
    return new TailraceError('log.full', `No space left on the disk of ${path} while ${doing}.`, {
      ...details,
      remedy:
        'Free space on that filesystem, move the log to a larger one, or keep less of it with retention by bytes or age; nothing was lost: the task goes on from its checkpoint by itself, or when it is started again.',
    });
  }
  if (code === 'SQLITE_NOTADB') {
    return notDatabase(path, error);
  }
  // Our statements are fixed: one that SQLite cannot run met a file with another format or other tables.
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_ERROR')
    return corrupt(path, `${error.message}, ${doing}`, error);
  if (code === 'SQLITE_READONLY' && mayWrite(path)) return corrupt(path, 'its header forbids to write it', error);
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new TailraceError('log.locked', `Another program kept ${path} locked while ${doing}.`, {
      ...details,
      remedy:
        'End the program that holds a write transaction on this file (a SQLite shell, a backup), then start again.',
    });
  }
  if (isOpenError(code)) {
    return new TailraceError('log.open', `Cannot open ${path}: ${error.message} (${code}).`, {
      ...details,
      remedy: 'Check that its folder exists and that this user may write the file and its folder.',
    });
  }
  return new TailraceError('log.write', `SQLite failed on ${path} while ${doing}: ${error.message} (${code}).`, {
    ...details,
    remedy: isIoError(code)
      ? 'Check the disk and its filesystem; the log keeps what was appended before.'
      : 'This is a bug: please report it.',
  });
}

/** `log.corrupt` for a file whose content is not what was written. */
export function corrupt(path: string, what: string, cause?: unknown): TailraceError {
  return new TailraceError('log.corrupt', `${path} is damaged: ${what}.`, {
    remedy:
      'Restore the file from a backup, or move it away and bootstrap again; do not edit a log with other programs.',
    cause,
  });
}

/** `log.corrupt` for a file that does not begin as a SQLite database does. */
export function notDatabase(path: string, cause?: unknown): TailraceError {
  return new TailraceError('log.corrupt', `${path} is not a tailrace log: it is not a SQLite database.`, {
    remedy:
      'Give the log a path of its own; if this was a log, its first bytes were overwritten: restore it from a backup.',
    cause,
  });
}

/** Runs `work`, turning what SQLite throws into {@link TailraceError}s. */
export function guarded<T>(path: string, doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toLogError(error, path, doing);
  }
}

function isIoError(code: string): boolean {
  return code.startsWith('SQLITE_IOERR');
}

function isOpenError(code: string): boolean {
  return (
    code.startsWith('SQLITE_CANTOPEN') ||
    code.startsWith('SQLITE_READONLY') ||
    code === 'SQLITE_PERM' ||
    code === 'SQLITE_AUTH'
  );
}

/** SQLite tells ENOSPC apart on writes only, not when it makes or grows its side files. */
function diskIsFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < FULL_BELOW_BYTES;
  } catch {
    return false; // the folder is gone: whatever SQLite said stands
  }
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // then the error is what it says
  }
}
