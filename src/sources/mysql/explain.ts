import { UnreadableChangeError } from '../../../decoders/binlog/unreadable-change-error.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { PositionLostError } from '../../../decoders/position-lost-error.ts';
import { type ErrorCode, TailraceError } from '../../model/errors.ts';
import { type ErrorContext, mysqlError } from './mysql-error.ts';

/** Errors of a decoder, of the server, or of the connection, as ours. */
export function explainDecoding(error: unknown, context: ErrorContext, otherwise: ErrorCode): TailraceError {
  if (error instanceof UnreadableChangeError) {
    return new TailraceError('source.decode', `cannot ${context.doing}: ${error.message}`, {
      remedy: error.remedy,
      cause: error,
    });
  }
  if (error instanceof DecodeError) {
    return new TailraceError('source.decode', `cannot ${context.doing}: ${error.message}`, {
      remedy: 'Nothing was skipped. Please report it, with the version of the server.',
      cause: error,
    });
  }
  if (error instanceof PositionLostError) {
    return new TailraceError('source.position_lost', `cannot ${context.doing}: ${error.message}`, {
      remedy:
        'The server’s binlog does not belong to the stored position. Start with snapshot.mode=when_needed, or with "tailrace offsets reset".',
      cause: error,
    });
  }
  return mysqlError(error, context, otherwise);
}
