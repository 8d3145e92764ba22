import { DecodeError } from '../../../../decoders/decode-error.ts';
import type { ParseDefaultMoment } from './temporal.ts';
import { dateParser, dateTimeParser, type ParseMoment } from './temporal-form.ts';

const parseDateText = dateParser({ kind: 'text' });
const parseDateTimeText = dateTimeParser({ kind: 'text' }, 0);

/** What only the server can tell when a row is made: the epoch stands for it, as in Debezium. */
const NOW = /^(?:current_timestamp|now|localtime|localtimestamp|utc_timestamp)\b/i;
const EPOCH = '1970-01-01 00:00:00';
/** `DEFAULT 0` is the zero date. */
const ZERO = '0';
const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_LENGTH = 10;

export const dateDefault: ParseDefaultMoment = (text, _optional, into) => {
  const plain = literal(text);
  return plain === ZERO ? 'zero' : parse(plain.slice(0, DATE_LENGTH), parseDateText, into);
};

export const dateTimeDefault: ParseDefaultMoment = (text, _optional, into) => {
  const plain = literal(text);
  return plain === ZERO ? 'zero' : parse(withTime(plain), parseDateTimeText, into);
};

/** The epoch itself counts as a zero date here, as in Debezium: TIMESTAMP begins a second later. */
export const timestampDefault: ParseDefaultMoment = (text, _optional, into) => {
  const plain = literal(text);
  return plain === ZERO || plain === EPOCH ? 'zero' : parse(withTime(plain), parseDateTimeText, into);
};

function literal(text: string): string {
  const plain = text.trim();
  return NOW.test(plain) ? EPOCH : plain;
}

function withTime(text: string): string {
  return DATE.test(text) ? `${text} 00:00:00` : text;
}

function parse(text: string, parseText: ParseMoment, into: Parameters<ParseMoment>[3]): 'moment' | 'zero' {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) throw new DecodeError('a date expected', 0);
  return parseText(bytes, 0, bytes.length, into) ? 'moment' : 'zero';
}
