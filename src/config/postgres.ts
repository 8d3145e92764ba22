import { type ConfigOf, type RawConfig, REQUIRED, type UnsupportedKey } from './config-def.ts';
import { type ConnectorParse, parseConnector } from './connector-kind.ts';
import { debeziumDef, debeziumUnsupported } from './debezium.ts';
import { choice, flag, integer, regexList, structured, text } from './properties.ts';
import { parseIdentitySettings } from './table-settings.ts';
import { connectDef, connectUnsupported, tailraceDef } from './worker.ts';

export const POSTGRES_CONNECTOR = 'io.debezium.connector.postgresql.PostgresConnector';
/** Synonyms that Kafka Connect makes of a class name: without the package, and without `Connector`. */
const SYNONYMS = { PostgresConnector: POSTGRES_CONNECTOR, Postgres: POSTGRES_CONNECTOR } as const;

export function isPostgresClass(connectorClass: string): boolean {
  const given = connectorClass.trim().toLowerCase();
  return [POSTGRES_CONNECTOR, ...Object.keys(SYNONYMS)].some((name) => name.toLowerCase() === given);
}
/** An unquoted identifier's length in Postgres: NAMEDATALEN - 1. */
const MAX_IDENTIFIER_BYTES = 63;

/** Everything a Postgres connector is configured by. */
export const postgresDef = {
  ...connectDef,
  'connector.class': choice([POSTGRES_CONNECTOR], REQUIRED, {
    type: 'CLASS',
    importance: 'high',
    synonyms: SYNONYMS,
    doc: 'Which kind of source this is, by the class name that Debezium has for it.',
  }),
  'database.hostname': text(REQUIRED, {
    importance: 'high',
    doc: 'Host name or address of the server, or the folder of its Unix socket.',
  }),
  'database.port': integer(5432, { min: 1, max: 65_535, importance: 'high', doc: 'Port of the server.' }),
  'database.user': text(REQUIRED, {
    importance: 'high',
    doc: 'User to connect as. It needs LOGIN and REPLICATION, and SELECT on the captured tables for a snapshot.',
  }),
  'database.password': text(null, {
    importance: 'high',
    secret: true,
    doc: 'Password of the user. Without it, ~/.pgpass and PGPASSWORD are looked at.',
  }),
  'database.dbname': text(REQUIRED, { importance: 'high', doc: 'Database to read.' }),
  'database.sslmode': choice(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'], 'prefer', {
    importance: 'medium',
    doc: 'Whether the connection is encrypted, and whether the server’s certificate and name are verified.',
  }),
  'database.sslcert': text(null, { importance: 'medium', doc: 'File of the client certificate, PEM.' }),
  'database.sslkey': text(null, { importance: 'medium', doc: 'File of the client certificate’s key, PEM.' }),
  'database.sslpassword': text(null, { importance: 'medium', secret: true, doc: 'Passphrase of the key.' }),
  'database.sslrootcert': text(null, {
    importance: 'medium',
    doc: 'File of the certificate authorities that the server’s certificate is verified by, PEM.',
  }),
  'database.initial.statements': text(null, {
    doc: 'SQL to run on each new connection that is not the replication stream, statements separated by semicolons.',
  }),
  'database.tcpKeepAlive': flag(true, { doc: 'Whether TCP keepalive probes are sent.' }),
  'database.query.timeout.ms': integer(600_000, {
    doc: 'Longest time in milliseconds for a catalog query; 0 waits for ever. Snapshot reads are not limited.',
  }),
  ...debeziumDef,
  'schema.include.list': regexList({
    importance: 'high',
    aliases: ['schema.whitelist'],
    doc: 'Schemas to capture: comma-separated regular expressions that match the whole name. All, when it is not set.',
  }),
  'schema.exclude.list': regexList({
    importance: 'medium',
    aliases: ['schema.blacklist'],
    doc: 'Schemas to leave out. Not together with `schema.include.list`.',
  }),
  'time.precision.mode': choice(
    ['adaptive', 'adaptive_time_microseconds', 'connect', 'microseconds', 'nanoseconds', 'isostring'],
    'adaptive',
    {
      importance: 'medium',
      doc: 'How dates and times appear: by the precision of the column, in Connect’s millisecond types, in one fixed unit, or as text.',
    },
  ),
  'topic.naming.strategy': choice(
    ['io.debezium.schema.SchemaTopicNamingStrategy'],
    'io.debezium.schema.SchemaTopicNamingStrategy',
    { type: 'CLASS', doc: 'How topics are named: `<prefix>.<schema>.<table>`.' },
  ),
  'snapshot.mode': choice(['initial', 'initial_only', 'always', 'no_data', 'when_needed'], 'initial', {
    importance: 'high',
    deprecated: { never: 'no_data' },
    refused: {
      configuration_based: 'choose one of initial, initial_only, always, no_data, when_needed',
      custom: 'it names a Java class; choose one of initial, initial_only, always, no_data, when_needed',
    },
    doc: 'When existing rows are read: once before the first change, without streaming after it, at every start, never, or also when the stored position is gone from the server.',
  }),
  'snapshot.isolation.mode': choice(['serializable', 'repeatable_read'], 'serializable', {
    refused: {
      read_committed: 'the snapshot would not be consistent with the stream; use repeatable_read',
      read_uncommitted: 'the snapshot would not be consistent with the stream; use repeatable_read',
    },
    doc: 'Isolation of the snapshot’s transactions. All of them read the state that the slot exported.',
  }),
  'plugin.name': choice(['pgoutput'], 'pgoutput', {
    importance: 'medium',
    refused: {
      decoderbufs: 'this version reads pgoutput, which every server has; remove the key or set pgoutput',
      wal2json: 'this version reads pgoutput, which every server has; remove the key or set pgoutput',
    },
    doc: 'Output plugin of the slot.',
  }),
  'slot.name': text('debezium', {
    importance: 'high',
    check: (value) =>
      /^[a-z0-9_]{1,63}$/.test(value) ? null : 'is no slot name: 1 to 63 lower-case letters, digits and underscores',
    doc: 'Replication slot to use, made when it does not exist. Each connector needs one of its own.',
  }),
  'slot.drop.on.stop': flag(false, {
    importance: 'medium',
    doc: 'Whether the slot is dropped at an orderly stop. Changes made until the next start are then lost: for tests only.',
  }),
  'slot.failover': flag(false, {
    importance: 'medium',
    doc: 'Whether a new slot is synchronized to standbys, so that a failover keeps it. Postgres 17 or later.',
  }),
  'publication.name': text('dbz_publication', {
    importance: 'medium',
    check: (value) =>
      value !== '' && Buffer.byteLength(value) <= MAX_IDENTIFIER_BYTES ? null : 'is no publication name: 1 to 63 bytes',
    doc: 'Publication to read, made when it does not exist and `publication.autocreate.mode` allows it.',
  }),
  'publication.autocreate.mode': choice(['all_tables', 'filtered', 'disabled', 'no_tables'], 'all_tables', {
    importance: 'medium',
    doc: 'What a missing publication is made for: all tables (needs a superuser), the captured ones, which it is also kept to later, nothing at all, or an empty one. None is made by which the server would begin to refuse UPDATE and DELETE of tables without a replica identity.',
  }),
  'publish.via.partition.root': flag(false, {
    doc: 'Whether changes of partitions appear as changes of the partitioned table, in a publication that is made here.',
  }),
  'replica.identity.autoset.values': structured(parseIdentitySettings, {
    doc: 'Replica identity to set on tables at start: `schema.table:FULL,schema.other:INDEX name`, the table being a regular expression.',
  }),
  'status.update.interval.ms': integer(10_000, {
    min: 100,
    doc: 'Milliseconds between status updates to the server. They repeat the position that is durable.',
  }),
  'slot.max.retries': integer(0, {
    doc: 'Further attempts to start while another process reads the slot. Debezium makes 6; here a reader that was killed is waited for 5 s in any case, and one that lives is told at once.',
  }),
  'slot.retry.delay.ms': integer(10_000, { doc: 'Milliseconds between such attempts.' }),
  'hstore.handling.mode': choice(['json', 'map'], 'json', {
    doc: 'How hstore values appear: as JSON text, or as a map.',
  }),
  'interval.handling.mode': choice(['numeric', 'string'], 'numeric', {
    doc: 'How intervals appear: as microseconds, months counting as 30.4375 days, or as ISO 8601 text, which is exact.',
  }),
  'money.fraction.digits': integer(2, { max: 18, doc: 'Decimal places of money values, as lc_monetary has them.' }),
  'include.unknown.datatypes': flag(false, {
    doc: 'Whether columns of types that have no mapping appear as the bytes of their text. They are left out otherwise.',
  }),
  'message.prefix.include.list': regexList({
    doc: 'Prefixes of logical decoding messages to capture. All, when it is not set.',
  }),
  'message.prefix.exclude.list': regexList({
    doc: 'Prefixes of logical decoding messages to leave out. Not together with `message.prefix.include.list`.',
  }),
  ...tailraceDef,
  'tailrace.lag.retained.bytes.max': integer(null, {
    min: 1,
    importance: 'medium',
    doc: 'WAL bytes that the slot may hold back on the server before `/lag` answers 503. No limit when it is not set.',
  }),
} as const;

