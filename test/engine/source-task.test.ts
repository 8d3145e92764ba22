import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSourceTask } from '../../src/engine/source-task.ts';
import { openSqliteLog, type SqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { Append, TopicLog } from '../../src/model/log.ts';
import type { Batch } from '../../src/model/plugin.ts';
import { collect, SERVER, TempFolder } from '../logs/sqlite/log-fixture.ts';
import { type Fault, FaultyLog } from './faulty-log.ts';
import { NumberEncoder, type Scripted, ScriptedSource, TOPIC } from './scripted-source.ts';

/** A task over a real log, and everything that happened in it, in order. */
class Scene implements AsyncDisposable {
  readonly events: string[] = [];
  readonly source: ScriptedSource;
  readonly encoder: NumberEncoder;
  readonly log: FaultyLog;
  readonly durable: SqliteLog;
  readonly #folder = new TempFolder();
  readonly #stopping = new AbortController();

  constructor(script: readonly Scripted[], faults: readonly Fault[] = [], failsToEncode: number | null = null) {
    const note = (event: string): void => void this.events.push(event);
    this.durable = openSqliteLog({ path: this.#folder.file() });
    this.log = new FaultyLog(this.durable, faults, note);
    this.source = new ScriptedSource(script, note);
    this.encoder = new NumberEncoder(note, failsToEncode);
  }

  async run(log: Pick<TopicLog, 'append' | 'flush'> = this.log): Promise<void> {
    const { source, encoder } = this;
    const epoch = await this.log.fence('shop');
    const from = await this.log.offsets.get('shop', SERVER);
    const onAppended = (): void => void this.events.push('told');
    await runSourceTask({ connector: 'shop', epoch, source, encoder, log, from, onAppended }, this.#stopping.signal);
    this.events.push('ended');
  }

  abort(): void {
    this.events.push('abort');
    this.#stopping.abort();
  }

  /** Values in the log. */
  async values(): Promise<string[]> {
    if ((await this.durable.topics()).length === 0) return [];
    const records = await collect(this.durable.read({ topic: TOPIC, partition: 0, from: 0 }));
    return records.map(({ value }) => String(value));
  }

  async until(event: string): Promise<void> {
    for (let turn = 0; !this.events.includes(event); turn++) {
      assert.ok(turn < 1000, `${event} did not happen: ${this.events.join(', ')}`);
      await new Promise((wake) => setImmediate(wake));
    }
  }

  /** Lets everything happen that can happen by itself. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await new Promise((wake) => setImmediate(wake));
  }

  order(...events: string[]): void {
    assert.deepEqual(
      this.events.filter((event) => events.includes(event)),
      events,
      this.events.join(', '),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.durable.close();
    this.#folder[Symbol.dispose]();
  }
}

const HOLD: Fault = { kind: 'hold' };

/** A rejection that is looked at later. */
function outcome(running: Promise<void>): Promise<Error | null> {
  return running.then(
    () => null,
    (error: Error) => error,
  );
}

test('every batch is appended and then acked, in order', async () => {
  await using scene = new Scene([1, 2, 3, 4, 5], [{ kind: 'slow', ms: 20 }, { kind: 'none' }, { kind: 'slow', ms: 5 }]);
  await scene.run();
  assert.deepEqual(await scene.values(), ['1', '2', '3', '4', '5']);
  assert.deepEqual(scene.source.acked, [1, 2, 3, 4, 5]);
  assert.deepEqual(await scene.durable.offsets.get('shop', SERVER), { lsn: 5 });
});

test('nothing is acked before its append has settled', async () => {
  await using scene = new Scene([1, 'wait'], [HOLD]);
  const ended = outcome(scene.run());
  await scene.log.held();
  await scene.settle();
  assert.deepEqual(scene.source.acked, []);
  scene.log.release();
  await scene.until('ack 1');
  scene.order('append 1', 'appended 1', 'ack 1');
  scene.abort();
  assert.equal(await ended, null);
});

test('the next batch is encoded while an append is in flight, and waits for it', async () => {
  await using scene = new Scene([1, 2, 3], [HOLD]);
  const ended = outcome(scene.run());
  await scene.log.held();
  await scene.settle();
  assert.ok(scene.events.includes('encode 2'), scene.events.join(', '));
  assert.ok(!scene.events.includes('append 2'), scene.events.join(', '));
  assert.ok(!scene.events.includes('read 3'), 'one batch is read ahead, not more');
  scene.log.release();
  assert.equal(await ended, null);
  scene.order('append 1', 'encode 2', 'appended 1', 'ack 1', 'append 2', 'appended 2', 'ack 2');
  assert.equal(scene.log.mostInFlight, 1);
});

test('bytes stay as they are until their append has settled', async () => {
  await using scene = new Scene([1, 2], [HOLD, HOLD]);
  const ended = outcome(scene.run());
  for (const value of ['1', '2']) {
    await scene.log.held();
    await scene.settle();
    assert.ok(!scene.events.includes(`release ${value}`));
    scene.log.release();
    await scene.until(`release ${value}`);
  }
  assert.equal(await ended, null);
  assert.deepEqual(await scene.values(), ['1', '2']);
});

/** Makes appends durable together, when it is told to. */
class GroupingLog {
  readonly #events: string[];
  #open: { readonly lsn: unknown; readonly done: PromiseWithResolvers<void> }[] = [];
  #error: Error | null = null;

  constructor(events: string[]) {
    this.#events = events;
  }

  append({ offset, onAccepted }: Append): Promise<void> {
    this.#events.push(`accept ${offset.lsn}`);
    if (this.#error !== null) return Promise.reject(this.#error);
    const done = Promise.withResolvers<void>();
    this.#open.push({ lsn: offset.lsn, done });
    onAccepted?.();
    return done.promise;
  }

  async flush(): Promise<void> {
    for (const { lsn, done } of this.#open.splice(0)) {
      this.#events.push(`durable ${lsn}`);
      done.resolve();
    }
  }

  fail(error: Error): void {
    this.#error = error;
    for (const { done } of this.#open.splice(0)) done.reject(error);
  }
}

test('appends that are accepted are followed by others, acked in order once they are durable, and flushed at the end', async () => {
  await using scene = new Scene([1, 2, 'idle', 3, 'wait']);
  const grouping = new GroupingLog(scene.events);
  const ended = outcome(scene.run(grouping));
  await scene.until('accept 3');
  await scene.settle();
  scene.order('accept 1', 'release 1', 'accept 2', 'release 2', 'accept 3', 'release 3', 'wait');
  assert.deepEqual(scene.source.acked, []);
  scene.abort();
  assert.equal(await ended, null);
  scene.order('abort', 'durable 1', 'durable 2', 'durable 3', 'ack 1', 'ack 2', 'ack 3', 'ended');
});

test('accepted appends that do not become durable are not acked, and end the task', async () => {
  await using scene = new Scene([1, 2, 'wait']);
  const grouping = new GroupingLog(scene.events);
  const ended = outcome(scene.run(grouping));
  await scene.until('accept 2');
  const error = new Error('fenced');
  grouping.fail(error);
  assert.equal(await ended, error);
  assert.deepEqual(scene.source.acked, []);
});

test('an append that fails is not acked, and is what the task ends with', async () => {
  const error = new Error('disk full');
  for (const kind of ['reject', 'fail-after-write'] as const) {
    await using scene = new Scene([1, 2, 3, 4], [{ kind: 'none' }, { kind, error }]);
    assert.equal(await outcome(scene.run()), error);
    assert.deepEqual(scene.source.acked, [1]);
    assert.ok(!scene.events.includes('append 3'), scene.events.join(', '));
    // What is durable is durable, also when nobody said so: a restart goes on behind it.
    const isWritten = kind === 'fail-after-write';
    assert.deepEqual(await scene.values(), isWritten ? ['1', '2'] : ['1']);
    assert.deepEqual(await scene.durable.offsets.get('shop', SERVER), { lsn: isWritten ? 2 : 1 });
  }
});

test('a failed append ends a reader that waits for its server', async () => {
  const error = new Error('disk full');
  await using scene = new Scene([1, 'wait'], [HOLD]);
  const ended = outcome(scene.run());
  await scene.until('wait');
  scene.log.release({ kind: 'reject', error });
  assert.equal(await Promise.race([ended, scene.settle().then(() => 'still waiting')]), error);
  assert.deepEqual(scene.source.acked, []);
});

test('a reader can tell the failure of its consumer from a stop', async () => {
  await using failed = new Scene([1, 'wait'], [{ kind: 'reject', error: new RangeError('a slip') }]);
  await outcome(failed.run());
  assert.ok(failed.source.endedBy instanceof TailraceError);
  assert.equal(failed.source.endedBy.message, 'a slip');

  await using stopped = new Scene([1, 'wait']);
  const ended = stopped.run();
  await stopped.until('wait');
  stopped.abort();
  await ended;
  assert.equal((stopped.source.endedBy as Error).name, 'AbortError');
});

test('an error of the source comes out after the append in flight has settled and was acked', async () => {
  const error = new Error('connection lost');
  await using scene = new Scene([1, error], [HOLD]);
  const ended = outcome(scene.run()).then((result) => {
    scene.events.push('ended');
    return result;
  });
  await scene.until('error');
  await scene.settle();
  assert.ok(!scene.events.includes('ended'), scene.events.join(', '));
  scene.log.release();
  assert.equal(await ended, error);
  scene.order('error', 'appended 1', 'ack 1', 'ended');
});

test('a batch that cannot be encoded ends the task after the append in flight', async () => {
  await using scene = new Scene([1, 2, 3], [HOLD], 2);
  const ended = outcome(scene.run());
  await scene.until('encode 2');
  await scene.settle();
  scene.log.release();
  assert.match(String(await ended), /batch 2 cannot be encoded/);
  assert.deepEqual(scene.source.acked, [1]);
  assert.deepEqual(await scene.values(), ['1']);
});

test('an abort lets the append in flight finish and acks it', async () => {
  await using scene = new Scene([1, 'wait'], [HOLD]);
  const ended = outcome(scene.run());
  await scene.until('wait');
  scene.abort();
  await scene.settle();
  assert.ok(!scene.events.includes('ended'), scene.events.join(', '));
  scene.log.release();
  assert.equal(await ended, null);
  scene.order('abort', 'appended 1', 'ack 1', 'ended');
  assert.deepEqual(await scene.values(), ['1']);
});

test('source and encoder go on from the checkpoint', async () => {
  await using scene = new Scene([8]);
  const offset = { lsn: 7, transaction_id: 'x' };
  await scene.durable.offsets.set('shop', SERVER, offset);
  await scene.run();
  assert.deepEqual(scene.source.from, offset);
  assert.deepEqual(scene.encoder.resumedFrom, offset);
});

test('a task that was fenced appends nothing more and acks nothing more', async () => {
  await using scene = new Scene([1, 2, 3], [{ kind: 'none' }, HOLD]);
  const ended = outcome(scene.run());
  await scene.log.held();
  await scene.durable.fence('shop');
  scene.log.release();
  const error = await ended;
  assert.ok(error instanceof TailraceError);
  assert.equal(error.code, 'log.fenced');
  assert.deepEqual(await scene.values(), ['1']);
  assert.deepEqual(scene.source.acked, [1]);
});

test('what a batch needs is made ready before it is encoded, while the append before goes on', async () => {
  await using scene = new Scene([1, 2], [{ kind: 'hold' }]);
  const ready = Promise.withResolvers<void>();
  Object.assign(scene.encoder, {
    prepare({ offset }: Batch): Promise<void> | null {
      scene.events.push(`prepare ${offset.lsn}`);
      return offset.lsn === 2 ? ready.promise : null;
    },
  });
  const running = scene.run();
  await scene.until('prepare 2');
  await scene.settle();
  assert.ok(!scene.events.includes('encode 2'));
  scene.log.release();
  await scene.until('ack 1');
  ready.resolve();
  await running;
  assert.deepEqual(await scene.values(), ['1', '2']);
});

test('a batch that cannot be made ready ends the task, and nothing of it is lost', async () => {
  await using scene = new Scene([1, 2]);
  const refused = new TailraceError('converter.schema', 'incompatible');
  Object.assign(scene.encoder, {
    prepare: ({ offset }: Batch): Promise<void> | null => (offset.lsn === 2 ? Promise.reject(refused) : null),
  });
  await assert.rejects(scene.run(), refused);
  assert.deepEqual(await scene.values(), ['1']);
  assert.deepEqual(scene.source.acked, [1]);
});

test('an abort does not wait for what is being made ready', async () => {
  await using scene = new Scene([1, 2]);
  Object.assign(scene.encoder, {
    prepare({ offset }: Batch, signal: AbortSignal): Promise<void> | null {
      scene.events.push(`prepare ${offset.lsn}`);
      if (offset.lsn !== 2) return null;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
  });
  const running = scene.run();
  await scene.until('prepare 2');
  scene.abort();
  await running;
  assert.deepEqual(await scene.values(), ['1']);
});
