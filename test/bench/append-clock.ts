import { writeFileSync } from 'node:fs';
import type { EncodedRecords } from '../../src/model/record.ts';
import { patchSources } from '../source-patch.ts';

/*
 * Preloaded into a measured child with --import: notes when each append has become durable, by the machine's monotonic
 * clock, which the writing client reads as well. Written to APPEND_CLOCK when the process ends, a line an append:
 * nanoseconds, records.
 */

const file = process.env.APPEND_CLOCK;
if (file === undefined) throw new Error('APPEND_CLOCK names no file to write to');

const lines: string[] = [];
Object.assign(globalThis, {
  noteAppend(records: readonly EncodedRecords[]): void {
    lines.push(`${process.hrtime.bigint()} ${records.reduce((sum, { count }) => sum + count, 0)}`);
  },
});
process.on('exit', () => writeFileSync(file, lines.join('\n')));

const APPEND = 'await log.append({ connector, epoch, partition: source.partition, ...encoded, onAccepted });';
patchSources('The append clock', [
  {
    file: 'dist/src/engine/source-task.js',
    find: APPEND,
    replace: `${APPEND} globalThis.noteAppend(encoded.records);`,
  },
]);
