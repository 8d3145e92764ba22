import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { KafkaClient } from '../../../src/logs/kafka/client.ts';
import { createCompressor } from '../../../src/logs/kafka/compression.ts';
import type { KafkaLog } from '../../../src/logs/kafka/log.ts';
import { encodeOffset } from '../../../src/logs/kafka/offset-topic.ts';
import { KafkaProducer } from '../../../src/logs/kafka/producer.ts';
import { RecordBatchEncoder } from '../../../src/logs/kafka/record-batch-encoder.ts';
import type { KafkaLogSettings } from '../../../src/logs/kafka/settings.ts';
import { KafkaTransaction } from '../../../src/logs/kafka/transaction.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import type { EncodedRecords } from '../../../src/model/record.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../../services/shared-kafka.ts';
import { encodedRecords, plainRecords } from './kafka-records.ts';
import { append, kafkaSettings, openLog, readAll, recordsOf, SERVER, storedOffset } from './log-fixture.ts';

const skip = await whyNoKafka();
const bootstrap = skip === false ? await sharedKafka() : '';

function transactional(overrides: Parameters<typeof kafkaSettings>[1] = {}): KafkaLogSettings {
  const transactionalId = uniqueName('tx');
  return kafkaSettings(bootstrap, { exactlyOnce: { transactionalId, boundary: { kind: 'poll' } }, ...overrides });
}

/** A transaction that the test itself begins and ends, as another task's. */
async function openTransaction(
  t: TestContext,
  settings: KafkaLogSettings,
  records: readonly { readonly records: EncodedRecords; readonly partitions: number }[],
): Promise<{ commit(): Promise<void>; abort(): Promise<void> }> {
  const client = new KafkaClient(settings.client, pino({ level: 'silent' }));
  t.after(() => client.close());
  const transactionalId = uniqueName('other');
  const producer = new KafkaProducer({
    client,
    settings: { ...settings.producer, requestTimeoutMs: 10_000 },
    transactionalId,
  });
  const transaction = new KafkaTransaction({ client, producer, transactionalId, settings: settings.producer });
  const deadline = () => performance.now() + 10_000;
  await producer.init(deadline());
  const encoder = new RecordBatchEncoder({ compressor: createCompressor('none', null), batchBytes: 16_384 });
  for (const { records: list, partitions } of records) encoder.add(list, { partitions, timestampMs: 1 });
  transaction.begin();
  await transaction.send(encoder.finish(), deadline());
  return { commit: () => transaction.commit(deadline()), abort: () => transaction.abort(deadline()) };
}

function offsetRecords(settings: KafkaLogSettings, pos: number): { records: EncodedRecords; partitions: number } {
  const { key, value } = encodeOffset(settings.connector, SERVER, { pos });
  const records = encodedRecords(settings.offsets.topic, null, [{ key, value, headers: [] }]);
  return { records, partitions: settings.offsets.partitions };
}

/** The markers of a committed transaction reach its partitions a moment after the coordinator has answered. */
async function committed(log: KafkaLog, topic: string, count: number): Promise<readonly (string | undefined)[]> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const records = await readAll(log, topic);
    if (records.length >= count || performance.now() > deadline) return values(records);
  }
}

const values = (records: readonly { value: Buffer | null }[]) => records.map(({ value }) => value?.toString());

