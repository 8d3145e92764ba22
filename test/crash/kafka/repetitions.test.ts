import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord } from '../../../src/model/record.ts';
import { beyondOneAppend, findRepetitions } from './repetitions.ts';

interface Given {
  /** What is in it; `x`: a tombstone. */
  readonly what: string;
  readonly run: string;
  readonly append: number;
}

/** One topic of one partition with these records: `r1@5 a b c` are the records a, b and c of run r1, appended at 5. */
function report(...appends: readonly string[]) {
  const records = appends.flatMap((text): Given[] => {
    const [head = '', ...whats] = text.split(' ');
    const [run = '', append] = head.split('@');
    return whats.map((what) => ({ what, run, append: Number(append) }));
  });
  return findRepetitions({
    topics: new Map([['t', 1]]),
    *read(topic, partition): Generator<LogRecord> {
      for (const [offset, { what, run, append }] of records.entries()) {
        yield {
          topic,
          partition,
          offset,
          timestampMs: append,
          key: Buffer.from('k'),
          value:
            what === 'x' ? null : Buffer.from(`{"after":"${what}","op":"c","ts_ms":${offset},"ts_us":1,"ts_ns":1}`),
          headers: [{ key: '__debezium.context.runId', value: Buffer.from(run) }],
        };
      }
    },
  });
}

test('what a new run repeats of the append in flight is counted and allowed', () => {
  const { repetitions, problems } = report('r1@1 a b', 'r1@2 c x d', 'r2@3 c x d e', 'r2@4 f');
  assert.deepEqual(problems, []);
  assert.equal(repetitions.length, 3);
  assert.deepEqual(beyondOneAppend(repetitions), []);
});

test('what is repeated again was last delivered by the run before', () => {
  const { repetitions, problems } = report('r1@1 a b', 'r2@2 a b c', 'r3@3 a b c d');
  assert.deepEqual(problems, []);
  assert.equal(repetitions.length, 5);
  assert.deepEqual(beyondOneAppend(repetitions), []);
});

test('a run that repeats two appends repeats too much', () => {
  const { repetitions } = report('r1@1 a b', 'r1@2 c', 'r2@3 b c d');
  assert.equal(beyondOneAppend(repetitions).length, 1);
});

test('a run that writes a record twice is told', () => {
  assert.match(report('r1@1 a b', 'r1@1 a b').problems.join(), /has written a record twice/);
});

test('repetitions in another order, and after new records, are told', () => {
  assert.match(report('r1@1 a b', 'r2@2 b a').problems.join(), /in another order/);
  assert.match(report('r1@1 a b', 'r2@2 c a').problems.join(), /after it has written new ones/);
});

test('a repeated record is the later one', () => {
  const { isRepeated } = report('r1@1 a b', 'r2@2 b c');
  const at = (offset: number) => isRepeated({ topic: 't', partition: 0, offset });
  assert.deepEqual([0, 1, 2, 3].map(at), [false, false, true, false]);
});
