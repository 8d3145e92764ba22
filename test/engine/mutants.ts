import type { SourcePatch } from '../source-patch.ts';

export interface TaskMutant {
  readonly patches: readonly SourcePatch[];
  /** The test of source-task.test.ts that must fail of it. */
  readonly caughtBy: string;
}

const file = 'src/engine/source-task.ts';
const APPEND = 'await log.append({ connector, epoch, partition: source.partition, ...encoded, onAccepted });';
const FINALLY = '} finally {\n    await Promise.all([inFlight, task.log.flush?.()]);';
const CATCH = 'inFlight.catch((error: unknown) => broken.abort(asTailraceError(error)));';

/** One way to break each rule of order in the data path. */
export const TASK_MUTANTS = {
  'ack-before-append': {
    patches: [
      { file, find: `${APPEND}\n  source.ack(encoded.offset);`, replace: `source.ack(encoded.offset);\n  ${APPEND}` },
    ],
    caughtBy: 'nothing is acked before its append has settled',
  },
  'ack-of-a-failure': {
    patches: [{ file, find: APPEND, replace: APPEND.replace(';', '.catch(() => {});') }],
    caughtBy: 'an append that fails is not acked, and is what the task ends with',
  },
  'append-before-the-last-settled': {
    patches: [{ file, find: '      await accepted;\n', replace: '' }],
    caughtBy: 'the next batch is encoded while an append is in flight, and waits for it',
  },
  'encode-after-the-append': {
    patches: [
      {
        file,
        find: 'const encoded = encoder.encode(batch);\n      await accepted;',
        replace: 'await accepted;\n      const encoded = encoder.encode(batch);',
      },
    ],
    caughtBy: 'the next batch is encoded while an append is in flight, and waits for it',
  },
  'release-before-append': {
    patches: [{ file, find: APPEND, replace: `task.encoder.release(encoded);\n  ${APPEND}` }],
    caughtBy: 'bytes stay as they are until their append has settled',
  },
  'deaf-reader': {
    patches: [{ file, find: CATCH, replace: 'inFlight.catch(() => {});' }],
    caughtBy: 'a failed append ends a reader that waits for its server',
  },
  'leave-the-append-behind': {
    patches: [{ file, find: FINALLY, replace: '} finally {' }],
    caughtBy: 'an error of the source comes out after the append in flight has settled and was acked',
  },
  'abort-leaves-the-append': {
    patches: [{ file, find: FINALLY, replace: '} finally {\n    if (!signal.aborted) await inFlight;' }],
    caughtBy: 'an abort lets the append in flight finish and acks it',
  },
  'forgets-the-checkpoint': {
    patches: [{ file, find: 'encoder.resume(task.from);', replace: 'encoder.resume(null);' }],
    caughtBy: 'source and encoder go on from the checkpoint',
  },
} as const satisfies Record<string, TaskMutant>;

export type TaskMutantName = keyof typeof TASK_MUTANTS;
