import { ConfigValueError, type UnsupportedKey } from './config-def.ts';
import { kafkaSecurityDef, kafkaSecurityUnsupported } from './kafka-security.ts';
import { integer, structuredOr, text } from './properties.ts';

/** `host:port`, comma-separated; a listener's name before `://` is dropped, as Kafka does. Throws {@link ConfigValueError}. */
export function parseBrokers(given: string): readonly string[] {
  const brokers = given
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  if (brokers.length === 0) throw new ConfigValueError('names no broker: write host:port');
  return brokers.map((broker) => {
    const match = /^(?:[0-9a-zA-Z_%.-]*:\/\/)?(\[[0-9a-fA-F:.%]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(broker);
    const port = Number(match?.[2]);
    if (match === null || port === 0 || port > 65_535) {
      throw new ConfigValueError(
        brokers.length === 1 ? 'is not of the form host:port' : `holds '${broker}', which is not of the form host:port`,
      );
    }
    return `${match[1]}:${port}`;
  });
}

/** What every client of Kafka is configured by. */
export const kafkaClientDef = {
  'bootstrap.servers': structuredOr('localhost:9092', parseBrokers, {
    importance: 'high',
    doc: 'Brokers to ask first, as `host:port`, separated by commas. They name the others.',
  }),
  'client.id': text(null, {
    doc: 'Name that brokers know the connection by, in logs and quotas. When it is not set, `connector-producer-<connector>-0`, as in Connect.',
  }),
  'request.timeout.ms': integer(30_000, {
    min: 1,
    max: 0x7fff_ffff,
    doc: 'Milliseconds after which a broker’s answer is given up, and the request sent again while `delivery.timeout.ms` lasts.',
  }),
  'retry.backoff.ms': integer(100, { max: 0x7fff_ffff, doc: 'Milliseconds before a failed request is sent again.' }),
  'metadata.max.age.ms': integer(300_000, {
    min: 1,
    doc: 'Milliseconds after which topics, partitions and leaders are asked for again without need.',
  }),
  'socket.connection.setup.timeout.ms': integer(10_000, {
    min: 1,
    max: 0x7fff_ffff,
    doc: 'Milliseconds that connecting to a broker may take.',
  }),
  ...kafkaSecurityDef,
} as const;

const ONE_CONNECTION = 'connections are kept as long as they are used';

export const kafkaClientUnsupported: readonly UnsupportedKey[] = [
  ...kafkaSecurityUnsupported,
  { key: 'client.dns.lookup', effect: 'quiet', reason: 'every address of a name is tried' },
  { key: 'client.rack', effect: 'quiet', reason: 'a producer talks to leaders' },
  { key: 'connections.max.idle.ms', effect: 'quiet', reason: ONE_CONNECTION },
  { key: 'reconnect.backoff.ms', effect: 'quiet', reason: 'retry.backoff.ms decides' },
  { key: 'reconnect.backoff.max.ms', effect: 'quiet', reason: 'retry.backoff.ms decides' },
  { key: 'retry.backoff.max.ms', effect: 'quiet', reason: 'retry.backoff.ms decides' },
  { key: 'retries', effect: 'quiet', reason: 'delivery.timeout.ms decides how long is tried' },
  { key: 'socket.connection.setup.timeout.max.ms', effect: 'quiet', reason: 'every attempt has the same time' },
  { key: 'send.buffer.bytes', effect: 'quiet', reason: 'the system’s buffer is used' },
  { key: 'receive.buffer.bytes', effect: 'quiet', reason: 'the system’s buffer is used' },
  { key: 'metadata.recovery.*', effect: 'quiet', reason: 'bootstrap.servers are asked again of their own' },
  { key: 'metadata.max.idle.ms', effect: 'quiet', reason: 'topics are kept' },
  { key: 'metrics.*', effect: 'quiet', reason: 'see /metrics' },
  { key: 'metric.reporters', effect: 'quiet', reason: 'see /metrics' },
  { key: 'auto.include.jmx.reporter', effect: 'quiet', reason: 'see /metrics' },
  { key: 'enable.metrics.push', effect: 'quiet', reason: 'see /metrics' },
  {
    key: 'interceptor.classes',
    effect: 'ignored',
    reason: 'it is a class of Java, which only Java loads; records are sent as they are',
  },
  { key: 'confluent.*', effect: 'quiet', reason: 'it is a setting of Confluent’s own client' },
];

/** Keys that a client has by itself, in the worker's file without a prefix. */
export function isKafkaClientKey(key: string): boolean {
  return (
    key in kafkaClientDef ||
    kafkaClientUnsupported.some((one) =>
      one.key.endsWith('*') ? key.startsWith(one.key.slice(0, -1)) : key === one.key,
    )
  );
}
