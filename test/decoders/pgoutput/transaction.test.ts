import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Table } from '../../../decoders/change.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { parseLsn } from '../../../decoders/pgoutput/lsn.ts';
import { TransactionReducer, type TransactionReducerOptions } from '../../../decoders/pgoutput/transaction.ts';
import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import { PositionLostError } from '../../../decoders/position-lost-error.ts';
import {
  describeRow,
  type FixtureEntry,
  type RecordedMessage,
  readFixture,
  readFixtureIndex,
  tableName,
} from '../../../fixtures/pgoutput/fixture.ts';
import { seededRandom, testSeed } from '../../logs/sqlite/log-fixture.ts';
import { mutate } from './mutate.ts';

const MUTATIONS = 10_000;
const SEND_TIME = 1_700_000_000_000_000;
const fixtures = readFixtureIndex();
const plain = fixtures.filter(({ options }) => options.proto_version === '1');

function fixture(path: string): readonly RecordedMessage[] {
  const entry = fixtures.find((candidate) => candidate.path === path);
  assert.ok(entry, path);
  return readFixture(entry);
}

function reducerOf(options: Partial<TransactionReducerOptions> = {}): TransactionReducer {
  return new TransactionReducer({ captures: () => true, ...options });
}

function feed(reducer: TransactionReducer, messages: readonly RecordedMessage[]): Change<PgTx>[] {
  for (const { data, walStart } of messages) reducer.apply(data, 0, data.length, walStart, SEND_TIME);
  return reducer.take();
}

function reduce(messages: readonly RecordedMessage[], options: Partial<TransactionReducerOptions> = {}) {
  return feed(reducerOf(options), messages);
}

/** A change without the identity of its objects, so that two decodings can be compared. */
function describe(change: Change<PgTx>): Record<string, unknown> {
  switch (change.kind) {
    case 'row': {
      const { table, before, after } = change;
      const rows = { before: before && describeRow(before, table), after: after && describeRow(after, table) };
      return { ...change, table: tableName(table), ...rows };
    }
    case 'truncate':
      return { ...change, table: tableName(change.table) };
    default:
      return { ...change };
  }
}

function summary(change: Change<PgTx>): string {
  if (change.kind === 'row') return `${change.ordinal} ${change.op} ${change.table.name}`;
  if (change.kind === 'truncate') return `${change.ordinal} truncate ${change.table.name}`;
  if (change.kind === 'message') return `${change.ordinal} message ${change.transactional} ${change.prefix}`;
  return change.kind;
}

/** The first transactions of a fixture and what stands before the one at `index`. */
function transactionStarts(messages: readonly RecordedMessage[]): number[] {
  return messages.flatMap(({ data }, index) => (data[0] === 0x42 ? [index] : []));
}

test('a transaction gives its row changes in order, each with its ordinal, place and the one PgTx', () => {
  const messages = fixture('postgres-18/transactions');
  const changes = reduce(messages);
  assert.deepEqual(changes.map(summary), [
    '0 c ledger',
    '0 c ledger',
    '1 c ledger',
    '2 u ledger',
    '3 d ledger',
    '0 c ledger',
  ]);
  const second = changes.slice(1, 5);
  const tx = (second[0] as { tx: PgTx }).tx;
  for (const change of second) assert.equal(change.tx, tx);
  assert.equal(tx.previousEndLsn, commitOf(messages, 0).endLsn);
  assert.equal(tx.commitLsn, commitOf(messages, 1).commitLsn);
  assert.equal(changes[0]!.tx.previousEndLsn, null);
  const places = new Set(messages.map(({ walStart }) => walStart));
  for (const change of changes) assert.ok(places.has(change.at));
  const rows = second.map((change) => describe(change)).map(({ before, after }) => ({ before, after }));
  assert.deepEqual(rows, [
    { before: null, after: { id: '1', amount: '1', note: null } },
    { before: null, after: { id: '4', amount: '4', note: null } },
    { before: null, after: { id: '4', amount: '40', note: null } },
    { before: { key: { id: '1', amount: null, note: null } }, after: null },
  ]);
});

/** LSNs of the nth commit message: Byte1('C') Int8, Int64 commit, Int64 end. */
function commitOf(messages: readonly RecordedMessage[], n: number) {
  const { data } = messages.filter(({ data }) => data[0] === 0x43)[n]!;
  return { commitLsn: Number(data.readBigUInt64BE(2)), endLsn: Number(data.readBigUInt64BE(10)) };
}

