import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../../src/engine/backoff.ts';
import { Supervisor } from '../../src/engine/supervisor.ts';
import { openSqliteLog, type SqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import { collect, TempFolder } from '../logs/sqlite/log-fixture.ts';
import { type Fault, FaultyLog } from './faulty-log.ts';
import { NumberEncoder, type Scripted, ScriptedSource, TOPIC } from './scripted-source.ts';

interface SceneOptions {
  /** What each start of the task finds; the last one again and again. */
  readonly starts: readonly (readonly Scripted[])[];
  readonly faults?: readonly Fault[];
  readonly maxRetries?: number;
  readonly retryStart?: (error: TailraceError, attempt: number) => number | null;
  /** What closing each of the sources fails with. */
  readonly closing?: Error;
  readonly onEvent?: (event: string) => void;
}

class Scene implements AsyncDisposable {
  readonly sources: ScriptedSource[] = [];
  readonly restarts: { readonly code: string; readonly delayMs: number }[] = [];
  readonly asides: TailraceError[] = [];
  readonly durable: SqliteLog;
  readonly log: FaultyLog;
  readonly supervisor: Supervisor;
  readonly #folder = new TempFolder();
  readonly #stopping = new AbortController();

  constructor(options: SceneOptions) {
    const {
      starts,
      faults = [],
      maxRetries = Number.POSITIVE_INFINITY,
      retryStart = () => null,
      closing,
      onEvent,
    } = options;
    this.durable = openSqliteLog({ path: this.#folder.file() });
    this.log = new FaultyLog(this.durable, faults);
    this.supervisor = new Supervisor({
      connector: 'shop',
      log: this.log,
      createTask: () => {
        const onScripted = (event: string): void => {
          onEvent?.(event);
          if (event === 'wait') this.stop();
        };
        const script = starts[Math.min(this.sources.length, starts.length - 1)]!;
        const source = new ScriptedSource(script, onScripted, closing);
        this.sources.push(source);
        onEvent?.('start');
        return { source, encoder: new NumberEncoder() };
      },
      backoff: new Backoff({ initialMs: 1, maxMs: 8, maxAttempts: maxRetries, random: () => 0 }),
      retryStart,
      onAppended: () => {},
      onRestart: (error, delayMs) => {
        this.restarts.push({ code: error.code, delayMs });
      },
      onAside: (error) => this.asides.push(error),
    });
  }

  run(): Promise<void> {
    return this.supervisor.run(this.#stopping.signal);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async values(): Promise<string[]> {
    const records = await collect(this.durable.read({ topic: TOPIC, partition: 0, from: 0 }));
    return records.map(({ value }) => String(value));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.durable.close();
    this.#folder[Symbol.dispose]();
  }
}

const passing = new TailraceError('source.connection_lost', 'the server went away');
const lasting = new TailraceError('source.slot_missing', 'the slot is gone');
const isError = (error: TailraceError) => (thrown: unknown) => thrown === error;

test('a passing fault restarts the task from its checkpoint', async () => {
  await using scene = new Scene({
    starts: [
      [1, 2, passing],
      [3, passing],
      [4, 'wait'],
    ],
  });
  await scene.run();
  assert.deepEqual(await scene.values(), ['1', '2', '3', '4']);
  assert.deepEqual(
    scene.sources.map(({ from }) => from),
    [null, { lsn: 2 }, { lsn: 3 }],
  );
  assert.ok(scene.sources.every(({ isClosed }) => isClosed));
  assert.equal(scene.supervisor.status().state, 'STOPPED');
});

test('waits grow from failure to failure, and begin anew after progress', async () => {
  await using scene = new Scene({
    starts: [[1, passing], [passing], [passing], [passing], [passing], [2, passing], ['wait']],
  });
  await scene.run();
  assert.deepEqual(
    scene.restarts.map(({ delayMs }) => delayMs),
    [1, 2, 4, 8, 8, 1],
  );
});

test('after as many failures in a row as allowed the task gives up with the last of them', async () => {
  await using scene = new Scene({ starts: [[1, passing], [passing]], maxRetries: 3 });
  await assert.rejects(scene.run(), isError(passing));
  assert.equal(scene.restarts.length, 3);
  assert.equal(scene.sources.length, 4);
  const { state, error } = scene.supervisor.status();
  assert.equal(state, 'FAILED');
  assert.deepEqual(error, { code: passing.code, message: passing.message, remedy: null });
});

test('a lasting fault ends the task at once, also after progress, and nothing else is said while its source is closed', async () => {
  const states: string[] = [];
  const onEvent = (event: string): void => {
    if (event === 'close') states.push(scene.supervisor.status().state);
  };
  await using scene = new Scene({ starts: [[1, lasting]], onEvent });
  await assert.rejects(scene.run(), isError(lasting));
  assert.deepEqual(states, ['FAILED']);
  assert.equal(scene.sources.length, 1);
  assert.ok(scene.sources[0]!.isClosed);
  assert.equal(scene.supervisor.status().state, 'FAILED');
});

test('a task runs while its source reads, and restarts from its failure until a source reads again', async () => {
  const seen: unknown[] = [];
  const note = (event: string): void => {
    const { state, error, failedAttempts } = scene.supervisor.status();
    seen.push([event, state, error?.code ?? null, failedAttempts]);
  };
  await using scene = new Scene({ starts: [[1, passing], [passing], [passing], [2, 'wait']], onEvent: note });
  assert.equal(scene.supervisor.status().state, 'UNASSIGNED');
  await scene.run();
  const { code } = passing;
  assert.deepEqual(seen, [
    ['start', 'UNASSIGNED', null, 0],
    ['read 1', 'RUNNING', null, 0],
    ['ack 1', 'RUNNING', null, 0],
    ['error', 'RUNNING', null, 0],
    ['close', 'RESTARTING', code, 1],
    ['start', 'RESTARTING', code, 1],
    ['error', 'RESTARTING', code, 1],
    ['close', 'RESTARTING', code, 2],
    ['start', 'RESTARTING', code, 2],
    ['error', 'RESTARTING', code, 2],
    ['close', 'RESTARTING', code, 3],
    ['start', 'RESTARTING', code, 3],
    ['read 2', 'RUNNING', null, 3],
    ['wait', 'RUNNING', null, 3],
    ['ack 2', 'RUNNING', null, 3],
    ['close', 'STOPPED', null, 0],
  ]);
});

const leftover = new TailraceError('source.privilege', 'the slot cannot be dropped');

test('a task that fails and cannot be closed either reports what it failed with, and tells of the other', async () => {
  await using scene = new Scene({ starts: [[1, lasting]], closing: leftover });
  await assert.rejects(scene.run(), isError(lasting));
  assert.equal(scene.supervisor.status().error?.code, lasting.code);
  assert.deepEqual(scene.asides, [leftover]);

  await using passed = new Scene({ starts: [[1, passing], [lasting]], closing: leftover });
  await assert.rejects(passed.run(), isError(lasting));
  assert.deepEqual(passed.restarts, [{ code: passing.code, delayMs: 1 }]);
  assert.deepEqual(passed.asides, [leftover, leftover]);
});

test('an error of closing alone ends a stopped task if it is lasting, and is told if it is not', async () => {
  await using scene = new Scene({ starts: [[1, 'wait']], closing: leftover });
  await assert.rejects(scene.run(), isError(leftover));
  assert.equal(scene.supervisor.status().state, 'FAILED');

  await using passed = new Scene({ starts: [[1, 'wait']], closing: passing });
  await passed.run();
  assert.equal(passed.supervisor.status().state, 'STOPPED');
  assert.deepEqual([passed.asides, passed.restarts], [[passing], []]);
});

test('an error that nobody has foreseen ends the task, with its message and its cause', async () => {
  const slip = new TypeError('undefined is not a function');
  await using scene = new Scene({ starts: [[1, slip]] });
  await assert.rejects(scene.run(), (error: TailraceError) => {
    return error.code === 'internal' && error.message === slip.message && error.cause === slip;
  });
});

test('a first start that fails is not tried again, unless the caller says for how long to wait', async () => {
  await using impatient = new Scene({ starts: [[passing]] });
  await assert.rejects(impatient.run(), isError(passing));
  assert.equal(impatient.sources.length, 1);

  const attempts: number[] = [];
  await using patient = new Scene({
    starts: [[passing], [passing], [1, 'wait']],
    retryStart: (_, attempt) => {
      attempts.push(attempt);
      return 1;
    },
  });
  await patient.run();
  assert.deepEqual(attempts, [1, 2]);
  assert.deepEqual(await patient.values(), ['1']);
});

test('a source that has read is restarted like any other, also if it had nothing to give yet', async () => {
  await using scene = new Scene({ starts: [['idle', passing], [passing], [1, 'wait']] });
  await scene.run();
  assert.deepEqual(
    scene.restarts.map(({ code }) => code),
    [passing.code, passing.code],
  );
  assert.deepEqual(await scene.values(), ['1']);
});

test('an append that failed after it was written is not repeated by the restart', async () => {
  const full = new TailraceError('log.full', 'no space left');
  await using scene = new Scene({
    starts: [
      [1, 2, 3],
      [3, 'wait'],
    ],
    faults: [{ kind: 'none' }, { kind: 'fail-after-write', error: full }],
  });
  await scene.run();
  assert.deepEqual(scene.sources[1]!.from, { lsn: 2 });
  assert.deepEqual(await scene.values(), ['1', '2', '3']);
  assert.deepEqual(scene.restarts, [{ code: 'log.full', delayMs: 1 }]);
});

test('an append that was refused is repeated by the restart', async () => {
  const full = new TailraceError('log.full', 'no space left');
  await using scene = new Scene({
    starts: [
      [1, 2, 3],
      [2, 3, 'wait'],
    ],
    faults: [{ kind: 'none' }, { kind: 'reject', error: full }],
  });
  await scene.run();
  assert.deepEqual(scene.sources[1]!.from, { lsn: 1 });
  assert.deepEqual(await scene.values(), ['1', '2', '3']);
});

test('each start fences the ones before it', async () => {
  await using scene = new Scene({
    starts: [
      [1, passing],
      [2, 'wait'],
    ],
  });
  await scene.run();
  // Two starts: the next generation is the third.
  assert.equal(await scene.durable.fence('shop'), 3);
});

test('a task that another process has fenced ends and stays ended', async () => {
  await using scene = new Scene({ starts: [[1, 2]], faults: [{ kind: 'none' }, { kind: 'hold' }] });
  const ended = scene.run().then(
    () => null,
    (error: TailraceError) => error,
  );
  await scene.log.held();
  await scene.durable.fence('shop');
  scene.log.release();
  assert.equal((await ended)?.code, 'log.fenced');
  assert.equal(scene.sources.length, 1);
  assert.deepEqual(await scene.values(), ['1']);
});

test('a stop ends the wait for a restart', async () => {
  await using scene = new Scene({ starts: [[passing]], retryStart: () => 2 ** 30 });
  const running = scene.run();
  while (scene.restarts.length === 0) await new Promise((wake) => setImmediate(wake));
  scene.stop();
  await running;
  assert.equal(scene.supervisor.status().state, 'STOPPED');
});

test('waits are spread below their full length, never beyond it', () => {
  const waits = [0, 0.5, 0.999].map((random) =>
    new Backoff({ initialMs: 1000, maxMs: 9000, maxAttempts: 1, random: () => random }).nextMs(),
  );
  assert.deepEqual(waits, [1000, 875, 750]);
  const once = new Backoff({ initialMs: 1, maxMs: 1, maxAttempts: 1, random: () => 0 });
  assert.deepEqual([once.nextMs(), once.nextMs()], [1, null]);
  once.reset();
  assert.equal(once.nextMs(), 1);
});
