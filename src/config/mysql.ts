import { createHash } from 'node:crypto';
import type { ServerFamily } from '../../decoders/binlog/format-description.ts';
import { type ConfigOf, type RawConfig, REQUIRED, type UnsupportedKey } from './config-def.ts';
import { type ConnectorParse, parseConnector } from './connector-kind.ts';
import { debeziumDef, debeziumUnsupported } from './debezium.ts';
import { choice, derivedText, derivedWith, flag, integer, regexList, text } from './properties.ts';
import { connectDef, connectUnsupported, tailraceDef } from './worker.ts';

export const MYSQL_CONNECTOR = 'io.debezium.connector.mysql.MySqlConnector';
export const MARIADB_CONNECTOR = 'io.debezium.connector.mariadb.MariaDbConnector';

/** Synonyms that Kafka Connect makes of a class name: without the package, and without `Connector`. */
const SYNONYMS = {
  MySqlConnector: MYSQL_CONNECTOR,
  MySql: MYSQL_CONNECTOR,
  MariaDbConnector: MARIADB_CONNECTOR,
  MariaDb: MARIADB_CONNECTOR,
} as const;

/** Whose binlog a connector class reads. */
export function familyOfClass(connectorClass: string): ServerFamily | null {
  const given = connectorClass.trim().toLowerCase();
  const is = ([name]: readonly [string, string]): boolean => name.toLowerCase() === given;
  const name = [...Object.entries(SYNONYMS), ...CLASSES.map((one) => [one, one] as const)].find(is)?.[1];
  return name === undefined ? null : name === MYSQL_CONNECTOR ? 'mysql' : 'mariadb';
}

const CLASSES = [MYSQL_CONNECTOR, MARIADB_CONNECTOR] as const;

/** The lowest server id that is made up: those that people give to servers are smaller. */
const FIRST_SERVER_ID = 0x4000_0000;

/** A server id that stays the same for a connector and differs between connectors, between 2^30 and 2^31. */
function derivedServerId(raw: RawConfig): string {
  const digest = createHash('sha256')
    .update([raw.name, raw['topic.prefix'] ?? raw['database.server.name']].join('\0'))
    .digest();
  return String(FIRST_SERVER_ID + (digest.readUInt32BE(0) % FIRST_SERVER_ID));
}

