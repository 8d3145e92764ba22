import type { SourcePatch } from '../source-patch.ts';

/** Ways to be wrong that the crash regime must notice. Each is a change of the source text, made while the child loads it. */
export const MUTANTS = {
  /** The server may forget what is not durable yet. The pause is a slow disk: it widens the gap, the order makes it fatal. */
  'ack-before-append': [
    {
      file: 'src/engine/source-task.ts',
      find: 'await log.append({ connector, epoch, partition: source.partition, ...encoded });\n  source.ack(encoded.offset);',
      replace:
        'source.ack(encoded.offset);\n  await new Promise((wake) => setTimeout(wake, 100));\n  await log.append({ connector, epoch, partition: source.partition, ...encoded });',
    },
  ],
} as const satisfies Record<string, readonly SourcePatch[]>;

export type Mutant = keyof typeof MUTANTS;

export function isMutant(name: string): name is Mutant {
  return Object.hasOwn(MUTANTS, name);
}