export type PostgresConfig = ConfigOf<typeof postgresDef>;

/** Keys of Debezium's Postgres connector that mean nothing here, or that this version does not have. */
export const postgresUnsupported: readonly UnsupportedKey[] = [
  {
    key: 'database.sslfactory',
    effect: 'refused',
    reason: 'it names a Java class; use database.sslmode and database.sslrootcert',
  },
  {
    key: 'offset.mismatch.strategy',
    effect: 'ignored',
    reason: 'the stored position is always compared with the slot, and a gap stops the task',
    inert: ['no_validation'],
  },
  {
    key: 'slot.seek.to.known.offset.on.start',
    effect: 'ignored',
    reason: 'the stored position is always compared with the slot, and a gap stops the task',
  },
  {
    key: 'lsn.flush.mode',
    effect: 'refused',
    reason: 'what is durable is always confirmed, or the server’s disk would fill',
    inert: ['connector', 'connector_and_driver'],
  },
  {
    key: 'flush.lsn.source',
    effect: 'refused',
    reason: 'what is durable is always confirmed, or the server’s disk would fill',
    inert: ['true'],
  },
  { key: 'lsn.flush.timeout.*', effect: 'quiet', reason: 'confirming does not wait' },
  { key: 'create.slot.command.timeout', effect: 'ignored', reason: 'slot creation waits for open transactions' },
  { key: 'slot.stream.params', effect: 'ignored', reason: 'pgoutput’s parameters are set by tailrace' },
  {
    key: 'snapshot.locking.mode',
    effect: 'ignored',
    reason: 'the snapshot reads the state that the slot exported and needs no locks',
    inert: ['none'],
  },
  {
    key: 'schema.refresh.mode',
    effect: 'quiet',
    reason: 'the catalog is read again when the log announces a changed table',
  },
  { key: 'xmin.fetch.interval.ms', effect: 'ignored', reason: 'source.xmin stays null', inert: ['0'] },
  { key: 'snapshot.fetch.size', effect: 'quiet', reason: 'the snapshot streams rows with COPY' },
  { key: 'snapshot.lock.timeout.ms', effect: 'quiet', reason: 'the snapshot takes no table locks' },
  { key: 'include.schema.comments', effect: 'ignored', reason: 'comments are not put into schemas', inert: ['false'] },
  { key: 'include.schema.changes', effect: 'quiet', reason: 'Postgres has no schema change topic' },
  { key: 'database.history.*', effect: 'quiet', reason: 'Postgres has no schema history' },
  { key: 'schema.history.*', effect: 'quiet', reason: 'Postgres has no schema history' },
  { key: 'database.preparedStatements', effect: 'quiet', reason: 'it is a setting of the JDBC driver' },
  ...debeziumUnsupported,
  ...connectUnsupported,
];

/** A Postgres connector's configuration. Placeholders must be resolved before. */
export function parsePostgresConfig(raw: RawConfig): ConnectorParse<PostgresConfig> {
  return parseConnector(
    {
      def: postgresDef,
      unsupported: postgresUnsupported,
      exclusive: [
        ['schema.include.list', 'schema.exclude.list'],
        ['table.include.list', 'table.exclude.list'],
        ['column.include.list', 'column.exclude.list'],
        ['message.prefix.include.list', 'message.prefix.exclude.list'],
      ],
      namespace: { word: 'schema', example: 'public' },
    },
    raw,
  );
}
