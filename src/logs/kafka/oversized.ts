import { TailraceError } from '../../model/errors.ts';
import { type EncodedHeader, type EncodedRecords, INDEX_STRIDE } from '../../model/record.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Compressor } from './compression.ts';
import { truncateJson } from './json-truncation.ts';
import { RECORD_OVERHEAD_BYTES } from './open-batch.ts';
import { BATCH_HEADER_BYTES } from './record-batch.ts';
import { partsOf, type RecordParts, recordList } from './record-list.ts';
import type { OversizedPolicy } from './settings.ts';

export interface OversizedParts {
  readonly connector: string;
  readonly policy: OversizedPolicy;
  /** `max.request.size`, of a record before compression, as Java's client has it. */
  readonly maxRequestBytes: number;
  /** `max.message.bytes` of a topic, of a record batch after compression. */
  readonly maxBatchBytes: (topic: string) => number;
  readonly compressor: Compressor;
  readonly logger: Logger;
}

/** What a record is too large for. */
interface Excess {
  readonly bytes: number;
  readonly limit: number;
  readonly setting: string;
}

/** Of a record alone in its batch, beside key, value and headers. */
const OVERHEAD_BYTES = BATCH_HEADER_BYTES + RECORD_OVERHEAD_BYTES;
/** A key in a message. */
const KEY_CHARACTERS = 100;

/**
 * What becomes of records that Kafka cannot take, before they are sent. `truncate` cuts the longest texts of a JSON value and tells the
 * size it had in a header; a value in another format, or one that has no such texts, fails as without it.
 */
export class OversizedRecords {
  readonly #parts: OversizedParts;

  constructor(parts: OversizedParts) {
    this.#parts = parts;
  }

  /** The records as they can be sent; the very same when all can. @throws TailraceError `log.record_too_large` */
  admit(records: EncodedRecords): readonly EncodedRecords[] {
    const { maxRequestBytes, maxBatchBytes, policy } = this.#parts;
    const limit = Math.min(maxRequestBytes, maxBatchBytes(records.topic));
    const beside = OVERHEAD_BYTES + Math.max(0, ...records.headers.map(headerBytes));
    if (records.length + beside <= limit || largestBytes(records) + beside <= limit) return [records];
    const kept: RecordParts[] = [];
    const dead: RecordParts[] = [];
    let isChanged = false;
    for (const record of partsOf(records)) {
      const excess = this.#excess(records.topic, record);
      if (excess === null) {
        kept.push(record);
        continue;
      }
      isChanged = true;
      // What a source keeps for itself it needs whole.
      if (records.kept === true || policy.kind === 'fail') throw tooLarge(records.topic, record, excess);
      if (policy.kind === 'truncate') kept.push(this.#truncated(records.topic, record, excess));
      else dead.push(this.#deadLetter(records, record, excess, policy.topic));
    }
    if (!isChanged) return [records];
    const lists = [{ place: records, records: kept }];
    if (policy.kind === 'dead-letter')
      lists.push({ place: { topic: policy.topic, partition: null } as EncodedRecords, records: dead });
    return lists
      .filter((list) => list.records.length > 0)
      .map(({ place: { topic, partition }, records: own }) => recordList({ topic, partition }, own));
  }

  #excess(topic: string, record: RecordParts): Excess | null {
    const { maxRequestBytes, compressor } = this.#parts;
    const bytes = sizeOf(record);
    if (bytes > maxRequestBytes) return { bytes, limit: maxRequestBytes, setting: 'max.request.size' };
    const limit = this.#parts.maxBatchBytes(topic);
    if (bytes <= limit) return null;
    const setting = `max.message.bytes of topic ${topic}`;
    if (compressor.compress === null) return { bytes, limit, setting };
    const { key, value } = record;
    const compressed = compressor.compress(Buffer.concat([key ?? EMPTY, value ?? EMPTY])).length;
    const sent = compressed + OVERHEAD_BYTES + headerBytes(record.headers);
    return sent <= limit ? null : { bytes: sent, limit, setting };
  }

  #truncated(topic: string, record: RecordParts, excess: Excess): RecordParts {
    const { maxRequestBytes, maxBatchBytes, logger } = this.#parts;
    const { key, value } = record;
    const bytes = value?.length ?? 0;
    const headers = [...record.headers, { key: TRUNCATED_HEADER, value: Buffer.from(String(bytes)) }];
    const limit = Math.min(maxRequestBytes, maxBatchBytes(topic));
    const cut = value === null ? null : truncateJson(value, limit - sizeOf({ key, value: null, headers }));
    if (cut === null) throw tooLarge(topic, record, excess, ', and its value cannot be truncated');
    logger.warn(
      { topic, key: printableKey(key), bytes, left: cut.length },
      'a record too large for Kafka was truncated',
    );
    return { key, value: cut, headers };
  }

