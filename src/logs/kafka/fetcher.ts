import type { KafkaClient } from './client.ts';
import { KafkaRequestError } from './request-error.ts';
import { type FetchedPartition, type FetchPosition, fetchRequest } from './requests.ts';
import { type Retries, withRetries } from './retries.ts';

export interface FetchHow {
  /** read_committed; else what is not committed, and what was aborted, comes too. */
  readonly committed: boolean;
  /** How long the broker may wait for a first record. */
  readonly maxWaitMs: number;
}

/** Of one answer, for all its partitions, and for each of them: Java's consumer has 50 MiB and 1 MiB. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_PARTITION_BYTES = 1024 * 1024;
/** A reader that comes while the broker waits for others' records waits with them. */
const MAX_SHARED_WAIT_MS = 100;

interface Want {
  readonly position: FetchPosition;
  readonly maxWaitMs: number;
  readonly resolve: (fetched: FetchedPartition) => void;
  readonly reject: (error: unknown) => void;
}

/** The wants for one broker. */
interface Lane {
  readonly nodeId: number;
  readonly committed: boolean;
  wants: Want[];
  isBusy: boolean;
}

/**
 * Fetches for any number of readers: a broker answers the requests of a connection one after the other, and holds an answer back
 * until there is something to send, so that all who want something of one broker go in one request.
 */
export class Fetcher {
  readonly #client: KafkaClient;
  readonly #retries: Retries;
  readonly #lanes = new Map<string, Lane>();

  constructor(client: KafkaClient, retries: Retries) {
    this.#client = client;
    this.#retries = retries;
  }

  /**
   * What a partition has from an offset on, nothing when the time is over. Follows a partition to its new leader.
   * @throws KafkaRequestError `OFFSET_OUT_OF_RANGE`, and what does not pass in time
   */
  fetch(position: FetchPosition, how: FetchHow, signal?: AbortSignal): Promise<FetchedPartition> {
    return withRetries(this.#retries, () => this.#fetchOnce(position, how), signal);
  }

  async #fetchOnce(position: FetchPosition, how: FetchHow): Promise<FetchedPartition> {
    const { topic, partition } = position;
    try {
      const nodeId = await this.#client.leader(topic, partition);
      const fetched = await new Promise<FetchedPartition>((resolve, reject) => {
        this.#enqueue(nodeId, how, { position, maxWaitMs: how.maxWaitMs, resolve, reject });
      });
      if (fetched.error === null) return fetched;
      throw new KafkaRequestError('Fetch', {
        type: fetched.error,
        topic,
        partition,
        broker: this.#client.address(nodeId),
      });
    } catch (error) {
      this.#client.forgetTopics([topic]);
      throw error;
    }
  }

  #enqueue(nodeId: number, { committed }: FetchHow, want: Want): void {
    const key = `${nodeId} ${committed}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { nodeId, committed, wants: [], isBusy: false };
      this.#lanes.set(key, lane);
    }
    lane.wants.push(want);
    this.#wake(lane);
  }

  #wake(lane: Lane): void {
    if (lane.isBusy || lane.wants.length === 0) return;
    lane.isBusy = true;
    // Others may be about to ask: those that the same answer has served.
    setImmediate(() => void this.#run(lane));
  }

  async #run(lane: Lane): Promise<void> {
    const { nodeId, committed } = lane;
    // A partition stands once in a request.
    const chosen = new Map<string, Want>();
    const rest: Want[] = [];
    for (const want of lane.wants) {
      const key = `${want.position.topic} ${want.position.partition}`;
      if (chosen.has(key)) rest.push(want);
      else chosen.set(key, want);
    }
    lane.wants = rest;
    const wants = [...chosen.values()];
    const waitMs = Math.min(
      ...wants.map(({ maxWaitMs }) => maxWaitMs),
      ...(wants.length > 1 ? [MAX_SHARED_WAIT_MS] : []),
    );
    try {
      const request = fetchRequest(
        wants.map(({ position }) => position),
        { maxWaitMs: waitMs, maxBytes: MAX_BYTES, maxPartitionBytes: MAX_PARTITION_BYTES, committed },
      );
      for (const fetched of await this.#client.send(nodeId, request)) {
        const key = `${fetched.topic} ${fetched.partition}`;
        chosen.get(key)?.resolve(fetched);
        chosen.delete(key);
      }
      for (const { position, reject } of chosen.values()) {
        const { topic, partition } = position;
        reject(new KafkaRequestError('Fetch', { type: 'UNKNOWN_TOPIC_OR_PARTITION', topic, partition }));
      }
    } catch (error) {
      for (const { reject } of chosen.values()) reject(error);
    }
    lane.isBusy = false;
    this.#wake(lane);
  }
}