test('the position follows the stream: open transaction, ordinal, end of the last commit', () => {
  const messages = fixture('postgres-18/transactions');
  const reducer = reducerOf();
  let commits = 0;
  let ordinal = 0;
  for (const { data, walStart } of messages) {
    reducer.apply(data, 0, data.length, walStart, SEND_TIME);
    const type = String.fromCharCode(data[0]!);
    if (type === 'B') assert.equal(reducer.open?.xid, data.readUInt32BE(17));
    if (type === 'B' || type === 'C') ordinal = 0;
    if ('IUD'.includes(type)) ordinal++;
    if (type === 'C') {
      assert.equal(reducer.open, null);
      assert.equal(reducer.lastEndLsn, commitOf(messages, commits++).endLsn);
    }
    assert.equal(reducer.ordinal, ordinal);
  }
  assert.ok(commits > 2);
});

test('taking at any time changes nothing but the batches', () => {
  for (const entry of plain) {
    const messages = readFixture(entry);
    const whole = reduce(messages, { boundaries: true });
    const reducer = reducerOf({ boundaries: true });
    const parts = messages.flatMap((message) => feed(reducer, [message]));
    assert.deepEqual(parts.map(describe), whole.map(describe), entry.path);
    assert.deepEqual(reducer.take(), []);
  }
});

for (const entry of plain) {
  test(`${entry.path}: a resume at every ordinal gives exactly the remainder`, () => {
    const messages = readFixture(entry);
    const full = reduce(messages, { boundaries: true });
    let resumes = 0;
    for (const start of transactionStarts(messages)) {
      const before = reducerOf({ boundaries: true });
      const emitted = feed(before, messages.slice(0, start)).length;
      const { lastEndLsn, lastMessageLsn, previousEndLsn, lastCommitTimeMicros } = before;
      // The server announces relations again in a new session: what came before the transaction is what it knows.
      const session = [...messages.slice(0, start).filter(isAnnouncement), ...messages.slice(start)];
      assert.deepEqual(
        reduce(session, {
          boundaries: true,
          resume: { lastEndLsn, skip: null, lastMessageLsn, previousEndLsn, lastCommitTimeMicros },
        }).map(describe),
        full.slice(emitted).map(describe),
      );
      for (let end = start + 1; end < messages.length && messages[end - 1]!.data[0] !== 0x43; end++) {
        const writer = reducerOf({ boundaries: true });
        const taken = feed(writer, messages.slice(0, end)).length;
        assert.ok(writer.open);
        const resume = {
          lastEndLsn: writer.lastEndLsn,
          skip: { xid: writer.open.xid, count: writer.ordinal, commitLsn: writer.open.commitLsn },
          lastMessageLsn: writer.lastMessageLsn,
          previousEndLsn: writer.previousEndLsn,
          lastCommitTimeMicros: writer.lastCommitTimeMicros,
        };
        const remainder = reduce(session, { boundaries: true, resume });
        assert.deepEqual(remainder.map(describe), full.slice(taken).map(describe), `message ${end}`);
        resumes++;
      }
    }
    assert.ok(resumes > 0);
  });
}

test('behind a reader that tells an LSN, its transaction goes on at that LSN, and another one is whole', () => {
  for (const entry of plain) {
    const messages = readFixture(entry);
    for (const start of transactionStarts(messages)) {
      const writer = reducerOf();
      const emitted = feed(writer, messages.slice(0, start)).length;
      const session = [...messages.slice(0, start).filter(isAnnouncement), ...messages.slice(start)];
      const rest = reduce(messages).slice(emitted);
      const { lastEndLsn, lastMessageLsn, previousEndLsn, lastCommitTimeMicros } = writer;
      const known = { lastEndLsn, lastMessageLsn, previousEndLsn, lastCommitTimeMicros };
      const { tx } = rest.find((change) => change.tx.xid !== 0)!;
      for (const { at: beforeLsn } of rest.filter((change) => change.tx === tx)) {
        const of = (xid: number) => ({ xid, count: 0, commitLsn: null, beforeLsn });
        const isDelivered = (change: Change<PgTx>): boolean => change.tx === tx && change.at < beforeLsn;
        assert.deepEqual(
          reduce(session, { resume: { ...known, skip: of(tx.xid) } }).map(describe),
          rest.filter((change) => !isDelivered(change)).map(describe),
          entry.path,
        );
        const other = reduce(session, { resume: { ...known, skip: of(tx.xid + 1000) } });
        assert.deepEqual(other.map(describe), rest.map(describe), entry.path);
      }
    }
  }
});

function isAnnouncement({ data }: RecordedMessage): boolean {
  return data[0] === 0x52;
}

test('ordinals do not depend on the capture filter, so a skip stays true when the filter changes', () => {
  const messages = fixture('postgres-18/truncate');
  const all = reduce(messages);
  for (const name of ['alone', 'parent', 'child', 'nothing']) {
    const changes = reduce(messages, { captures: (table) => table.name === name });
    const wanted = all.filter((change) => 'table' in change && change.table.name === name);
    assert.deepEqual(changes.map(describe), wanted.map(describe));
  }
});