  #deadLetter(records: EncodedRecords, record: RecordParts, excess: Excess, deadLetters: string): RecordParts {
    const { connector, logger } = this.#parts;
    const { topic, partition } = records;
    const { key, value } = record;
    const told: Readonly<Record<string, string>> = {
      topic,
      ...(partition === null ? {} : { partition: String(partition) }),
      'connector.name': connector,
      'task.id': '0',
      stage: 'KAFKA_PRODUCE',
      'exception.class.name': 'org.apache.kafka.common.errors.RecordTooLargeException',
      'exception.message': `The record has ${excess.bytes} bytes, more than the ${excess.limit} of ${excess.setting}.`,
    };
    const headers: EncodedHeader[] = [
      ...record.headers,
      ...Object.entries(told).map(([name, text]) => ({ key: `__connect.errors.${name}`, value: Buffer.from(text) })),
    ];
    const whole = { key, value, headers };
    const isWhole = this.#excess(deadLetters, whole) === null;
    const letter = isWhole ? whole : { key, value: null, headers };
    if (!isWhole && this.#excess(deadLetters, letter) !== null) throw tooLarge(topic, record, excess);
    logger.warn(
      { topic, key: printableKey(key), bytes: excess.bytes, deadLetters, hasValue: isWhole },
      'a record too large for Kafka went to the dead letters',
    );
    return letter;
  }
}

/** The size that a truncated value had, as a decimal number. */
const TRUNCATED_HEADER = '__tailrace.truncated.from.bytes';
const EMPTY = Buffer.alloc(0);

/** Of one record's key and value. An append is often more than a request can be, its records rarely are. */
function largestBytes({ index, count }: EncodedRecords): number {
  let largest = 0;
  for (let i = 0; i < count * INDEX_STRIDE; i += INDEX_STRIDE) {
    const bytes = Math.max(0, index[i]!) + Math.max(0, index[i + 1]!);
    if (bytes > largest) largest = bytes;
  }
  return largest;
}

function sizeOf({ key, value, headers }: RecordParts): number {
  return OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + headerBytes(headers);
}

function headerBytes(headers: readonly EncodedHeader[]): number {
  let bytes = 0;
  for (const { key, value } of headers) bytes += 10 + Buffer.byteLength(key) + (value?.length ?? 0);
  return bytes;
}

function tooLarge(topic: string, { key }: RecordParts, { bytes, limit, setting }: Excess, more = ''): TailraceError {
  const advice =
    setting === 'max.request.size'
      ? 'Raise producer.override.max.request.size (producer.max.request.size of the worker), and max.message.bytes of the topic'
      : `Raise ${setting} (message.max.bytes of the brokers)`;
  return new TailraceError(
    'log.record_too_large',
    `A record for topic ${topic} with key ${printableKey(key)} has ${bytes} bytes, more than the ${limit} of ${setting}${more}.`,
    { remedy: `${advice}, or set tailrace.kafka.oversized to truncate or dead-letter:<topic>.` },
  );
}

/** Shortened; as hex when it is no text. */
function printableKey(key: Buffer | null): string {
  if (key === null) return 'null';
  const text = key.toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const isText = !/[\u0000-\u001f\u007f\ufffd]/.test(text);
  const shown = isText ? text : key.toString('hex');
  return shown.length <= KEY_CHARACTERS ? shown : `${shown.slice(0, KEY_CHARACTERS)}...`;
}
