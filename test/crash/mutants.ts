import type { SourcePatch } from '../source-patch.ts';
import type { Phase } from './plan.ts';

export interface MutantDefinition {
  readonly patches: readonly SourcePatch[];
  /** What has to be going on when it is killed for it to do harm. */
  readonly phase: Phase;
  /** What the regime must say of it: either the task saw the gap itself and stopped, or the comparison did. */
  readonly caught: RegExp;
}

const APPEND = 'await log.append({ connector, epoch, partition: source.partition, ...encoded });';

/** Ways to be wrong that the crash regime must notice. Each is a change of the source text, made while the child loads it. */
export const MUTANTS = {
  /** The server may forget what is not durable yet. The pause is a slow disk: it widens the gap, the order makes it fatal. */
  'ack-before-append': {
    patches: [
      {
        file: 'src/engine/source-task.ts',
        find: `${APPEND}\n  source.ack(encoded.offset);`,
        replace: `source.ack(encoded.offset);
          if (encoded.offset.snapshot === undefined) await new Promise((wake) => setTimeout(wake, 200));
          ${APPEND}`,
      },
    ],
    phase: 'load',
    caught: /past the stored position|found nothing/,
  },
  /** A transaction that was delivered in part is delivered from its beginning again. */
  'resume-without-skip': {
    patches: [
      {
        file: 'decoders/pgoutput/transaction.ts',
        find: 'this.#firstOrdinal = skip?.count ?? 0;',
        replace: 'this.#firstOrdinal = 0;',
      },
    ],
    phase: 'big transaction',
    caught: /record \d+: expected/,
  },
  /** Records become durable first and the offset a little later, as with two stores that share no transaction. */
  'offset-apart': {
    patches: [
      {
        file: 'src/logs/sqlite/appender.ts',
        find: 'this.#offsets.write(formatOffsetKey(connector, partition), offset, log.totalRecords);',
        replace:
          'setTimeout(() => this.#offsets.write(formatOffsetKey(connector, partition), offset, log.totalRecords), 50);',
      },
    ],
    phase: 'load',
    // The log knows how many records its offset belongs to.
    caught: /is damaged: it has \d+ records where \d+ were appended/,
  },
} as const satisfies Record<string, MutantDefinition>;

export type Mutant = keyof typeof MUTANTS;

export function isMutant(name: string): name is Mutant {
  return Object.hasOwn(MUTANTS, name);
}
