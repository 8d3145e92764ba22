import { charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';

/** A character set and a collation as DDL names them; null where it does not. */
export interface NamedCharset {
  readonly charset: string | null;
  readonly collation: string | null;
}

/** The character set that DDL means: a collation alone names its own. MariaDB's `uca1400_ai_ci` is one of any set. */
export function charsetOf(named: NamedCharset, fallback: string | null): string | null {
  if (named.charset !== null) return named.charset;
  if (named.collation === null || named.collation.startsWith('uca1400')) return fallback;
  return named.collation.split('_')[0]!;
}

/** Of a query event's status variables; null where there is none, or one that no server has. */
export function charsetOfId(collation: number | null): string | null {
  return collation === null ? null : charsetOfCollation(collation);
}

/** Longest character in bytes (`Maxlen` of SHOW CHARACTER SET). */
export function bytesPerCharacter(charset: string | null): number {
  switch (charset) {
    case 'utf8mb4':
    case 'utf16':
    case 'utf16le':
    case 'utf32':
    case 'gb18030':
      return 4;
    case 'utf8':
    case 'utf8mb3':
    case 'ujis':
    case 'eucjpms':
      return 3;
    case 'ucs2':
    case 'big5':
    case 'cp932':
    case 'euckr':
    case 'gb2312':
    case 'gbk':
    case 'sjis':
      return 2;
    default:
      return 1;
  }
}
