import { DecodeError } from '../../decode-error.ts';
import type { Decimal } from './numeric.ts';

const GROUP_DIGITS = 3;
const SEPARATORS = /[.,'\u2019\u066b\u066c\u00a0\u202f ]/;

/**
 * cash_out's text under any lc_monetary: currency sign before or behind, groups of digits, minus or parentheses.
 * Where the last separator is followed by three digits and no other kind of separator came before it, the text alone
 * does not tell a group (`1,234` yen) from a fraction (`1.234` dinar): `fractionDigits`, the locale's number of
 * decimal places, decides.
 */
export function parseMoney(text: string, fractionDigits: number, offset = 0): Decimal {
  const first = text.search(/\d/);
  if (first === -1) throw new DecodeError('a sum of money expected', offset);
  const last = text.search(/\d\D*$/);
  const isNegative = /[(-]/.test(text.slice(0, first)) || /[-)]/.test(text.slice(last + 1));
  const amount = text.slice(first, last + 1);
  const parts = amount.split(SEPARATORS);
  if (!parts.every((part) => /^\d+$/.test(part))) throw new DecodeError('a sum of money expected', offset);
  const scale = parts.length === 1 ? 0 : fractionLength(amount, parts, fractionDigits);
  const digits = BigInt(parts.join(''));
  return { unscaled: isNegative ? -digits : digits, scale, special: null };
}

function fractionLength(amount: string, parts: readonly string[], fractionDigits: number): number {
  const length = parts.at(-1)!.length;
  if (length !== GROUP_DIGITS) return length;
  const separators = [...amount].filter((character) => SEPARATORS.test(character));
  const isOnlyKind = separators.every((separator) => separator === separators.at(-1));
  if (!isOnlyKind) return length;
  return separators.length === 1 && fractionDigits === GROUP_DIGITS ? length : 0;
}
