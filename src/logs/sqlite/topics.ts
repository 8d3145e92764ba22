import type Database from 'better-sqlite3';
import { TailraceError } from '../../model/errors.ts';
import { checkTopicName, topicMissing } from '../topic-name.ts';
import { guarded } from './log-error.ts';
import {
  checkTails,
  createTopic,
  keepTopic,
  type LogState,
  loadState,
  type PartitionState,
  type TopicState,
} from './topic-table.ts';

/** The topics of a log as they are now, read again only when they may have changed. */
export class Topics {
  readonly #db: Database.Database;
  readonly #path: string;
  /** Null: topics are only read. Else the number of partitions of a new one. */
  readonly #partitions: ((topic: string) => number) | null;
  readonly #version: () => number;
  #state: LogState;
  #loadedVersion: number;
  #stale = false;

  /** `version` changes with every commit that this process did not make. */
  constructor(
    db: Database.Database,
    options: { path: string; partitions: ((topic: string) => number) | null; version: () => number },
  ) {
    this.#db = db;
    this.#path = options.path;
    this.#partitions = options.partitions;
    this.#version = options.version;
    this.#loadedVersion = this.#version();
    this.#state = loadState(db, options.path);
    checkTails(db, options.path, this.#state);
  }

  get state(): LogState {
    // A writer's state is that of the file, since nobody else appends.
    const version = this.#partitions === null ? this.#version() : this.#loadedVersion;
    if (this.#stale || version !== this.#loadedVersion) {
      this.#state = guarded(this.#path, 'reading its topics', () => loadState(this.#db, this.#path));
      this.#stale = false;
      this.#loadedVersion = version;
    }
    return this.#state;
  }

  /** After a transaction that changed the state and failed. */
  invalidate(): void {
    this.#stale = true;
  }

  /** Throws `log.topic_missing`. */
  existing(name: string): TopicState {
    const { topics } = this.state;
    const found = topics.get(name);
    if (found === undefined) throw topicMissing(name, [...topics.keys()], this.#path);
    return found;
  }

  /** Creates the topic, durably, where topics may be created. */
  obtain(name: string): TopicState {
    const state = this.state;
    const known = state.topics.get(name);
    if (known !== undefined) return known;
    if (this.#partitions === null) return this.existing(name);
    checkTopicName(name);
    const count = this.#partitions(name);
    if (!Number.isInteger(count) || count < 1) {
      throw new TailraceError('config.invalid', `Topic ${name} cannot have ${count} partitions.`, {
        remedy: 'Configure a whole number from 1 on.',
      });
    }
    return guarded(this.#path, `creating topic ${name}`, () =>
      createTopic(this.#db, state, { name, count, kept: false }),
    );
  }

  /** A topic that has no retention from now on: made with one partition where it is new. */
  obtainKept(name: string): TopicState {
    const state = this.state;
    const known = state.topics.get(name);
    if (known === undefined) {
      checkTopicName(name);
      return guarded(this.#path, `creating topic ${name}`, () =>
        createTopic(this.#db, state, { name, count: 1, kept: true }),
      );
    }
    if (!known.kept) guarded(this.#path, `keeping topic ${name}`, () => keepTopic(this.#db, known));
    return known;
  }
}

export function partitionOf(topic: TopicState, partition: number): PartitionState {
  const state = topic.partitions[partition];
  if (state !== undefined) return state;
  throw new TailraceError('log.topic_missing', `Topic ${topic.name} has no partition ${partition}.`, {
    remedy:
      topic.partitions.length === 1
        ? 'It has partition 0 only.'
        : `It has partitions 0 to ${topic.partitions.length - 1}.`,
  });
}