test('a truncate of several tables gives one change each', () => {
  const changes = reduce(fixture('postgres-18/truncate'), { boundaries: true });
  assert.deepEqual(changes.map(summary), [
    ...['begin', '0 truncate alone', 'commit'],
    ...['begin', '0 truncate alone', '1 truncate parent', '2 truncate child', 'commit'],
    ...['begin', '0 truncate parent', '1 truncate child', 'commit'],
    ...['begin', '0 truncate alone', 'commit'],
    ...['begin', '0 c parent', '1 truncate parent', '2 truncate child', '3 c parent', 'commit'],
  ]);
});

test('every announcement of a table is a new version of it: the filter is asked once, captured ones are new tables', () => {
  const messages = fixture('postgres-18/schema-change');
  const asked: Table[] = [];
  const captured: Table[] = [];
  const reducer = reducerOf({
    captures: (table) => {
      asked.push(table);
      return table.columns.length !== 4;
    },
  });
  for (const message of messages) {
    reducer.apply(message.data, 0, message.data.length, message.walStart, SEND_TIME);
    captured.push(...reducer.newTables);
    const announced = new Set(reducer.newTables);
    for (const change of reducer.take()) assert.ok('table' in change && !announced.has(change.table));
    assert.deepEqual(reducer.newTables, []);
  }
  const shapes = (tables: Table[]) =>
    tables.map(({ name, replicaIdentity, columns }) => `${name} ${replicaIdentity} ${columns.map((c) => c.name)}`);
  const versions = [
    'ledger default id,amount,note',
    'ledger default id,amount,note,extra',
    'ledger default id,amount,note,extra',
    'ledger default id,amount,extra',
    'ledger default id,total,extra',
    'ledger full id,total,extra',
    'ledger full id,total,extra',
    'journal full id,total,extra',
    'ledger default id,amount,note',
  ];
  assert.deepEqual(shapes(asked), versions);
  assert.deepEqual(shapes(captured), versions.toSpliced(1, 2));
  assert.equal(new Set(asked).size, versions.length);
});

test('messages outside of a transaction are transactions of their own and move no ordinal', () => {
  const messages = fixture('postgres-18/messages');
  const changes = reduce(messages);
  assert.deepEqual(changes.map(summary), [
    '0 message true app',
    '0 message false app',
    '0 message false app',
    '0 c ledger',
    '1 message true app',
    '2 message true ',
    '3 message true nothing',
    '4 c ledger',
    '0 message false app',
    '0 c ledger',
  ]);
  const [inside, outside] = changes;
  assert.ok(inside?.kind === 'message' && outside?.kind === 'message');
  assert.equal(outside.content.toString(), 'outside of any');
  assert.equal(outside.tx.xid, 0);
  assert.equal(outside.tx.commitTimeMicros, inside.tx.commitTimeMicros, 'it has the time of the commit before it');
  assert.equal(outside.tx.previousEndLsn, outside.at);
  assert.equal(outside.tx.commitLsn, outside.at);
});

test('a message outside of transactions that was emitted before the restart is not emitted again', () => {
  const messages = fixture('postgres-18/messages');
  const all = reduce(messages);
  const immediate = all.filter((change) => change.kind === 'message' && !change.transactional);
  assert.equal(immediate.length, 3);
  for (const [index, last] of immediate.entries()) {
    const again = reduce(messages, { resume: { lastEndLsn: null, skip: null, lastMessageLsn: last.at } });
    const expected = all.filter((change) => !immediate.slice(0, index + 1).includes(change));
    assert.deepEqual(again.map(summary), expected.map(summary));
  }
});

test('a change names the version of its table that was announced last, a truncate too', () => {
  for (const path of ['postgres-18/truncate', 'postgres-18/schema-change']) {
    const reducer = reducerOf();
    const current = new Map<number, Table>();
    for (const message of fixture(path)) {
      reducer.apply(message.data, 0, message.data.length, message.walStart, SEND_TIME);
      for (const table of reducer.newTables) current.set(table.id, table);
      for (const change of reducer.take())
        assert.ok('table' in change && change.table === current.get(change.table.id));
    }
  }
});

test('the origin of a transaction is told of its changes, and of no other', () => {
  const changes = reduce(fixture('postgres-18/origin'), { boundaries: true });
  const lsn = parseLsn('16/B374D848');
  const origins = changes.map(({ tx }) => [tx.origin, tx.originLsn]);
  const [far, none] = [
    ['far away', lsn],
    [null, null],
  ];
  assert.deepEqual(origins, [far, far, far, far, none, none, none]);
});

