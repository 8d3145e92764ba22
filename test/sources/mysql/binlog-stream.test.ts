import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseExecutedGtids } from '../../../decoders/binlog/executed-gtids.ts';
import type { LoggedStatement } from '../../../decoders/binlog/transaction-reducer-options.ts';
import { readBinlogFixture } from '../../../fixtures/binlog/fixture.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import {
  BinlogStream,
  type BinlogStreamOptions,
  type CarriedOut,
  type StreamBatch,
} from '../../../src/sources/mysql/binlog-stream.ts';
import { beginning, type SentEvent, sentFrom, tableOf } from '../../decoders/binlog/reduce.ts';

const NOTHING: CarriedOut = { changes: [], state: [], isSchemaChanged: false };

/** A dump of a recording, whose packets are overwritten after each call; it stops when it is paused. */
class FakeDump {
  readonly #stream: BinlogStream;
  readonly #sent: SentEvent[];
  isPaused = false;
  isClosed = false;
  pauses = 0;

  constructor(stream: BinlogStream, sent: readonly SentEvent[]) {
    this.#stream = stream;
    this.#sent = [...sent];
    stream.start(this);
  }

  get left(): number {
    return this.#sent.length;
  }

  /** `count` packets, as one chunk brings them: also behind the one at which it is paused when `isDeaf`. */
  send(count = this.#sent.length, isDeaf = false): void {
    for (let i = 0; i < count && this.#sent.length > 0 && (isDeaf || !this.isPaused); i++) {
      const packet = Buffer.concat([Buffer.of(0), this.#sent.shift()!.bytes]);
      this.#stream.onPacket(packet, 1, packet.length);
      packet.fill(0xee);
    }
  }

  pause(): void {
    this.isPaused = true;
    this.pauses++;
  }

  resume(): void {
    this.isPaused = false;
    this.send();
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function streamOf(name: string, options: Partial<BinlogStreamOptions> = {}) {
  const fixture = readBinlogFixture(name);
  const stream = new BinlogStream({
    reducer: {
      family: fixture.family,
      position: { ...beginning(fixture), skip: null },
      hasGtids: true,
      executed: parseExecutedGtids(fixture.family, ''),
      tableOf,
      mayTouch: () => true,
    },
    carryOut: () => NOTHING,
    recordPrepared: ({ xid, parts }) => [{ topic: 'xa', key: Buffer.from(xid), value: parts?.[0] ?? null }],
    batchBytes: 1 << 20,
    explain: (error, place) => new TailraceError('source.decode', `${(error as Error).message} | ${place}`),
    ...options,
  });
  return { stream, dump: new FakeDump(stream, sentFrom(fixture, beginning(fixture))) };
}

async function drain(stream: BinlogStream, dump: FakeDump): Promise<StreamBatch[]> {
  const batches: StreamBatch[] = [];
  for (;;) {
    const batch = await Promise.race([stream.next(), sleep(1500, 'idle' as const)]);
    if (batch === null || batch === 'idle') break;
    batches.push(batch);
    if (dump.left === 0 && batch.changes.length === 0) break;
  }
  return batches;
}

const rowsIn = (batches: readonly StreamBatch[]) => batches.reduce((sum, { changes }) => sum + changes.length, 0);

test('a full batch pauses the dump until it is taken, and what comes meanwhile is kept', async () => {
  for (const isDeaf of [false, true]) {
    const { stream, dump } = streamOf('mysql-rows', { batchBytes: 512 });
    dump.send(undefined, isDeaf);
    assert.ok(dump.isPaused);
    const batches = await drain(stream, dump);
    const whole = streamOf('mysql-rows');
    whole.dump.send();
    assert.equal(rowsIn(batches), rowsIn(await drain(whole.stream, whole.dump)));
    assert.ok(batches.length > 3, `${batches.length} batches`);
    assert.ok(batches.some(({ position }) => position.skip !== null));
    // An event of 8 KB is not cut; beyond it nothing is added to a full batch. Each change counts 128 bytes more.
    for (const { bytes, changes } of batches) {
      const rowBytes = bytes - 128 * changes.length;
      assert.ok(rowBytes >= 0 && rowBytes < 512 + 8192 + 512, `${bytes} bytes`);
    }
  }
});

test('rows that were delivered before do not fill a batch that nobody could take', async () => {
  const fixture = readBinlogFixture('mysql-rows');
  const { stream, dump } = streamOf('mysql-rows');
  dump.send();
  const changes = (await drain(stream, dump)).flatMap((batch) => batch.changes);
  const { tx } = changes[0]!;
  const rows = changes.filter((change) => change.tx === tx).length;
  // As Debezium has it behind the last row of an event: BEGIN, a table map, and all rows of what follows.
  const skip = { events: 2, rows, changes: null, gtid: tx.gtid, prepared: false };
  const resumed = streamOf('mysql-rows', {
    batchBytes: 1,
    reducer: {
      family: 'mysql',
      position: { ...beginning(fixture), skip },
      hasGtids: true,
      executed: parseExecutedGtids('mysql', ''),
      tableOf,
      mayTouch: () => true,
    },
  });
  resumed.dump.send();
  assert.equal(rowsIn(await drain(resumed.stream, resumed.dump)), changes.length - rows);
});

test('nothing passes a statement that is being carried out; what came before it is given meanwhile', async () => {
  const waiting: { statement: LoggedStatement; done: (result: CarriedOut) => void }[] = [];
  const { stream, dump } = streamOf('mysql-ddl', {
    carryOut: (statement) =>
      statement.statement.kind === 'alter-table' ? new Promise((done) => waiting.push({ statement, done })) : NOTHING,
  });
  dump.send(undefined, true);
  const before = (await stream.next())!;
  assert.deepEqual(
    before.changes.map(({ kind }) => kind),
    ['row'],
  );
  assert.equal(waiting.length, 1);
  // The statement is read again if this is all that becomes durable.
  assert.equal(before.position.position, 738);
  const { tx, ordinal } = waiting[0]!.statement;
  const state = [{ topic: 'history', key: null, value: Buffer.from('altered') }];
  waiting[0]!.done({
    changes: [
      {
        kind: 'schema',
        database: 'd',
        ddl: 'ALTER',
        tables: [],
        subjects: null,
        tx,
        ordinal,
        at: 0,
        snapshot: 'false',
      },
    ],
    state,
    isSchemaChanged: true,
  });
  const after = (await stream.next())!;
  assert.deepEqual(
    after.changes.map(({ kind }) => kind),
    ['schema', 'row'],
  );
  assert.deepEqual(after.state, state);
  assert.equal(waiting.length, 2);
});

test('a statement that cannot be carried out ends the stream behind what came before it', async () => {
  for (const isAsync of [false, true]) {
    const { stream, dump } = streamOf('mysql-ddl', {
      carryOut: ({ statement }) => {
        if (statement.kind !== 'alter-table') return NOTHING;
        const error = new Error('no catalog');
        if (isAsync) return Promise.reject(error);
        throw error;
      },
    });
    dump.send();
    const batch = (await stream.next())!;
    assert.deepEqual([batch.changes.length, batch.position.position, batch.position.skip], [1, 738, null]);
    await assert.rejects(stream.next(), /no catalog/);
    await assert.rejects(stream.next(), /no catalog/);
  }
});

test('a damaged event ends the stream behind all that came before it, also in its own transaction', async () => {
  const fixture = readBinlogFixture('mysql-transactions');
  const sent = sentFrom(fixture, beginning(fixture));
  // The update, third of the three changes of a transaction.
  const at = sent.findIndex(({ place }) => place?.position === 1277);
  const damaged = Buffer.from(sent[at]!.bytes);
  damaged[damaged.length - 10]! ^= 1;
  const { stream } = streamOf('mysql-transactions');
  const dump = new FakeDump(stream, sent.with(at, { ...sent[at]!, bytes: damaged }));
  dump.send();
  const batch = (await stream.next())!;
  assert.equal(batch.changes.length, 2);
  assert.deepEqual([batch.position.position, batch.position.skip?.events], [645, 8]);
  await assert.rejects(stream.next(), /checksum.* \| binlog\.000012:645/);
});

test('the position moves on without a change, at its time; a beat asks for a batch at once', async () => {
  const { stream, dump } = streamOf('mysql-rows', {
    reducer: {
      family: 'mysql',
      position: { ...beginning(readBinlogFixture('mysql-rows')), skip: null },
      hasGtids: true,
      executed: parseExecutedGtids('mysql', ''),
      tableOf: () => null,
      mayTouch: () => false,
    },
  });
  // Up to the end of a transaction.
  dump.send(10);
  const first = (await stream.next())!;
  assert.deepEqual(first.changes, []);
  dump.send();
  const second = (await stream.next())!;
  assert.notDeepEqual(second.position, first.position);
  const beat = stream.next();
  stream.beat();
  assert.deepEqual((await beat)!.position, second.position);
  const last = stream.next();
  stream.stop();
  assert.equal(await last, null);
  await stream.close();
  assert.ok(dump.isClosed);
});

test('what is prepared travels with the position behind its PREPARE, and its end with the last of its rows', async () => {
  const { stream, dump } = streamOf('mysql-xa', { batchBytes: 1 });
  dump.send();
  const states: string[] = [];
  for (const { position, state, changes } of await drain(stream, dump)) {
    for (const { key, value } of state) states.push(`${key} ${value === null ? 'gone' : 'kept'} ${position.position}`);
    if (changes.length > 0) states.push(`${changes.length} at ${position.position}`);
  }
  const [a, b] = ["X'636f6d6d6974746564',X'',1", "X'00ff',X'01',1"];
  // Without GTIDs executed before, positions tell: 1186 is behind XA COMMIT, 2275 behind XA ROLLBACK.
  const of = (xid: string) => states.filter((line) => line.startsWith(xid));
  assert.deepEqual(
    of(a!).map((line) => line.split(' ')[1]),
    ['kept', 'gone'],
  );
  assert.equal(of(a!)[1], `${a} gone 1186`);
  assert.deepEqual(
    of(b!)
      .map((line) => line.split(' ')[1])
      .slice(-1),
    ['gone'],
  );
  assert.deepEqual(
    states.filter((line) => / at /.test(line)).map((line) => line.split(' ')[0]),
    ['1', '1', '1', '1'],
  );
});