test('exactly once', { skip, concurrency: true }, async (t) => {
  await Promise.all([
    t.test('records and offset of each append are read as of one transaction', async (t) => {
      const settings = transactional();
      const log = openLog(t, settings);
      assert.equal(log.guarantee, 'exactly-once');
      const { connector } = settings;
      const epoch = await log.fence(connector);
      const topic = uniqueName();
      for (let pos = 0; pos < 5; pos++) {
        const records = [recordsOf(topic, plainRecords(2, `v${pos}`))];
        await log.append(append(connector, epoch, { records, offset: { pos } }));
        assert.deepEqual(await storedOffset(t, settings), { pos });
      }
      assert.deepEqual(
        await committed(log, topic, 10),
        [0, 1, 2, 3, 4].flatMap((pos) => [`v${pos}-0`, `v${pos}-1`]),
      );
    }),

    t.test('what is not committed is not read, and what is aborted never is', async (t) => {
      const settings = transactional();
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      const topic = uniqueName();
      const records = [recordsOf(topic, plainRecords(1, 'first'))];
      await log.append(append(connector, epoch, { records }));
      const of = (prefix: string) => [{ records: recordsOf(topic, plainRecords(2, prefix)), partitions: 1 }];
      const aborted = await openTransaction(t, settings, of('aborted'));
      assert.deepEqual(await committed(log, topic, 1), ['first-0']);
      await aborted.abort();
      const other = await openTransaction(t, settings, of('committed'));
      assert.deepEqual(values(await readAll(log, topic)), ['first-0']);
      await other.commit();
      assert.deepEqual(await committed(log, topic, 3), ['first-0', 'committed-0', 'committed-1']);
    }),

    t.test('an offset that a transaction is about to change is waited for; others are not held up', async (t) => {
      const settings = transactional({ offsets: { partitions: 1 } });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      await log.append(append(connector, epoch, { offset: { pos: 1 } }));
      const hanging = await openTransaction(t, settings, [offsetRecords(settings, 2)]);
      await log.offsets.set('other', SERVER, { pos: 7 });
      let isThere = false;
      const waiting = openLog(t, settings)
        .offsets.get(connector, SERVER)
        .finally(() => {
          isThere = true;
        });
      assert.equal(await log.offsets.get('nobody', SERVER), null);
      assert.equal(isThere, false);
      await hanging.commit();
      assert.deepEqual(await waiting, { pos: 2 });
      assert.deepEqual(await log.offsets.get('other', SERVER), { pos: 7 });
    }),

    t.test('an offset of an aborted transaction does not count, also as the last of its topic', async (t) => {
      const settings = transactional({ offsets: { partitions: 1 } });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      await log.append(append(connector, epoch, { offset: { pos: 1 } }));
      await (await openTransaction(t, settings, [offsetRecords(settings, 2)])).abort();
      assert.deepEqual(await storedOffset(t, settings), { pos: 1 });
      assert.equal((await log.offsets.list()).length, 1);
    }),

    t.test(
      'with transaction.boundary=interval appends of a while become visible together, and none resolves before',
      async (t) => {
        const boundary = { kind: 'interval', intervalMs: 600_000 } as const;
        const settings = transactional({ exactlyOnce: { transactionalId: uniqueName('tx'), boundary } });
        const log = openLog(t, settings);
        const { connector } = settings;
        const epoch = await log.fence(connector);
        const topic = uniqueName();
        const durable: number[] = [];
        const pending: Promise<void>[] = [];
        for (const pos of [1, 2, 3]) {
          const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<void>();
          const records = [recordsOf(topic, plainRecords(1, `v${pos}`))];
          const appended = log.append(append(connector, epoch, { records, offset: { pos }, onAccepted }));
          pending.push(appended.then(() => void durable.push(pos)));
          await accepted;
        }
        assert.deepEqual(durable, []);
        assert.deepEqual(values(await readAll(log, topic)), []);
        // The end of a task does not wait for the interval.
        await log.flush?.();
        await Promise.all(pending);
        assert.deepEqual(durable, [1, 2, 3]);
        assert.deepEqual(await storedOffset(t, settings), { pos: 3 });
        assert.deepEqual(await committed(log, topic, 3), ['v1-0', 'v2-0', 'v3-0']);
      },
    ),

    t.test(
      'full appends that follow each other may share a transaction, and become durable by themselves',
      async (t) => {
        const settings = transactional();
        const log = openLog(t, settings);
        const { connector } = settings;
        const epoch = await log.fence(connector);
        const topic = uniqueName();
        const durable: number[] = [];
        const pending: Promise<void>[] = [];
        for (let pos = 0; pos < 8; pos++) {
          const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<void>();
          const records = [recordsOf(topic, plainRecords(300, `v${pos}`))];
          const appended = log.append(append(connector, epoch, { records, offset: { pos }, onAccepted }));
          pending.push(appended.then(() => void durable.push(pos)));
          await accepted;
        }
        await Promise.all(pending);
        assert.deepEqual(durable, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert.deepEqual(await storedOffset(t, settings), { pos: 7 });
        assert.equal((await committed(log, topic, 2_400)).length, 2_400);
      },
    ),

    t.test('a task that failed goes on when it is started again, and what it had left open is withdrawn', async (t) => {
      const boundary = { kind: 'interval', intervalMs: 600_000 } as const;
      for (const fails of [true, false]) {
        const settings = transactional({ exactlyOnce: { transactionalId: uniqueName('tx'), boundary } });
        const [log, other] = [openLog(t, settings), openLog(t, settings)];
        const { connector } = settings;
        const topic = uniqueName();
        const start = async (value: string, epoch: number) => {
          const accepted = Promise.withResolvers<void>();
          const records = [recordsOf(topic, plainRecords(1, value))];
          const done = log.append(append(connector, epoch, { records, onAccepted: accepted.resolve }));
          await Promise.race([accepted.promise, done]);
          return { done };
        };
        const isFenced = (error: unknown) => error instanceof TailraceError && error.code === 'log.fenced';
        const first = await start('lost', await log.fence(connector));
        const lost = assert.rejects(first.done, isFenced);
        if (fails) {
          await other.fence(connector);
          await assert.rejects(log.flush!(), isFenced);
        }
        const second = await start('kept', await log.fence(connector));
        await lost;
        await log.flush!();
        await second.done;
        assert.deepEqual(await committed(log, topic, 1), ['kept-0']);
      }
    }),

    t.test('an interval that is over commits by itself', async (t) => {
      const boundary = { kind: 'interval', intervalMs: 20 } as const;
      const settings = transactional({ exactlyOnce: { transactionalId: uniqueName('tx'), boundary } });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      for (const pos of [1, 2]) await log.append(append(connector, epoch, { offset: { pos } }));
      assert.deepEqual(await storedOffset(t, settings), { pos: 2 });
    }),

    t.test('appends of a transaction that another task fences all fail', async (t) => {
      const boundary = { kind: 'interval', intervalMs: 60_000 } as const;
      const settings = transactional({ exactlyOnce: { transactionalId: uniqueName('tx'), boundary } });
      const [old, next] = [openLog(t, settings), openLog(t, settings)];
      const { connector } = settings;
      const epoch = await old.fence(connector);
      const accepted = Promise.withResolvers<void>();
      const pending = old.append(append(connector, epoch, { onAccepted: accepted.resolve }));
      const failed = assert.rejects(pending, (error) => error instanceof TailraceError && error.code === 'log.fenced');
      await accepted.promise;
      await next.fence(connector);
      await assert.rejects(old.flush!(), (error) => error instanceof TailraceError && error.code === 'log.fenced');
      await failed;
      assert.equal(await next.offsets.get(connector, SERVER), null);
    }),

    t.test('a task is fenced by the next one with its transactional id, in whatever process that is', async (t) => {
      const settings = transactional();
      const [old, next] = [openLog(t, settings), openLog(t, settings)];
      const { connector } = settings;
      const topic = uniqueName();
      const first = await old.fence(connector);
      await old.append(append(connector, first, { records: [recordsOf(topic, plainRecords(1, 'old'))] }));
      const second = await next.fence(connector);
      await assert.rejects(
        old.append(
          append(connector, first, { records: [recordsOf(topic, plainRecords(1, 'zombie'))], offset: { pos: 9 } }),
        ),
        (error: unknown) => {
          assert.ok(error instanceof TailraceError);
          assert.equal(error.code, 'log.fenced');
          assert.match(error.message, new RegExp(settings.exactlyOnce!.transactionalId));
          return true;
        },
      );
      const records = [recordsOf(topic, plainRecords(1, 'next'))];
      await next.append(append(connector, second, { records, offset: { pos: 2 } }));
      assert.deepEqual(await committed(next, topic, 2), ['old-0', 'next-0']);
      assert.deepEqual(await next.offsets.get(connector, SERVER), { pos: 2 });
    }),
  ]);
});
