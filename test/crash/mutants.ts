import type { SourcePatch } from '../source-patch.ts';
import type { DatabaseKind } from './database.ts';
import type { Phase } from './plan.ts';

export type MutantLog = 'kafka' | 'kafka, exactly once';

export interface MutantDefinition {
  readonly patches: readonly SourcePatch[];
  /** Whose regime catches it. */
  readonly databases: readonly DatabaseKind[];
  /** Into which log; absent: the embedded one. */
  readonly log?: MutantLog;
  /** What has to be going on when it is killed for it to do harm. */
  readonly phase: Phase;
  /** Likewise, just before: a table is altered. */
  readonly alterTable?: true;
  /** What the regime must say of it: either the task saw the gap itself and stopped, or the comparison did. */
  readonly caught: RegExp;
}

const APPEND = 'await log.append({ connector, epoch, partition: source.partition, ...encoded, onAccepted });';

/** Of appends such as the load's: a snapshot, which has full ones, would take for ever. */
const PAUSE_OF_FEW =
  'if (records.length > 0 && records.every(({ count }) => count < 100)) await new Promise((wake) => setTimeout(wake, 200));';

/** Ways to be wrong that the crash regime must notice. Each is a change of the source text, made while the child loads it. */
export const MUTANTS = {
  /** The server may forget what is not durable yet. The pause is a slow disk: it widens the gap, the order makes it fatal. */
  'ack-before-append': {
    databases: ['postgres'],
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
    databases: ['postgres'],
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
    databases: ['postgres'],
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
  /** The offset is durable before its records are: a kill between the two loses them. */
  'offset-before-append': {
    databases: ['mysql', 'mariadb'],
    patches: [
      {
        file: 'src/engine/source-task.ts',
        find: APPEND,
        replace: `if (encoded.offset.snapshot === undefined) {
            await log.append({ connector, epoch, partition: source.partition, ...encoded, records: [] });
            await new Promise((wake) => setTimeout(wake, 200));
          }
          ${APPEND}`,
      },
    ],
    phase: 'load',
    caught: /record \d+: expected/,
  },
  /** Likewise, in Kafka, where at-least-once is promised. */
  'offset-before-records': {
    databases: ['postgres', 'mysql', 'mariadb'],
    log: 'kafka',
    patches: [
      {
        file: 'src/logs/kafka/delivery.ts',
        find: 'if (records.length > 0) await this.#producer.send(records, deadline(this.#settings), { mayLinger: true });',
        replace: `await this.#producer.send(offset, deadline(this.#settings));
          ${PAUSE_OF_FEW}
          if (records.length > 0) await this.#producer.send(records, deadline(this.#settings));
          return DURABLE;`,
      },
    ],
    phase: 'load',
    caught: /record \d+: expected|found nothing/,
  },
  /** Records in one transaction of Kafka and the offset in the next: both are whole, and a kill between the two repeats records. */
  'two-transactions': {
    databases: ['postgres', 'mysql', 'mariadb'],
    log: 'kafka, exactly once',
    patches: [
      {
        file: 'src/logs/kafka/transactional-delivery.ts',
        find: 'await this.#ending(open, () => this.#transaction.send([...records, ...offset], deadline(this.#settings)));',
        replace: `await this.#ending(open, async () => {
            await this.#transaction.send(records, deadline(this.#settings));
            await this.#transaction.commit(deadline(this.#settings));
            ${PAUSE_OF_FEW}
            this.#transaction.begin();
            await this.#transaction.send(offset, deadline(this.#settings));
          });`,
      },
    ],
    phase: 'load',
    caught: /records are there twice/,
  },
  /** One event too many of a transaction that was delivered in part is taken for delivered. The pause lets kills hit such. */
  'skip-one-more': {
    databases: ['mysql', 'mariadb'],
    patches: [
      {
        file: 'decoders/binlog/open-transaction.ts',
        find: 'return events === 0 ? null : { events, rows: 0,',
        replace: 'return events === 0 ? null : { events: events + 1, rows: 0,',
      },
      {
        file: 'src/engine/source-task.ts',
        find: APPEND,
        replace: `${APPEND}\n  await new Promise((wake) => setTimeout(wake, 40));`,
      },
    ],
    phase: 'big transaction',
    // Where the transaction has no such event more, the reader itself sees it.
    caught: /record \d+: expected|events and 0 rows were delivered before/,
  },
  /** As Debezium: rows of an XA transaction appear where it is prepared, though it may yet be rolled back. */
  'rows-at-xa-prepare': {
    databases: ['mysql', 'mariadb'],
    patches: [
      {
        file: 'decoders/binlog/transaction-reducer.ts',
        find: 'if (onePhase) {',
        replace: 'if (onePhase || xid !== null) {',
      },
      {
        file: 'src/sources/mysql/start-stream.ts',
        find: 'onUnknownXa: (xid, place) => {',
        replace: 'onUnknownXa: (xid, place) => { return;',
      },
    ],
    phase: 'load',
    caught: /record \d+: expected/,
  },
  /** A table is what the statement before the last made of it. */
  'ddl-late': {
    databases: ['mysql', 'mariadb'],
    patches: [
      {
        file: 'src/sources/mysql/schema-keeper.ts',
        find: 'const applied = model.apply(statement, { ddl: text,',
        replace: `const late = this as unknown as { before: (() => void) | undefined };
          late.before?.();
          late.before = () => void model.apply(statement, { ddl: text, defaultDatabase: database, dialect, status, errorCode });
          const applied = statement.kind === 'alter-table' || statement.kind === 'rename-table'
            ? { events: [], unknown: [] } : model.apply(statement, { ddl: text,`,
      },
    ],
    phase: 'load',
    alterTable: true,
    caught: /record \d+: expected|disagree|does not fit|columns/,
  },
} as const satisfies Record<string, MutantDefinition>;

export type Mutant = keyof typeof MUTANTS;

export function isMutant(name: string): name is Mutant {
  return Object.hasOwn(MUTANTS, name);
}