test('rows stay what they are while the reducer goes on', () => {
  const insertBytes = fixture('postgres-18/transactions').filter(({ data }) =>
    'BRI'.includes(String.fromCharCode(data[0]!)),
  );
  const [begin, relation, insert] = insertBytes;
  const reducer = reducerOf();
  feed(reducer, [begin!, relation!]);
  const rows = Array.from({ length: 40_000 }, () => feed(reducer, [insert!])[0]!);
  for (const change of rows) assert.deepEqual(describe(change).after, { id: '2', amount: '2', note: null });
});

test('a transaction that is not the one to be resumed means that the position is lost', () => {
  const messages = fixture('postgres-18/transactions');
  const lost = (resume: TransactionReducerOptions['resume']) => () => reduce(messages, { resume: resume! });
  assert.throws(
    lost({ lastEndLsn: null, skip: { xid: 7, count: 1, commitLsn: null } }),
    isLost(/transaction 7 expected, \d+ came/),
  );
  const xid = messages[0]!.data.readUInt32BE(17);
  const commitLsn = Number(messages[0]!.data.readBigUInt64BE(1));
  const part = { xid, count: 2, commitLsn };
  assert.throws(lost({ lastEndLsn: null, skip: part }), isLost(/has 1 changes, 2 were emitted before/));
  const other = { xid, count: 1, commitLsn: commitLsn + 1 };
  assert.throws(lost({ lastEndLsn: null, skip: other }), isLost(/commits at .* was delivered in part/));
  assert.throws(lost({ lastEndLsn: parseLsn('1/0'), skip: null }), isLost(/commits at .*, before 1\/0/));
});

function isLost(message: RegExp) {
  return (error: unknown) => error instanceof PositionLostError && message.test(error.message);
}

test('sequences that cannot be are DecodeErrors', () => {
  const [begin, relation, insert, commit, begin2] = fixture('postgres-18/transactions') as readonly [
    RecordedMessage,
    RecordedMessage,
    RecordedMessage,
    RecordedMessage,
    RecordedMessage,
  ];
  const [, origin] = fixture('postgres-18/origin');
  const truncate = fixture('postgres-18/truncate').find(({ data }) => data[0] === 0x54)!;
  const otherCommit: RecordedMessage = { ...commit, data: Buffer.from(commit.data) };
  otherCommit.data.writeUInt32BE(1, 6);
  const shortCommit: RecordedMessage = { ...commit, data: Buffer.from(commit.data) };
  shortCommit.data.writeUInt32BE(1, 14);
  const cases: [readonly RecordedMessage[], RegExp][] = [
    [[relation, insert], /row change outside of a transaction/],
    [[begin, insert], /relation \d+ was never announced/],
    [[commit], /commit outside of a transaction/],
    [[begin, begin2], /begin of transaction \d+ inside of transaction \d+/],
    [[origin!], /origin outside of a transaction/],
    [[begin, truncate], /relation \d+ was never announced/],
    [[begin, otherCommit], /its begin announced/],
    [[begin, shortCommit], /ends before it commits/],
    [[begin, relation, insert, commit, insert], /row change outside of a transaction/],
  ];
  for (const [messages, expected] of cases) {
    assert.throws(
      () => reduce(messages),
      (error) => error instanceof DecodeError && expected.test(error.message),
    );
  }
});

test('messages of streamed and prepared transactions say that they were not requested', () => {
  const seen = new Set<string>();
  for (const entry of fixtures.filter(({ options }) => options.proto_version !== '1')) {
    for (const { data } of readFixture(entry)) {
      const type = String.fromCharCode(data[0]!);
      if (!'SEcAbPKrp'.includes(type) || seen.has(type)) continue;
      seen.add(type);
      assert.throws(() => reduce([{ data, walStart: 0 }]), /not requested/);
    }
  }
  assert.equal(seen.size, 9);
  assert.throws(() => reduce([{ data: Buffer.from('Z'), walStart: 0 }]), /unknown pgoutput message of type "Z"/);
});

test('mutated messages give changes, a DecodeError or a lost position, and nothing else', (t) => {
  const seed = testSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  for (let done = 0; done < MUTATIONS; ) {
    const entry: FixtureEntry = plain[Math.floor(random() * plain.length)]!;
    const messages = readFixture(entry);
    // One fault per run: the reducer is not used again after an error.
    for (let index = 0; index < messages.length; index++, done++) {
      const mutated = { ...messages[index]!, data: mutate(messages[index]!.data, random) };
      try {
        reduce(messages.with(index, mutated)).map(describe);
      } catch (error) {
        if (!(error instanceof DecodeError || error instanceof PositionLostError)) throw error;
      }
    }
  }
});
