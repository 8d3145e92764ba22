import { isUtf8 } from 'node:buffer';
import { type Charset, charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';
import { textParser } from '../../../../decoders/binlog/value/text.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ValueSink } from '../../../model/codec.ts';
import { TailraceError } from '../../../model/errors.ts';
import type { ValueForm } from './value-form.ts';

/** Texts in one character set. */
export interface CharsetText {
  /** @throws DecodeError where the bytes are no text of the character set. */
  read(bytes: Buffer, start: number, end: number): string;
  write(sink: ValueSink, bytes: Buffer, start: number, end: number): void;
}

/** Beyond this a native scan is faster than a loop. */
const LOOP_BYTES = 64;
const ASCII_BYTES = 128;

/**
 * `character_set_results=NULL` and the binlog leave text in its column's character set; where nothing tells it, or where the
 * labels of an ENUM are `binary`, it is UTF-8.
 */
export function columnText(column: ColumnSchema, form: ValueForm): CharsetText {
  const collation = form.kind === 'binlog' ? form.column.collation : null;
  const charset = column.charset ?? (collation === null ? null : charsetOfCollation(collation));
  return charsetText(charset === null || charset === 'binary' ? 'utf8mb4' : charset);
}

/** @throws TailraceError `source.type` for a character set that neither server has. */
export function charsetText(name: string): CharsetText {
  const charset = name.toLowerCase() === 'utf8' ? 'utf8mb3' : name.toLowerCase();
  const parse = parserOf(charset);
  if (charset === 'utf8mb4' || charset === 'utf8mb3') {
    return {
      read: parse,
      write: (sink, bytes, start, end) => {
        if (isUtf8Text(bytes, start, end)) sink.utf8(bytes, start, end);
        else sink.string(parse(bytes, start, end));
      },
    };
  }
  if (!isAsciiCompatible(parse)) {
    return { read: parse, write: (sink, bytes, start, end) => sink.string(parse(bytes, start, end)) };
  }
  return {
    read: parse,
    write: (sink, bytes, start, end) => {
      if (isAscii(bytes, start, end)) sink.utf8(bytes, start, end);
      else sink.string(parse(bytes, start, end));
    },
  };
}

type ParseText = (bytes: Buffer, start: number, end: number) => string;

function parserOf(charset: string): ParseText {
  try {
    return textParser(charset as Charset);
  } catch (error) {
    throw new TailraceError('source.type', `text in the character set ${charset} cannot be read`, {
      remedy: 'Leave the column out (column.exclude.list), or convert it to utf8mb4.',
      cause: error,
    });
  }
}

/** Whether every ASCII byte is the character that it is in ASCII; not so in swe7 or the wide Unicode forms. */
function isAsciiCompatible(parse: ParseText): boolean {
  const bytes = Buffer.from(Uint8Array.from({ length: ASCII_BYTES }, (_, byte) => byte));
  try {
    return parse(bytes, 0, bytes.length) === bytes.toString('latin1');
  } catch {
    // Not a text at all there.
    return false;
  }
}

/** Strictly: what is not, MariaDB's surrogates among it, the parser judges. */
function isUtf8Text(bytes: Buffer, start: number, end: number): boolean {
  if (isAscii(bytes, start, end)) return true;
  if (end - start > LOOP_BYTES) return isUtf8(bytes.subarray(start, end));
  for (let at = start; at < end; ) {
    const lead = bytes[at]!;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const second = at + 1 < end ? bytes[at + 1]! : 0;
    if ((second & 0xc0) !== 0x80) return false;
    if (lead < 0xe0) {
      if (lead < 0xc2) return false;
      at += 2;
      continue;
    }
    if (at + 2 >= end || (bytes[at + 2]! & 0xc0) !== 0x80) return false;
    if (lead < 0xf0) {
      // Overlong forms and surrogates.
      if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second >= 0xa0)) return false;
      at += 3;
      continue;
    }
    if (at + 3 >= end || (bytes[at + 3]! & 0xc0) !== 0x80) return false;
    if (lead > 0xf4 || (lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second >= 0x90)) return false;
    at += 4;
  }
  return true;
}

function isAscii(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  if (end - start > LOOP_BYTES) {
    // Four bytes at a time.
    for (; at + 4 <= end; at += 4) {
      if (((bytes[at]! | bytes[at + 1]! | bytes[at + 2]! | bytes[at + 3]!) & 0x80) !== 0) return false;
    }
  }
  for (; at < end; at++) if (bytes[at]! >= 0x80) return false;
  return true;
}