/** Everything a MySQL or MariaDB connector is configured by. */
export const mysqlDef = {
  ...connectDef,
  'connector.class': choice(CLASSES, REQUIRED, {
    type: 'CLASS',
    importance: 'high',
    synonyms: SYNONYMS,
    doc: 'Which kind of source this is, by the class name that Debezium has for it.',
  }),
  'database.hostname': text(REQUIRED, { importance: 'high', doc: 'Host name or address of the server.' }),
  'database.port': integer(3306, { min: 1, max: 65_535, importance: 'high', doc: 'Port of the server.' }),
  'database.user': text(REQUIRED, {
    importance: 'high',
    doc: 'User to connect as. It needs REPLICATION SLAVE and REPLICATION CLIENT (MariaDB: REPLICATION SLAVE, BINLOG MONITOR), SELECT on the captured tables, and RELOAD or LOCK TABLES for a snapshot.',
  }),
  'database.password': text(null, { importance: 'high', secret: true, doc: 'Password of the user.' }),
  'database.server.id': derivedWith(
    integer(FIRST_SERVER_ID, {
      min: 1,
      max: 0xffff_ffff,
      importance: 'high',
      doc: 'Number by which the server knows this reader of its binlog. No other replica or reader may have the same.',
    }),
    derivedServerId,
    'made from name and topic.prefix',
  ),
  'database.ssl.mode': derivedWith(
    choice(['disabled', 'preferred', 'required', 'verify_ca', 'verify_identity'], 'preferred', {
      importance: 'medium',
      synonyms: {
        disable: 'disabled',
        trust: 'required',
        'verify-ca': 'verify_ca',
        'verify-full': 'verify_identity',
      },
      doc: 'Whether the connection is encrypted, and whether the server’s certificate and name are verified. Those of Debezium’s MariaDB connector (`disable`, `trust`, `verify-ca`, `verify-full`) are understood as well. MariaDB’s default is `disabled`.',
    }),
    (raw) => (familyOfClass(raw['connector.class'] ?? '') === 'mariadb' ? 'disabled' : 'preferred'),
    'preferred',
  ),
  'database.ssl.keystore': text(null, {
    importance: 'medium',
    doc: 'File of the client’s certificate and key, PEM or PKCS #12.',
  }),
  'database.ssl.keystore.password': text(null, {
    importance: 'medium',
    secret: true,
    doc: 'Passphrase of the client’s key.',
  }),
  'database.ssl.truststore': text(null, {
    importance: 'medium',
    doc: 'File of the certificate authorities that the server’s certificate is verified by, PEM or PKCS #12.',
  }),
  'database.ssl.truststore.password': text(null, {
    importance: 'medium',
    secret: true,
    doc: 'Password of that file, where it has one.',
  }),
  'database.initial.statements': text(null, {
    doc: 'SQL to run on each new connection that is not the replication stream, statements separated by semicolons.',
  }),
  'database.query.timeout.ms': integer(600_000, {
    doc: 'Longest time in milliseconds for a catalog query; 0 waits for ever. Snapshot reads are not limited.',
  }),
  'connect.timeout.ms': integer(30_000, {
    min: 1,
    doc: 'Longest time in milliseconds for a connection to be made.',
  }),
  ...debeziumDef,
  'database.include.list': regexList({
    importance: 'high',
    aliases: ['database.whitelist'],
    doc: 'Databases to capture: comma-separated regular expressions that match the whole name. All, when it is not set.',
  }),
  'database.exclude.list': regexList({
    importance: 'medium',
    aliases: ['database.blacklist'],
    doc: 'Databases to leave out. Not together with `database.include.list`.',
  }),
  'time.precision.mode': choice(
    ['adaptive_time_microseconds', 'connect', 'microseconds', 'nanoseconds', 'isostring'],
    'adaptive_time_microseconds',
    {
      importance: 'medium',
      refused: { adaptive: 'TIME goes beyond a day here; use adaptive_time_microseconds' },
      doc: 'How dates and times appear: by the precision of the column (TIME in microseconds), in Connect’s millisecond types, in one fixed unit, or as text.',
    },
  ),
  'bigint.unsigned.handling.mode': choice(['long', 'precise'], 'long', {
    importance: 'medium',
    doc: 'How BIGINT UNSIGNED appears: as a 64-bit integer, in which 2^63 and more become negative, or exact as bytes.',
  }),
  'topic.naming.strategy': choice(
    ['io.debezium.schema.DefaultTopicNamingStrategy'],
    'io.debezium.schema.DefaultTopicNamingStrategy',
    { type: 'CLASS', doc: 'How topics are named: `<prefix>.<database>.<table>`.' },
  ),
  'snapshot.mode': choice(['initial', 'initial_only', 'always', 'no_data', 'when_needed', 'recovery'], 'initial', {
    importance: 'high',
    deprecated: { schema_only: 'no_data', never: 'no_data', schema_only_recovery: 'recovery' },
    refused: {
      configuration_based: 'choose one of initial, initial_only, always, no_data, when_needed, recovery',
      custom: 'it names a Java class; choose one of initial, initial_only, always, no_data, when_needed, recovery',
    },
    doc: 'When existing rows are read: once before the first change, without streaming after it, at every start, never, or also when the stored position is gone from the server. `recovery` reads no rows and builds the schema history anew from the tables as they are: for a history that was lost, when no table was changed since the stored position.',
  }),
  'snapshot.locking.mode': choice(['minimal', 'extended', 'none'], 'minimal', {
    importance: 'medium',
    synonyms: {
      minimal_percona: 'minimal',
      minimal_percona_no_table_locks: 'minimal',
      minimal_at_least_once: 'minimal',
    },
    refused: { custom: 'it names a Java class; choose one of minimal, extended, none' },
    doc: 'What a snapshot locks: writes, until its position and the tables’ definitions are read; writes, until all rows are read; or nothing, which is safe only while no table is altered. The other forms of minimal are taken as minimal.',
  }),
  'snapshot.lock.timeout.ms': integer(10_000, {
    doc: 'Longest wait in milliseconds for a lock of the snapshot, which blocks writers meanwhile.',
  }),
  'schema.history.internal.kafka.topic': derivedText(
    (raw) => `${raw['topic.prefix'] ?? raw['database.server.name'] ?? ''}.schema-history`,
    '<topic.prefix>.schema-history',
    {
      importance: 'medium',
      aliases: ['database.history.kafka.topic'],
      doc: 'Topic that keeps the versions of the captured tables, in Debezium’s form. It is in the log, whatever `schema.history.internal` says, and has no retention.',
    },
  ),
  'include.schema.changes': flag(true, {
    importance: 'medium',
    doc: 'Whether DDL of captured tables gives records on the topic `<topic.prefix>`.',
  }),
  'schema.history.internal.store.only.captured.tables.ddl': flag(false, {
    doc: 'Whether records of DDL, too, are only of captured tables, not of all tables in the captured databases.',
  }),
  'include.schema.comments': flag(false, {
    doc: 'Whether comments of tables and columns are told: in the schema history, in records of DDL, and as the `doc` of fields.',
  }),
  'include.query': flag(false, {
    doc: 'Whether records tell the statement that made the change. The server has to log it: `binlog_rows_query_log_events`, MariaDB `binlog_annotate_row_events`.',
  }),
  'gtid.source.includes': regexList({
    doc: 'Servers whose transactions are read: comma-separated regular expressions over their UUIDs, or over MariaDB’s domain ids. Those of all servers, when it is not set.',
  }),
  'gtid.source.excludes': regexList({
    doc: 'Servers whose transactions are not read. Not together with `gtid.source.includes`.',
  }),
  'gtid.source.filter.dml.events': flag(true, {
    doc: 'Whether changes of other servers than `gtid.source.includes` and `gtid.source.excludes` choose are left out too. With `false` they choose only what is asked of the server.',
  }),
  ...tailraceDef,
  'tailrace.lag.retention.left.ms.min': integer(null, {
    min: 1,
    importance: 'medium',
    doc: 'Milliseconds that the server must still keep the binlog that is to be read, or `/lag` answers 503. No limit when it is not set.',
  }),
} as const;

