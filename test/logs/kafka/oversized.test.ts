import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KafkaLogSettings } from '../../../src/logs/kafka/settings.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { sharedKafka, uniqueName, whyNoKafka } from '../../services/shared-kafka.ts';
import { append, kafkaSettings, openLog, readAll, recordsOf, SERVER, storedOffset } from './log-fixture.ts';

const skip = await whyNoKafka();
const bootstrap = skip === false ? await sharedKafka() : '';

const small = { key: Buffer.from('{"id":1}'), value: Buffer.from('{"after":{"id":1}}'), headers: [] };
const large = {
  key: Buffer.from('{"id":2}'),
  value: Buffer.from(JSON.stringify({ after: { id: 2, doc: 'x'.repeat(5_000) } })),
  headers: [{ key: 'h', value: Buffer.from('v') }],
};

/** A topic that takes batches of `bytes`. */
function limited(bytes: number, overrides: Parameters<typeof kafkaSettings>[1]): KafkaLogSettings {
  const configs = { 'max.message.bytes': String(bytes) };
  return kafkaSettings(bootstrap, {
    topicCreation: {
      groups: [{ include: [/dead_.*/], exclude: [], template: { partitions: 1, replicationFactor: 1, configs: {} } }],
      fallback: { partitions: 1, replicationFactor: 1, configs },
    },
    ...overrides,
  });
}

async function appendBoth(t: TestContext, settings: KafkaLogSettings, topic: string) {
  const log = openLog(t, settings);
  const { connector } = settings;
  const epoch = await log.fence(connector);
  await log.append(append(connector, epoch, { records: [recordsOf(topic, [small, large])], offset: { pos: 5 } }));
  return log;
}

test('records that are too large', { skip, concurrency: true }, async (t) => {
  await Promise.all([
    t.test('end the task before anything of the append is written, with topic, key, size and setting', async (t) => {
      for (const [settings, setting] of [
        [limited(2_000, {}), /max\.message\.bytes of topic/],
        [limited(1_000_000, { producer: { maxRequestBytes: 2_000 } }), /max\.request\.size/],
      ] as const) {
        const topic = uniqueName();
        const log = openLog(t, settings);
        const epoch = await log.fence(settings.connector);
        const records = [recordsOf(topic, [small, large])];
        await assert.rejects(log.append(append(settings.connector, epoch, { records })), (error: unknown) => {
          assert.ok(error instanceof TailraceError);
          assert.equal(error.code, 'log.record_too_large');
          assert.match(error.message, setting);
          assert.match(error.message, new RegExp(`topic ${topic} with key \\{"id":2\\} has 51\\d\\d bytes`));
          assert.match(error.remedy!, /tailrace\.kafka\.oversized/);
          return true;
        });
        assert.deepEqual(await readAll(log, topic), []);
        assert.equal(await log.offsets.get(settings.connector, SERVER), null);
      }
    }),

    t.test('are truncated in their longest texts, and say what they were', async (t) => {
      const topic = uniqueName();
      const log = await appendBoth(t, limited(2_000, { oversized: { kind: 'truncate' } }), topic);
      const [first, second, ...more] = await readAll(log, topic);
      assert.deepEqual(more, []);
      assert.deepEqual([first!.value, first!.headers], [small.value, small.headers]);
      const { id, doc } = (JSON.parse(second!.value!.toString()) as { after: { id: number; doc: string } }).after;
      assert.equal(id, 2);
      assert.ok(doc.length > 1_500 && /^x+$/.test(doc));
      assert.deepEqual(second!.key, large.key);
      assert.deepEqual(
        second!.headers.map(({ key, value }) => [key, value?.toString()]),
        [
          ['h', 'v'],
          ['__tailrace.truncated.from.bytes', String(large.value.length)],
        ],
      );
      assert.ok(log.lines.some(({ msg, topic: named }) => /truncated/.test(msg) && named === topic));
    }),

    t.test('go to the dead letters with what Connect tells of an error', async (t) => {
      const topic = uniqueName();
      const dead = uniqueName('dead');
      const settings = limited(2_000, { oversized: { kind: 'dead-letter', topic: dead } });
      const log = await appendBoth(t, settings, topic);
      assert.deepEqual(
        (await readAll(log, topic)).map(({ key }) => key?.toString()),
        ['{"id":1}'],
      );
      const [letter, ...more] = await readAll(log, dead);
      assert.deepEqual(more, []);
      assert.deepEqual([letter!.key, letter!.value], [large.key, large.value]);
      const headers = Object.fromEntries(letter!.headers.map(({ key, value }) => [key, String(value)]));
      assert.equal(headers['__connect.errors.topic'], topic);
      assert.equal(headers['__connect.errors.connector.name'], settings.connector);
      assert.match(headers['__connect.errors.exception.message']!, /51\d\d bytes, more than the 2000/);
      assert.equal(headers.h, 'v');
      assert.deepEqual(await storedOffset(t, settings), { pos: 5 });
    }),

    t.test('go to the dead letters without their value where that does not fit either', async (t) => {
      const dead = uniqueName('dead');
      const settings = limited(1_000_000, {
        producer: { maxRequestBytes: 2_000 },
        oversized: { kind: 'dead-letter', topic: dead },
      });
      const log = await appendBoth(t, settings, uniqueName());
      const [letter] = await readAll(log, dead);
      assert.deepEqual([letter!.key, letter!.value], [large.key, null]);
    }),

    t.test('are none that compression makes small enough for the topic', async (t) => {
      const topic = uniqueName();
      const log = await appendBoth(t, limited(2_000, { producer: { compression: 'zstd' } }), topic);
      assert.deepEqual(
        (await readAll(log, topic)).map(({ value }) => value),
        [small.value, large.value],
      );
    }),

    t.test('are none where only many together are: batches are as small as the topic wants them', async (t) => {
      const topic = uniqueName();
      const settings = limited(2_000, {});
      const log = openLog(t, settings);
      const epoch = await log.fence(settings.connector);
      const records = Array.from({ length: 200 }, () => small);
      await log.append(append(settings.connector, epoch, { records: [recordsOf(topic, records)] }));
      assert.equal((await readAll(log, topic)).length, 200);
    }),
  ]);
});
