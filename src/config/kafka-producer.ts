import type { UnsupportedKey } from './config-def.ts';
import { choice, integer } from './properties.ts';

/** Java's integers, which Kafka's settings are. */
const MAX_INT = 0x7fff_ffff;
const NOT_DURABLE = 'the database would be told that changes are safe which a broker can still lose; leave it at all';

/** A producer's keys: `producer.<key>` in the worker's file, `producer.override.<key>` in a connector. */
export const kafkaProducerDef = {
  acks: choice(['all'], 'all', {
    synonyms: { '-1': 'all' },
    refused: { '0': NOT_DURABLE, '1': NOT_DURABLE },
    doc: 'Which replicas must have a record before it counts: all that are in sync. Nothing less is durable.',
  }),
  'compression.type': choice(['none', 'gzip', 'snappy', 'lz4', 'zstd'], 'none', {
    importance: 'medium',
    doc: 'How record batches are compressed.',
  }),
  'compression.gzip.level': integer(null, { min: -1, max: 9, doc: 'Level of gzip, 1 to 9; -1 is its default.' }),
  'compression.lz4.level': integer(null, { min: 1, max: 17, doc: 'Level of lz4, 1 to 17.' }),
  'compression.zstd.level': integer(null, { min: -131_072, max: 22, doc: 'Level of zstd, up to 22.' }),
  'linger.ms': integer(0, {
    max: MAX_INT,
    importance: 'medium',
    doc: 'Milliseconds that records wait for more to be sent with. Changes that are committed together go together anyway.',
  }),
  'batch.size': integer(524_288, {
    max: MAX_INT,
    importance: 'medium',
    doc: 'Bytes, before compression, after which a record batch is closed. Kafka’s own default of 16384 suits many small producers, not one that is fast.',
  }),
  'max.request.size': integer(1_048_576, {
    max: MAX_INT,
    importance: 'medium',
    doc: 'Largest request in bytes, and so the largest record. The topic’s `max.message.bytes` and the brokers’ `message.max.bytes` must allow it, too.',
  }),
  'delivery.timeout.ms': integer(120_000, {
    min: 1,
    max: MAX_INT,
    doc: 'Milliseconds that an append is tried before the task starts again from its offset.',
  }),
  'transaction.timeout.ms': integer(60_000, {
    min: 1,
    max: MAX_INT,
    doc: 'Milliseconds after which the brokers abort a transaction that was left open. At most their `transaction.max.timeout.ms`.',
  }),
} as const;

const ONE_IN_FLIGHT = 'requests are sent in order and repeated with their sequence numbers';
const MURMUR2 = 'records are spread by murmur2 of their key, as Kafka’s default partitioner does';

export const kafkaProducerUnsupported: readonly UnsupportedKey[] = [
  {
    key: 'enable.idempotence',
    effect: 'ignored',
    reason: 'the producer is always idempotent: a request that is sent again is stored once',
    inert: ['true'],
  },
  {
    key: 'max.in.flight.requests.per.connection',
    effect: 'ignored',
    reason: ONE_IN_FLIGHT,
    inert: ['1', '2', '3', '4', '5'],
  },
  {
    key: 'transactional.id',
    effect: 'refused',
    reason:
      'it is made of group.id and the connector’s name; exactly.once.source.support=enabled turns transactions on',
  },
  {
    key: 'partitioner.class',
    effect: 'refused',
    reason: MURMUR2,
    inert: [
      'org.apache.kafka.clients.producer.internals.defaultpartitioner',
      'org.apache.kafka.clients.producer.internals.builtinpartitioner',
    ],
  },
  { key: 'partitioner.ignore.keys', effect: 'refused', reason: MURMUR2, inert: ['false'] },
  { key: 'partitioner.*', effect: 'quiet', reason: 'it concerns records without a key' },
  { key: 'buffer.memory', effect: 'quiet', reason: 'memory is bounded by tailrace.batch.bytes' },
  { key: 'max.block.ms', effect: 'quiet', reason: 'delivery.timeout.ms decides how long is tried' },
  { key: 'key.serializer', effect: 'quiet', reason: 'the key.converter decides' },
  { key: 'value.serializer', effect: 'quiet', reason: 'the value.converter decides' },
  { key: 'transaction.two.phase.commit.enable', effect: 'refused', reason: 'transactions end here', inert: ['false'] },
];
