import { DecodeError } from '../decode-error.ts';

const LSN_TEXT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;
const LOW_WORD = 0x1_0000_0000;

/** An LSN as Postgres prints it (`16/B374D848`) to bytes of WAL since the beginning. DecodeError beyond 2^53 - 1. */
export function parseLsn(text: string): number {
  const match = LSN_TEXT.exec(text);
  if (match === null) throw new DecodeError(`not an LSN: ${JSON.stringify(text.slice(0, 40))}`, 0);
  const lsn = Number.parseInt(match[1]!, 16) * LOW_WORD + Number.parseInt(match[2]!, 16);
  if (!Number.isSafeInteger(lsn)) throw new DecodeError(`LSN ${text} is beyond 2^53 - 1`, 0);
  return lsn;
}

/** The inverse of {@link parseLsn}, in Postgres' own form: upper case, no leading zeros. */
export function formatLsn(lsn: number): string {
  if (!Number.isSafeInteger(lsn) || lsn < 0) throw new DecodeError(`not an LSN: ${lsn}`, 0);
  const high = Math.floor(lsn / LOW_WORD);
  const low = lsn % LOW_WORD;
  return `${high.toString(16)}/${low.toString(16)}`.toUpperCase();
}
