import { type ConfigOf, ConfigValueError, type RawConfig, REQUIRED, type UnsupportedKey } from './config-def.ts';
import { converterDef, converterUnsupported } from './converters.ts';
import { derivedText, integer, structuredOr, text } from './properties.ts';

/** Where the HTTP server listens; null: it is off. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[ipv6]:port`, `:port` (every address), a port alone (this machine only), or `off`. */
export function parseListenAddress(given: string): ListenAddress | null {
  const value = given.trim().replace(/^https?:\/\//, '');
  if (value === 'off') return null;
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]*)):)?(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new ConfigValueError("is not of the form host:port, nor 'off'");
  const host = match[1] ?? match[2];
  return { host: host === undefined ? '127.0.0.1' : host === '' ? '0.0.0.0' : host, port };
}

/** `./<name>.tailrace.db`, characters that a file name should not hold replaced. */
export function defaultLogPath(raw: RawConfig): string {
  return `./${(raw.name ?? 'tailrace').trim().replace(/[^\w.-]/g, '_')}.tailrace.db`;
}

/** Kafka's own default of a week. */
const WEEK_MS = 604_800_000;
const MIB = 1_048_576;

/** What Kafka Connect's framework defines for every connector. */
export const connectDef = {
  name: text(REQUIRED, {
    importance: 'high',
    doc: 'Name of the connector: names it in offsets, health and metrics. In `{"name", "config"}` files it is the outer name.',
  }),
  'tasks.max': integer(1, {
    min: 1,
    importance: 'high',
    doc: 'Most tasks to start. A database log is read by exactly one task, so anything above 1 changes nothing.',
  }),
  ...converterDef,
} as const;

/** Keys of tailrace's own. */
export const tailraceDef = {
  'tailrace.log.path': derivedText(defaultLogPath, './<name>.tailrace.db', {
    importance: 'high',
    doc: 'File of the embedded log, which holds the topics and the offsets. A path is relative to the working directory. Connectors of one process may share a log when their other `tailrace.log` settings are equal.',
  }),
  'tailrace.log.partitions': integer(1, {
    min: 1,
    max: 10_000,
    importance: 'medium',
    doc: 'Partitions of a topic that is made from now on. Records are spread by the hash of their key, as Kafka does.',
  }),
  'tailrace.log.retention.bytes': integer(-1, {
    min: -1,
    importance: 'medium',
    doc: 'Size in bytes of a partition above which its oldest records are removed; -1 keeps all.',
  }),
  'tailrace.log.retention.ms': integer(WEEK_MS, {
    min: -1,
    importance: 'medium',
    doc: 'Age in milliseconds above which records are removed, by the system’s clock: one that jumps ahead removes what is not due. -1 keeps all. The default is a week, as in Kafka.',
  }),
  'tailrace.batch.bytes': integer(256 * 1024, {
    min: 1024,
    max: 256 * MIB,
    doc: 'Bytes of changes that are read and appended together at most. A transaction above it is appended in several parts. Bounds the memory in use.',
  }),
  'tailrace.http.listen': structuredOr('127.0.0.1:8083', parseListenAddress, {
    importance: 'medium',
    doc: 'Address of `/health`, `/lag` and `/metrics`: `host:port`, `:port` for every address of the machine, or `off`.',
  }),
  'tailrace.lag.unconfirmed.bytes.max': integer(null, {
    min: 1,
    importance: 'medium',
    doc: 'Bytes of the database’s log (WAL, binlog) that may be undelivered before `/lag` answers 503. No limit when it is not set.',
  }),
  'tailrace.lag.ms.max': integer(null, {
    min: 1,
    importance: 'medium',
    doc: 'Milliseconds that delivery may be behind the database before `/lag` answers 503. No limit when it is not set.',
  }),
} as const;

export type ConnectConfig = ConfigOf<typeof connectDef>;
export type TailraceConfig = ConfigOf<typeof tailraceDef>;

const NO_KAFKA = 'records go to the embedded log; `run worker.properties <connector>` or --kafka sends them to Kafka';

/** Keys of Kafka Connect that mean nothing here, or that this version does not have. */
export const connectUnsupported: readonly UnsupportedKey[] = [
  { key: 'config.providers', effect: 'quiet', reason: 'read while the file is loaded' },
  { key: 'config.providers.*', effect: 'quiet', reason: 'read while the file is loaded' },
  { key: 'config.action.reload', effect: 'quiet', reason: 'values are read once, at start' },
  { key: 'tasks.max.enforce', effect: 'quiet', reason: 'there is one task' },
  { key: 'plugin.path', effect: 'quiet', reason: 'nothing is loaded from elsewhere' },
  ...converterUnsupported,
  { key: 'topic.creation.*', effect: 'quiet', reason: 'topics of the embedded log have no replicas' },
  { key: 'producer.override.*', effect: 'ignored', reason: NO_KAFKA },
  { key: 'consumer.override.*', effect: 'ignored', reason: NO_KAFKA },
  { key: 'admin.override.*', effect: 'ignored', reason: NO_KAFKA },
  { key: 'tailrace.kafka.*', effect: 'ignored', reason: NO_KAFKA },
  { key: 'exactly.once.support', effect: 'quiet', reason: 'the embedded log is exactly-once' },
  { key: 'transaction.boundary*', effect: 'quiet', reason: 'records and offset are stored together' },
  { key: 'offsets.storage.topic', effect: 'ignored', reason: 'offsets are kept in the embedded log' },
  {
    key: 'transforms',
    effect: 'refused',
    reason: 'this version has no transforms (SMTs), and without them the records would differ',
  },
  { key: 'transforms.*', effect: 'quiet', reason: 'the key transforms decides' },
  { key: 'predicates', effect: 'refused', reason: 'this version has no transforms (SMTs) and so no predicates' },
  { key: 'predicates.*', effect: 'quiet', reason: 'the key predicates decides' },
  {
    key: 'errors.tolerance',
    effect: 'ignored',
    reason: 'a change that cannot be delivered always stops the task, so that none is lost',
    inert: ['none'],
  },
  { key: 'errors.retry.timeout', effect: 'quiet', reason: 'it concerns transforms and remote converters' },
  { key: 'errors.retry.delay.max.ms', effect: 'quiet', reason: 'it concerns transforms and remote converters' },
  { key: 'errors.log.*', effect: 'quiet', reason: 'errors are always logged, row values never' },
  { key: 'errors.deadletterqueue.*', effect: 'ignored', reason: 'Connect has dead letter queues for sinks only' },
];
