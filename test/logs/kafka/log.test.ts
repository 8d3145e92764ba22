import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatOffsetKey } from '../../../src/logs/offset-key.ts';
import { partitionFor } from '../../../src/logs/partitioner.ts';
import { createStateReader } from '../../../src/logs/state-reader.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { Random } from '../../crash/random.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../../services/shared-kafka.ts';
import { encodedRecords, plainRecords, randomRecords } from './kafka-records.ts';
import { append, kafkaSettings, openLog, readAll, recordsOf, SERVER, storedOffset } from './log-fixture.ts';

const skip = await whyNoKafka();
const bootstrap = skip === false ? await sharedKafka() : '';
const options = { skip, concurrency: true };

const codeOf = (code: string) => (error: unknown) => error instanceof TailraceError && error.code === code;

test('a log of Kafka', options, async (t) => {
  const it = (name: string, work: (t: import('node:test').TestContext) => Promise<void>) => t.test(name, work);

  await Promise.all([
    it('records are read back as they were appended, each where its key belongs, in their order', async (t) => {
      const topic = uniqueName();
      const settings = kafkaSettings(bootstrap, {
        topicCreation: { fallback: { partitions: 5, replicationFactor: 1, configs: {} } },
        producer: { compression: 'lz4', batchBytes: 20_000 },
      });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      const records = randomRecords(new Random(7), 400);
      await log.append(append(connector, epoch, { records: [recordsOf(topic, records)] }));
      for (let partition = 0; partition < 5; partition++) {
        const read = [];
        for await (const record of log.read({ topic, partition, from: 0 })) read.push(record);
        const expected = records.filter(({ key }) => partitionFor(topic, key, 5) === partition);
        assert.deepEqual(
          read.map(({ key, value, headers }) => ({ key, value, headers })),
          expected,
        );
        assert.deepEqual(
          read.map(({ offset }) => offset),
          expected.map((_, i) => i),
        );
        assert.ok(read.every(({ timestampMs }) => timestampMs === 1_700_000_000_000));
      }
    }),

    it('the offset is stored in the bytes of Connect, behind its records', async (t) => {
      const topic = uniqueName();
      const settings = kafkaSettings(bootstrap, { offsets: { partitions: 25 } });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      assert.equal(await log.offsets.get(connector, SERVER), null);
      const offset = { lsn_proc: 1228427888, messageType: 'DELETE', txId: 50260, ts_usec: 1795253416388446 };
      await log.append(append(connector, epoch, { records: [recordsOf(topic, plainRecords(3))], offset }));
      const key = formatOffsetKey(connector, SERVER);
      const [stored, ...more] = await readAll(log, settings.offsets.topic);
      assert.deepEqual(more, []);
      assert.equal(stored!.key!.toString(), `["${connector}",{"server":"shop"}]`);
      assert.equal(
        stored!.value!.toString(),
        '{"lsn_proc":1228427888,"messageType":"DELETE","txId":50260,"ts_usec":1795253416388446}',
      );
      assert.equal(stored!.partition, partitionFor(settings.offsets.topic, Buffer.from(key), 25));
      assert.deepEqual(stored!.headers, []);
      // Of another process.
      const other = openLog(t, { ...settings });
      assert.deepEqual(await other.offsets.get(connector, SERVER), offset);
      assert.deepEqual(await other.offsets.list(), [
        { connector, partition: SERVER, offset, updatedMs: 1_700_000_000_000 },
      ]);
    }),

    it('an append without records moves the offset on, and the last one counts', async (t) => {
      const settings = kafkaSettings(bootstrap);
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      for (let pos = 1; pos <= 5; pos++) await log.append(append(connector, epoch, { offset: { pos } }));
      assert.deepEqual(await storedOffset(t, settings), { pos: 5 });
      assert.equal((await readAll(log, settings.offsets.topic)).length, 5);
    }),

    it('commands set and remove offsets; those of other connectors are kept', async (t) => {
      const settings = kafkaSettings(bootstrap);
      const log = openLog(t, settings, { clock: () => 1_234 });
      await log.offsets.set('a', SERVER, { pos: 1 });
      await log.offsets.set('b', SERVER, { pos: 2 });
      await log.offsets.set('a', SERVER, { pos: 3 });
      assert.deepEqual(await log.offsets.get('a', SERVER), { pos: 3 });
      await log.offsets.set('a', SERVER, null);
      assert.equal(await log.offsets.get('a', SERVER), null);
      assert.deepEqual(await log.offsets.list(), [
        { connector: 'b', partition: SERVER, offset: { pos: 2 }, updatedMs: 1_234 },
      ]);
      const tombstone = (await readAll(log, settings.offsets.topic)).find(({ value }) => value === null);
      assert.equal(tombstone?.key?.toString(), '["a",{"server":"shop"}]');
    }),

    it('an append of an older generation is refused and writes nothing', async (t) => {
      const settings = kafkaSettings(bootstrap);
      const log = openLog(t, settings);
      const { connector } = settings;
      const old = await log.fence(connector);
      await log.append(append(connector, old, { offset: { pos: 1 } }));
      await log.fence(connector);
      await assert.rejects(log.append(append(connector, old, { offset: { pos: 2 } })), codeOf('log.fenced'));
      assert.deepEqual(await storedOffset(t, settings), { pos: 1 });
    }),

    it('a topic is made as the first group has it whose pattern is of its whole name', async (t) => {
      const prefix = uniqueName();
      const template = (partitions: number) => ({
        partitions,
        replicationFactor: null,
        configs: { 'retention.ms': '7777' },
      });
      const settings = kafkaSettings(bootstrap, {
        topicCreation: {
          groups: [
            { include: [/.*orders/], exclude: [/.*big_orders/], template: template(4) },
            { include: [/.*_orders/], exclude: [], template: template(6) },
          ],
        },
      });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      const names = ['orders', 'big_orders', 'orders_old'].map((name) => `${prefix}.${name}`);
      await log.append(append(connector, epoch, { records: names.map((name) => recordsOf(name, plainRecords(2))) }));
      const topics = await log.topics();
      const partitions = names.map((name) => topics.find(({ topic }) => topic === name)?.partitions.length);
      assert.deepEqual(partitions, [4, 6, 1]);
    }),

    it('without topic.creation the broker makes a topic as it has it', async (t) => {
      const topic = uniqueName();
      const settings = kafkaSettings(bootstrap, { topicCreation: { enabled: false } });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      await log.append(append(connector, epoch, { records: [recordsOf(topic, plainRecords(2))] }));
      assert.equal((await readAll(log, topic)).length, 2);
    }),

    it('tasks that need the same topics at the same time all get them', async (t) => {
      const topic = uniqueName();
      const offsets = uniqueName('offsets');
      const logs = ['a', 'b', 'c'].map((connector) => {
        const settings = kafkaSettings(bootstrap, { connector, offsets: { topic: offsets } });
        return { connector, log: openLog(t, settings) };
      });
      await Promise.all(
        logs.map(async ({ connector, log }) => {
          const epoch = await log.fence(connector);
          await log.append(append(connector, epoch, { records: [recordsOf(topic, plainRecords(1))] }));
        }),
      );
      assert.equal((await readAll(logs[0]!.log, topic)).length, 3);
      const stored = (await logs[0]!.log.offsets.list()).map(({ connector }) => connector);
      assert.deepEqual(stored.sort(), ['a', 'b', 'c']);
    }),

    it('what a source keeps is kept whole: one partition, no retention', async (t) => {
      const topic = uniqueName('state');
      const settings = kafkaSettings(bootstrap, {
        topicCreation: { fallback: { partitions: 3, replicationFactor: 1, configs: {} } },
      });
      const log = openLog(t, settings);
      const state = createStateReader(log);
      const read = async () => (await Array.fromAsync(state.read(topic))).map(({ value }) => value?.toString());
      assert.deepEqual(await read(), []);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      const records = [{ ...encodedRecords(topic, 0, plainRecords(2)), kept: true }];
      await log.append(append(connector, epoch, { records }));
      assert.deepEqual(await read(), ['v-0', 'v-1']);
      const { describeTopicConfigsRequest } = await import('../../../src/logs/kafka/requests.ts');
      const { KafkaClient } = await import('../../../src/logs/kafka/client.ts');
      const { pino } = await import('pino');
      const client = new KafkaClient(settings.client, pino({ level: 'silent' }));
      t.after(() => client.close());
      const names = ['cleanup.policy', 'retention.ms', 'retention.bytes'];
      const [told] = await client.send('any', describeTopicConfigsRequest([topic, settings.offsets.topic], names));
      assert.deepEqual(Object.fromEntries(told!.configs), {
        'cleanup.policy': 'delete',
        'retention.ms': '-1',
        'retention.bytes': '-1',
      });
      const info = (await log.topics()).find((one) => one.topic === topic);
      assert.deepEqual(info?.partitions, [{ partition: 0, startOffset: 0, endOffset: 2, records: 2, sizeBytes: null }]);
    }),

    it('a state that its source has no need of any more is deleted, with what says so', async (t) => {
      const topic = uniqueName('state');
      const settings = kafkaSettings(bootstrap);
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      const nothing = { key: null, value: null, headers: [] };
      const read = async () => (await Array.fromAsync(createStateReader(log).read(topic))).length;
      for (const [records, left] of [
        [[nothing, ...plainRecords(2)], 3],
        [[...plainRecords(1), nothing], 0],
        [plainRecords(1), 1],
      ] as const) {
        const list = { ...encodedRecords(topic, 0, records), kept: true };
        await log.append(append(connector, epoch, { records: [list] }));
        assert.equal(await read(), left);
      }
    }),

    it('an offsets topic that forgets, and a state topic that does, are warned of', async (t) => {
      const topic = uniqueName('state');
      const settings = kafkaSettings(bootstrap);
      const maker = openLog(t, settings);
      const epoch = await maker.fence(settings.connector);
      const names = [topic, settings.offsets.topic];
      const other = openLog(t, kafkaSettings(bootstrap));
      const otherEpoch = await other.fence('x');
      await other.append(append('x', otherEpoch, { records: names.map((name) => recordsOf(name, plainRecords(1))) }));
      const list = { ...encodedRecords(topic, 0, plainRecords(1)), kept: true };
      await maker.append(append(settings.connector, epoch, { records: [list] }));
      const warned = maker.lines.filter(({ level }) => level === 40).map((line) => line.topic);
      assert.deepEqual(warned.sort(), names.sort());
    }),

    it('a follower gets what is appended after it came, and ends when it is told to', async (t) => {
      const topic = uniqueName();
      const settings = kafkaSettings(bootstrap);
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      await log.append(append(connector, epoch, { records: [recordsOf(topic, plainRecords(2, 'a'))] }));
      const stop = new AbortController();
      const seen: string[] = [];
      const following = (async () => {
        for await (const { value } of log.read({ topic, partition: 0, from: 1, follow: true }, stop.signal)) {
          seen.push(value!.toString());
          if (seen.length === 3) stop.abort();
        }
      })();
      await log.append(append(connector, epoch, { records: [recordsOf(topic, plainRecords(2, 'b'))] }));
      await following;
      assert.deepEqual(seen, ['a-1', 'b-0', 'b-1']);
    }),

    it('a topic or a partition that is not there is named', async (t) => {
      const log = openLog(t, kafkaSettings(bootstrap));
      const read = async (topic: string, partition: number) => {
        for await (const record of log.read({ topic, partition, from: 0 })) assert.fail(String(record.offset));
      };
      await assert.rejects(read(uniqueName(), 0), codeOf('log.topic_missing'));
      await log.offsets.set('a', SERVER, { pos: 1 });
    }),

    it('values that are large, and records without headers, key and value', async (t) => {
      const topic = uniqueName();
      const settings = kafkaSettings(bootstrap, { producer: { compression: 'zstd' } });
      const log = openLog(t, settings);
      const { connector } = settings;
      const epoch = await log.fence(connector);
      const records = [
        { key: null, value: null, headers: [] },
        { key: Buffer.from('k'), value: Buffer.alloc(900_000, 'x'), headers: [] },
      ];
      await log.append(append(connector, epoch, { records: [recordsOf(topic, records)] }));
      const read = await readAll(log, topic);
      assert.deepEqual(
        read.map(({ key, value }) => [key?.toString() ?? null, value?.length ?? null]),
        [
          [null, null],
          ['k', 900_000],
        ],
      );
    }),
  ]);
});
