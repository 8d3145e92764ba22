import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceOffset } from '../../src/model/log.ts';
import type { KafkaWitness } from '../services/kafka-witness.ts';

export type Owner = 'Debezium' | 'tailrace';

/** Of two writers of one offset: what only ours holds. */
const OUR_KEYS = ['system_id', 'server_uuid'] as const;

/** Follows what is stored for one connector in Connect's offsets topic. */
export class OffsetWatch {
  #stored: SourceOffset | null = null;
  #count = 0;

  constructor(witness: KafkaWitness, { topic, key }: { readonly topic: string; readonly key: string }) {
    witness.follow(topic, (record) => {
      if (record.key?.toString() !== key) return;
      this.#count++;
      this.#stored = record.value === null ? null : (JSON.parse(record.value.toString()) as SourceOffset);
    });
  }

  get stored(): SourceOffset | null {
    return this.#stored;
  }

  /** How often an offset was stored. */
  get count(): number {
    return this.#count;
  }

  /** Who has written it; null: nobody yet. */
  get owner(): Owner | null {
    if (this.#stored === null) return null;
    return OUR_KEYS.some((key) => this.#stored?.[key] !== undefined) ? 'tailrace' : 'Debezium';
  }

  /** Of the stream, and complete: a snapshot that is still being read has an offset, too. */
  get isStreaming(): boolean {
    return this.#stored !== null && (this.#stored.snapshot === undefined || this.#stored.snapshot_completed === true);
  }

  /** Until nothing new has come for a while: what was stored last is here. */
  async settled(quietMs = 300): Promise<void> {
    for (let before = -1; before !== this.#count; ) {
      before = this.#count;
      await sleep(quietMs);
    }
  }
}
