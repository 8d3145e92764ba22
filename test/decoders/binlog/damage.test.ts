import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BinlogEvent } from '../../../decoders/binlog/event.ts';
import { EVENT_HEADER_BYTES } from '../../../decoders/binlog/event-header.ts';
import { EventParser } from '../../../decoders/binlog/parse-event.ts';
import type { RowsEvent } from '../../../decoders/binlog/rows-event.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { binlogFixtureNames, readBinlogFile, readBinlogFixture } from '../../../fixtures/binlog/fixture.ts';
import { seededRandom } from '../../logs/sqlite/log-fixture.ts';
import { mutate } from '../pgoutput/mutate.ts';
import { rowsOf, slices, span } from './binlog-file.ts';
import { SEED } from './seeded-random.ts';

const MUTATIONS = 10_000;
const SIZE_OFFSET = 9;
const CHECKSUM_BYTES = 4;
/** Of the format description, before its checksum. */
const ALGORITHM_FROM_END = 5;

const files = binlogFixtureNames().flatMap((name) =>
  readBinlogFixture(name).files.map(({ path }) => ({ path, events: eventsOf(readBinlogFile({ path })) })),
);

test(`with checksums, an event with any fault is a DecodeError (TEST_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let i = 0; i < MUTATIONS / 2; i++) {
    const { path, events } = pick(files, random);
    if (!hasChecksums(events)) continue;
    const at = 1 + Math.floor(random() * (events.length - 1));
    const damaged = withSize(mutate(events[at]!, random));
    if (damaged.equals(events[at]!)) continue;
    const parser = parserAt(events, at);
    assert.throws(() => outcome(parser, damaged), DecodeError, `${path}, event ${at}`);
  }
});

test('a format description with a fault in its checksummed bytes is a DecodeError', () => {
  const { events } = files.find((file) => hasChecksums(file.events))!;
  const format = events[0]!;
  for (let at = 0; at < format.length; at++) {
    // The flag that says that the file is still written to is not in the checksum.
    const bit = at === 17 ? 2 : 1;
    const damaged = Buffer.from(format);
    damaged[at]! ^= bit;
    if (at === format.length - ALGORITHM_FROM_END) continue;
    assert.throws(() => new EventParser().parse(damaged, 0, damaged.length), DecodeError, `byte ${at}`);
  }
});

test(`without checksums, an event with a fault is a DecodeError or divides into values that lie in it (TEST_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  const plain = files.map(({ path, events }) => ({ path, events: withoutChecksums(events) }));
  let read = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const { path, events } = pick(plain, random);
    const at = Math.floor(random() * events.length);
    const damaged = withSize(mutate(events[at]!, random));
    try {
      const parser = parserAt(events, at);
      outcome(parser, damaged);
      for (const event of events.slice(at + 1, at + 6)) outcome(parser, event);
      read++;
    } catch (error) {
      if (error instanceof DecodeError && error.offset >= 0) continue;
      throw new Error(`${path}, event ${at}, mutation ${i}: ${damaged.toString('hex')}`, { cause: error });
    }
  }
  // Most faults are in values, names and statements, which nothing but a checksum can tell from others.
  assert.ok(read > MUTATIONS / 10, `${read} of ${MUTATIONS} were read`);
});

test('an event cut short is a DecodeError, or holds whole rows from the beginning', () => {
  const seen = new Set<string>();
  for (const { path, events } of files) {
    const plain = withoutChecksums(events);
    for (const [at, event] of plain.entries()) {
      // One event of a type and about its size stands for all.
      const key = `${event[4]} ${event.length >> 5}`;
      if (seen.has(key) || event.length > 2000) continue;
      seen.add(key);
      const whole = outcome(parserAt(plain, at), event);
      for (let length = 0; length < event.length; length += length < 128 ? 1 : 11) {
        const cut = event.subarray(0, length);
        assert.throws(() => outcome(new EventParser(), cut), DecodeError, `${path}, event ${at} as it is`);
        if (length < EVENT_HEADER_BYTES || at === 0) continue;
        const rows = rowsOrError(parserAt(plain, at), withSize(Buffer.from(cut)));
        if (rows === null) continue;
        assert.deepEqual(rows, whole.slice(0, rows.length), `${path}, event ${at}, ${length} bytes of it`);
      }
    }
  }
});

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}

function eventsOf(file: Buffer): Buffer[] {
  return [...slices(file)].map(({ start, end }) => file.subarray(start, end));
}

function hasChecksums(events: readonly Buffer[]): boolean {
  return events[0]!.at(-ALGORITHM_FROM_END) === 1;
}

/** The same events as a server with binlog_checksum=NONE writes them. */
function withoutChecksums(events: readonly Buffer[]): Buffer[] {
  const format = Buffer.from(events[0]!);
  const cut = hasChecksums(events) ? CHECKSUM_BYTES : 0;
  format[format.length - ALGORITHM_FROM_END] = 0;
  const rest = events.slice(1).map((event) => withSize(Buffer.from(event.subarray(0, event.length - cut))));
  return [format, ...rest];
}

function withSize(event: Buffer): Buffer {
  if (event.length >= SIZE_OFFSET + 4) event.writeUInt32LE(event.length, SIZE_OFFSET);
  return event;
}

/** A parser that has read what an event needs to be read: the format, and the tables of its statement. */
function parserAt(events: readonly Buffer[], at: number): EventParser {
  const parser = new EventParser();
  for (const event of at === 0 ? [] : [events[0]!]) parser.parse(event, 0, event.length);
  for (let i = Math.max(1, at - 5); i < at; i++) {
    const event = events[i]!;
    if (isRows(event)) continue;
    parser.parse(event, 0, event.length);
  }
  return parser;
}

function isRows(event: Buffer): boolean {
  const type = event[4]!;
  return (type >= 23 && type <= 25) || (type >= 30 && type <= 32) || type === 39 || type >= 166;
}

/** Its rows as text, after a check that their values lie one behind the other within the event. */
function outcome(parser: EventParser, bytes: Buffer): string[] {
  const event = parser.parse(bytes, 0, bytes.length);
  return rowsIn(parser, event);
}

function rowsIn(parser: EventParser, event: BinlogEvent): string[] {
  if (event.kind === 'rows') return describe(event);
  if (event.kind !== 'transaction-payload') return [];
  return [...parser.payload(event)].flatMap((inner) => (inner.kind === 'rows' ? describe(inner) : []));
}

function describe(event: RowsEvent): string[] {
  if (event.table.layout.unknownDigits.length > 0) return [];
  const count = event.table.columns.length;
  let at = event.start;
  const rows = rowsOf(event).map(({ before, after, diffs }) => {
    const images = [before, after].map((row) => {
      if (row === null) return null;
      return Array.from({ length: count }, (_, i) => {
        const start = row.spans[row.base + 2 * i]!;
        if (start >= 0) {
          const end = row.spans[row.base + 2 * i + 1]!;
          assert.ok(start >= at && end >= start && end <= event.end, `value ${i} at ${start} to ${end} after ${at}`);
          at = end;
        }
        return span(row, i);
      });
    });
    return JSON.stringify([images, diffs]);
  });
  return rows;
}

function rowsOrError(parser: EventParser, bytes: Buffer): string[] | null {
  try {
    return outcome(parser, bytes);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
