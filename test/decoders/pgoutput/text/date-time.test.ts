import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calendarDate, epochDays } from '../../../../decoders/pgoutput/text/calendar.ts';
import {
  type DateTime,
  MICROS_PER_DAY,
  parseDate,
  parseTime,
  parseTimestamp,
  parseTimeTz,
} from '../../../../decoders/pgoutput/text/date-time.ts';

/** Parsers must mind their range, not the buffer. */
function inside<T>(text: string, parse: (bytes: Buffer, start: number, end: number) => T): T {
  const bytes = Buffer.from(`99${text}99`);
  return parse(bytes, 2, bytes.length - 2);
}

function timestamp(text: string): DateTime {
  return inside(text, (bytes, start, end) => {
    const time = { days: 0, micros: 0 };
    parseTimestamp(bytes, start, end, time);
    return time;
  });
}

test('a day number and its date are each other’s inverse, BC and to the last year of Postgres', () => {
  for (const days of [0, -1, 1, 17_109, -719_528, -2_440_550, 2_145_031_948, 59, 60, -719_468]) {
    const { year, month, day } = calendarDate(days);
    assert.equal(epochDays(year, month, day), days);
  }
  for (let days = -800_000; days < 800_000; days += 379) {
    const date = new Date(days * 86_400_000);
    assert.deepEqual(calendarDate(days), {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
    });
  }
});

test('dates are days since 1970, proleptic, and infinite', () => {
  const dates: [string, number][] = [
    ['2016-11-04', 17_109],
    ['1970-01-01', 0],
    ['0044-03-15', -703_383],
    ['0044-03-15 BC', -735_160],
    ['0001-12-31 BC', -719_163],
    ['4713-01-01 BC', -2_440_550],
    ['5874897-12-31', 2_145_042_905],
    ['2000-02-29', 11_016],
    ['infinity', Number.POSITIVE_INFINITY],
    ['-infinity', Number.NEGATIVE_INFINITY],
  ];
  for (const [text, days] of dates) assert.equal(inside(text, parseDate), days, text);
});

test('times are microseconds, with 24:00:00 and with fractions of one to six digits', () => {
  const times: [string, number][] = [
    ['13:51:30', 49_890_000_000],
    ['13:51:30.123456', 49_890_123_456],
    ['00:00:00.1', 100_000],
    ['24:00:00', MICROS_PER_DAY],
    ['23:59:59.999999', MICROS_PER_DAY - 1],
  ];
  for (const [text, micros] of times) assert.equal(inside(text, parseTime), micros, text);
});

test('times with a zone come in UTC and wrap around midnight', () => {
  const hour = 3_600_000_000;
  assert.equal(inside('13:51:30.123789+02', parseTimeTz), 42_690_123_789);
  assert.equal(inside('01:00:00+05:30', parseTimeTz), 19.5 * hour);
  assert.equal(inside('23:00:00-02:00:01', parseTimeTz), hour + 1_000_000);
  assert.equal(inside('24:00:00+00', parseTimeTz), 0);
  assert.equal(inside('24:00:00-05', parseTimeTz), 5 * hour);
});

test('timestamps are day and microsecond in UTC, whatever their zone', () => {
  assert.deepEqual(timestamp('2016-11-04 13:51:30.123456'), { days: 17_109, micros: 49_890_123_456 });
  assert.deepEqual(timestamp('1969-12-31 23:59:59.999999'), { days: -1, micros: MICROS_PER_DAY - 1 });
  assert.deepEqual(timestamp('4713-12-31 23:59:59.999999 BC'), { days: -2_440_185, micros: MICROS_PER_DAY - 1 });
  assert.deepEqual(timestamp('294276-12-31 23:59:59.999999').days, 106_762_939);
  assert.deepEqual(timestamp('2016-11-04 00:00:00+02'), { days: 17_108, micros: 22 * 3_600_000_000 });
  assert.deepEqual(timestamp('0001-01-01 00:00:00-19:03:58 BC').days, epochDays(0, 1, 1));
  assert.deepEqual(timestamp('infinity'), { days: Number.POSITIVE_INFINITY, micros: 0 });
  assert.deepEqual(timestamp('-infinity'), { days: Number.NEGATIVE_INFINITY, micros: 0 });
});

test('every cut and most single-character changes of a time are refused, the rest are other times', () => {
  const texts = ['2016-11-04 13:51:30.123456+02', '0044-03-15 10:00:00 BC', 'infinity', '13:51:30', '2016-11-04'];
  for (const text of texts) {
    for (let length = 0; length < text.length; length++) {
      for (const parse of [parseDate, parseTime, parseTimeTz]) {
        try {
          parse(Buffer.from(text), 0, length);
        } catch (error) {
          assert.equal((error as Error).name, 'DecodeError');
        }
      }
    }
  }
  const wrong = [
    '',
    '2016-13-01',
    '2016-02-30',
    '0000-01-01',
    '216-01-01',
    '2016/01/01',
    '2016-01-01 BC BC',
    '2016-1-011',
    '99999999-01-01',
  ];
  for (const text of wrong) assert.throws(() => inside(text, parseDate), { name: 'DecodeError' }, text);
  for (const text of [
    '24:00:01',
    '23:60:00',
    '23:59:60',
    '1:00:00',
    '10:00',
    '10:00:00.',
    '10:00:00.1234567',
    '10:00:00x',
  ])
    assert.throws(() => inside(text, parseTime), { name: 'DecodeError' }, text);
  for (const text of ['10:00:00', '10:00:00+', '10:00:00+0', '10:00:00+01:', '10:00:00+01:00:00:00'])
    assert.throws(() => inside(text, parseTimeTz), { name: 'DecodeError' }, text);
  for (const text of ['2016-11-04', '2016-11-04T10:00:00', '2016-11-04 10:00:00 AD', 'epoch', '2016-11-04 10:00:00z'])
    assert.throws(() => timestamp(text), { name: 'DecodeError' }, text);
});