export type MysqlConfig = ConfigOf<typeof mysqlDef>;

/** Whose binlog a connector reads; also Debezium's name of the connector. */
export function serverFamily(config: Pick<MysqlConfig, 'connector.class'>): ServerFamily {
  return config['connector.class'] === MARIADB_CONNECTOR ? 'mariadb' : 'mysql';
}

const IN_THE_LOG = 'the schema history is kept in the log, together with the offset';
const OF_THE_DRIVER = 'it is a setting of the JDBC driver';

/** Keys of Debezium's MySQL and MariaDB connectors that mean nothing here, or that this version does not have. */
export const mysqlUnsupported: readonly UnsupportedKey[] = [
  {
    key: 'database.dbname',
    effect: 'ignored',
    reason: 'a connector reads all databases of its server; use database.include.list',
  },
  { key: 'database.sslmode', effect: 'refused', reason: 'use database.ssl.mode' },
  { key: 'database.server.id.offset', effect: 'quiet', reason: 'one connection reads the binlog' },
  { key: 'database.jdbc.*', effect: 'quiet', reason: OF_THE_DRIVER },
  { key: 'database.protocol', effect: 'quiet', reason: OF_THE_DRIVER },
  { key: 'database.allowPublicKeyRetrieval', effect: 'quiet', reason: OF_THE_DRIVER },
  { key: 'database.useSSL', effect: 'ignored', reason: 'use database.ssl.mode' },
  {
    key: 'database.connectionTimeZone',
    effect: 'ignored',
    reason: 'TIMESTAMP values are read in UTC, in which the server keeps them',
    inert: ['utc', '+00:00'],
  },
  {
    key: 'database.serverTimezone',
    effect: 'ignored',
    reason: 'TIMESTAMP values are read in UTC, in which the server keeps them',
    inert: ['utc', '+00:00'],
  },
  { key: 'driver.*', effect: 'ignored', reason: OF_THE_DRIVER },
  { key: 'connect.keep.alive', effect: 'quiet', reason: 'a silent connection is noticed by its heartbeats' },
  { key: 'connect.keep.alive.*', effect: 'quiet', reason: 'a silent connection is noticed by its heartbeats' },
  { key: 'use.nongraceful.disconnect', effect: 'quiet', reason: 'a silent connection is closed at once' },
  { key: 'binlog.net.*', effect: 'quiet', reason: 'a silent connection is noticed by its heartbeats' },
  { key: 'binlog.buffer.size', effect: 'quiet', reason: 'transactions are not held back', inert: ['0'] },
  {
    key: 'enable.time.adjuster',
    effect: 'ignored',
    reason: 'it has no effect: years are as they are stored, and the server itself turns two digits into four',
    inert: ['true'],
  },
  { key: 'min.row.count.to.stream.results', effect: 'quiet', reason: 'the snapshot always streams rows' },
  { key: 'snapshot.fetch.size', effect: 'quiet', reason: 'the snapshot always streams rows' },
  { key: 'resolve.create.table.like.schema', effect: 'quiet', reason: 'it always is' },
  { key: 'ddl.parser.type', effect: 'quiet', reason: 'there is one reader of DDL' },
  {
    key: 'inconsistent.schema.handling.mode',
    effect: 'ignored',
    reason: 'rows of a table whose definition is not known always stop the task, so that none is lost',
    inert: ['fail'],
  },
  {
    key: 'event.deserialization.failure.handling.mode',
    effect: 'ignored',
    reason: 'an event that cannot be read always stops the task, so that none is lost',
    inert: ['fail'],
  },
  {
    key: 'gtid.ignore.on.recovery',
    effect: 'ignored',
    reason: 'reading goes on by GTIDs where the server has them',
    inert: ['false'],
  },
  { key: 'schema.history.internal', effect: 'quiet', reason: IN_THE_LOG },
  {
    key: 'schema.history.internal.skip.unparseable.ddl',
    effect: 'quiet',
    reason: 'DDL that cannot concern a captured table never stops the task',
  },
  {
    key: 'schema.history.internal.store.only.captured.databases.ddl',
    effect: 'quiet',
    reason: 'the history holds the captured databases',
  },
  { key: 'schema.history.*', effect: 'quiet', reason: IN_THE_LOG },
  { key: 'database.history', effect: 'quiet', reason: IN_THE_LOG },
  { key: 'database.history.*', effect: 'quiet', reason: IN_THE_LOG },
  ...debeziumUnsupported,
  ...connectUnsupported,
];

/** A MySQL or MariaDB connector's configuration. Placeholders must be resolved before. */
export function parseMysqlConfig(raw: RawConfig): ConnectorParse<MysqlConfig> {
  return parseConnector(
    {
      def: mysqlDef,
      unsupported: mysqlUnsupported,
      exclusive: [
        ['database.include.list', 'database.exclude.list'],
        ['table.include.list', 'table.exclude.list'],
        ['column.include.list', 'column.exclude.list'],
        ['gtid.source.includes', 'gtid.source.excludes'],
      ],
      namespace: { word: 'database', example: '<database>' },
    },
    raw,
  );
}
