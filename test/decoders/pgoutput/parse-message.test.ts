import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PgoutputPlugin } from 'pg-logical-replication';
import type { Row } from '../../../decoders/change.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import type { Message } from '../../../decoders/pgoutput/message.ts';
import { MessageParser } from '../../../decoders/pgoutput/parse-message.ts';
import {
  describeMessage,
  describeRow,
  type FixtureEntry,
  readExpected,
  readFixture,
  readFixtureIndex,
} from '../../../fixtures/pgoutput/fixture.ts';
import { seededRandom, testSeed } from '../../logs/sqlite/log-fixture.ts';
import { mutate } from './mutate.ts';

const MUTATIONS = 10_000;
const fixtures = readFixtureIndex();

test('every kind of message was recorded', () => {
  const kinds = new Set<Message['kind']>();
  for (const entry of fixtures) {
    const parser = parserOf(entry);
    for (const { data } of readFixture(entry)) kinds.add(parser.parse(data).kind);
  }
  const all: Record<Message['kind'], true> = {
    begin: true,
    commit: true,
    origin: true,
    message: true,
    relation: true,
    type: true,
    insert: true,
    update: true,
    delete: true,
    truncate: true,
    'stream-start': true,
    'stream-stop': true,
    'stream-commit': true,
    'stream-abort': true,
    'begin-prepare': true,
    prepare: true,
    'commit-prepared': true,
    'rollback-prepared': true,
    'stream-prepare': true,
  };
  assert.deepEqual([...kinds].sort(), Object.keys(all).sort());
});

for (const entry of fixtures) {
  const recorded = readFixture(entry);

  test(`${entry.path}: decodes to what was reviewed, also in the middle of other bytes`, () => {
    const expected = readExpected(entry.path);
    assert.equal(recorded.length, entry.messages);
    for (const padding of [0, 25]) {
      const parser = parserOf(entry);
      const decoded = recorded.map(({ data }) => {
        const bytes = Buffer.concat([Buffer.alloc(padding, 0x74), data, Buffer.alloc(padding, 0x74)]);
        return describeMessage(parser.parse(bytes, padding, padding + data.length));
      });
      assert.deepEqual(decoded, expected);
    }
  });

  test(`${entry.path}: every truncation, and every longer message, is a DecodeError`, () => {
    const parser = parserOf(entry);
    for (const { data } of recorded) {
      const longer = Buffer.concat([data, Buffer.from([0, 0, 0, 0])]);
      for (let end = 0; end < longer.length; end++) {
        if (end === data.length) continue;
        const range = `${end} of ${data.length} bytes of ${data.toString('hex')}`;
        assert.throws(() => parser.parse(longer, 0, end), isDecodeError, range);
      }
      parser.parse(data);
    }
  });
}

test('mutated messages give a message whose rows lie in their bytes, or a DecodeError', (t) => {
  const seed = testSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const counts = { decoded: 0, refused: 0 };
  while (counts.decoded + counts.refused < MUTATIONS) {
    const entry = fixtures[Math.floor(random() * fixtures.length)]!;
    const parser = parserOf(entry);
    for (const { data } of readFixture(entry).slice(0, 200)) {
      const mutated = mutate(data, random);
      counts[attempt(parser, mutated) ? 'decoded' : 'refused']++;
      // May be refused as well: a mutated relation or stream message has changed what the parser knows.
      attempt(parser, data);
    }
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.decoded > 0 && counts.refused > 0);
});

test('pg-logical-replication reads the same rows from the same bytes', () => {
  let rows = 0;
  for (const entry of fixtures.filter(({ options }) => options.proto_version === '1')) {
    const parser = parserOf(entry);
    const oracle = new PgoutputPlugin({ protoVersion: 1, publicationNames: [] });
    for (const { data } of readFixture(entry)) {
      const ours = parser.parse(data);
      const theirs = oracle.parse(data);
      if (theirs.tag === 'relation') for (const column of theirs.columns) column.parser = String;
      assert.equal(ours.kind, theirs.tag);
      if (ours.kind === 'insert' || ours.kind === 'update') {
        assertSameValues(describeRow(ours.after, ours.table), 'new' in theirs ? theirs.new : null);
        rows++;
      }
      if ((ours.kind === 'delete' || ours.kind === 'update') && ours.before?.image === 'full') {
        assertSameValues(describeRow(ours.before, ours.table), 'old' in theirs ? theirs.old : null);
        rows++;
      }
    }
  }
  assert.ok(rows > 50);
});

test('a binary column says that nobody asked for it, and which one it is', () => {
  const parser = new MessageParser();
  parser.parse(Buffer.from('R\0\0\0\x01public\0t\0d\0\x01\0a\0\0\0\0\x17\xff\xff\xff\xff', 'latin1'));
  const insert = Buffer.from('I\0\0\0\x01N\0\x01b\0\0\0\x04\0\0\0\x07', 'latin1');
  assert.throws(() => parser.parse(insert), /public\.t\.a: binary format was not requested/);
});

test('a row of a relation that was not announced, or of another number of columns, is a DecodeError', () => {
  const parser = new MessageParser();
  const insert = Buffer.from('I\0\0\0\x01N\0\x02nn', 'latin1');
  assert.throws(() => parser.parse(insert), /relation 1 was never announced/);
  parser.parse(Buffer.from('R\0\0\0\x01\0t\0d\0\x01\0a\0\0\0\0\x17\xff\xff\xff\xff', 'latin1'));
  assert.throws(() => parser.parse(insert), /row of 2 columns for pg_catalog\.t, announced with 1/);
});

/** A negative remainder would mean that something had been read past the end before anybody noticed. */
function isDecodeError(error: unknown): boolean {
  return error instanceof DecodeError && !/-\d+ (bytes )?are left/.test(error.message);
}

function parserOf({ options }: FixtureEntry): MessageParser {
  return new MessageParser({ parallelStreaming: options.streaming === 'parallel' });
}

/** Whether it decoded; throws for anything but a DecodeError, and for rows outside of their message. */
function attempt(parser: MessageParser, data: Buffer): boolean {
  let message: Message;
  try {
    message = parser.parse(data);
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
  if ('table' in message && message.kind !== 'relation') {
    const columns = message.table.columns.length;
    if ('before' in message && message.before !== null) assertInside(message.before, columns, data);
    if ('after' in message) assertInside(message.after, columns, data);
  }
  return true;
}

function assertInside(row: Row, columns: number, data: Buffer): void {
  assert.equal(row.bytes, data);
  let position = 0;
  for (let slot = row.base; slot < row.base + 2 * columns; slot += 2) {
    const [start, end] = [row.spans[slot]!, row.spans[slot + 1]!];
    if (start < 0) {
      assert.ok(start >= -2 && end === start);
      continue;
    }
    assert.ok(start >= position && end >= start && end <= data.length);
    position = end;
  }
}

/** Equal but for unchanged TOAST values: the library leaves those undefined or takes them from the old row. */
function assertSameValues(ours: unknown, theirs: unknown): void {
  const expected = Object.entries(theirs as Record<string, unknown>);
  assert.deepEqual(
    Object.keys(ours as object),
    expected.map(([name]) => name),
  );
  for (const [name, value] of expected) {
    const own = (ours as Record<string, unknown>)[name];
    if (own === null || typeof own === 'string') assert.equal(own, value, name);
  }
}
