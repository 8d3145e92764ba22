import type { EncodedRecords, LogRecord } from './record.ts';

/** Connect's source partition and source offset: JSON objects that only the source itself interprets. */
export type SourcePartition = Readonly<Record<string, string>>;
export type SourceOffset = Readonly<Record<string, string | number | boolean | null>>;

/** A task's offset as a log keeps it: key `["<connector>", {partition}]`, value the offset map. */
export interface StoredOffset {
  readonly connector: string;
  readonly partition: SourcePartition;
  readonly offset: SourceOffset;
  /** Milliseconds since 1970 UTC. */
  readonly updatedMs: number;
}

export interface OffsetStore {
  get(connector: string, partition: SourcePartition): Promise<SourceOffset | null>;
  list(): Promise<readonly StoredOffset[]>;
  /** Null removes the offset. Used by commands, not by a running task, whose offset goes with its records. */
  set(connector: string, partition: SourcePartition, offset: SourceOffset | null): Promise<void>;
}

/** Everything that becomes durable together. */
export interface Append {
  readonly connector: string;
  /** The generation of the task, from {@link TopicLog.fence}: an append of an older one fails with `log.fenced`. */
  readonly epoch: number;
  readonly records: readonly EncodedRecords[];
  readonly partition: SourcePartition;
  readonly offset: SourceOffset;
  /** Milliseconds since 1970 UTC: the timestamp of every record of the append. */
  readonly timestampMs: number;
  /**
   * `begin`: a snapshot starts, from zero. Whatever the connector appended since an earlier `begin` that no `end` followed
   * is withdrawn in the same step, or some of it just before: a snapshot that was interrupted cannot be continued, because the
   * state that it read is gone, and its rows would stand twice. `end`: the snapshot is complete with this append, its records stay.
   * Log offsets are not given again. A log that cannot withdraw records keeps them: at least once.
   */
  readonly snapshot?: 'begin' | 'end';
  /**
   * For a log that makes several appends durable together: called when it has taken this one over before that is. Its bytes are
   * not needed any more, and the next append may begin; they become durable in their order.
   */
  readonly onAccepted?: () => void;
}

export interface TopicInfo {
  readonly topic: string;
  readonly partitions: readonly PartitionInfo[];
}

export interface PartitionInfo {
  readonly partition: number;
  /** Log offset of the oldest record still kept. */
  readonly startOffset: number;
  /** Log offset that the next record will get. */
  readonly endOffset: number;
  readonly records: number;
  /** Stored (compressed) size; null where the log cannot tell. */
  readonly sizeBytes: number | null;
}

/** Where topics are kept. Writing side of a task, and reading side for commands and sinks. */
export interface TopicLog {
  /** Where it is, for messages: a file, or `Kafka at host:port`. */
  readonly name: string;
  readonly guarantee: 'exactly-once' | 'at-least-once';
  readonly offsets: OffsetStore;
  /** Starts a new generation of a connector's task: everything of an older generation is refused from now on. */
  fence(connector: string): Promise<number>;
  /**
   * Number of partitions of a topic, creating it with the configured number when it is new; null: `append` itself chooses
   * a partition for each record. Cached: called per table, not per row.
   */
  partitionsOf(topic: string): number | null;
  /** Makes records and offset durable together (they survive a power cut when it resolves), or rejects with nothing written. */
  append(append: Append): Promise<void>;
  /** Makes durable at once what was accepted; for a log that lets it wait. */
  flush?(): Promise<void>;
  topics(): Promise<readonly TopicInfo[]>;
  /**
   * Records of a partition from a log offset on, in order, ending at the current end (`follow`: waiting for more until the signal aborts).
   * A `from` below the oldest kept record begins at the oldest.
   */
  read(request: ReadRequest, signal?: AbortSignal): AsyncIterable<LogRecord>;
  /** As `read`, as many at a time as the log has together. */
  readBatches(request: ReadRequest, signal?: AbortSignal): AsyncIterable<readonly LogRecord[]>;
  close(): Promise<void>;
}

export interface ReadRequest {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly follow?: boolean;
}
