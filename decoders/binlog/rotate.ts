import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import type { RotateEvent } from './event.ts';
import { EVENT_FLAG, type EventHeader } from './event-header.ts';

/** `uint64 position, char[] file`: what follows is in `file`, from `position` on. */
export function parseRotate(cursor: BinlogCursor, header: EventHeader): RotateEvent {
  const position = cursor.uint64();
  const file = parseFileName(cursor, cursor.remaining);
  return { kind: 'rotate', header, file, position, artificial: (header.flags & EVENT_FLAG.artificial) !== 0 };
}

/** The name of a binlog file; a control character or bytes outside UTF-8 mean that something else was there. */
export function parseFileName(cursor: BinlogCursor, length: number): string {
  const at = cursor.position;
  const name = cursor.utf8(length);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (name === '' || /[\x00-\x1f\x7f\ufffd]/.test(name)) throw new DecodeError('that is no name of a binlog file', at);
  return name;
}
