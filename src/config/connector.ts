import { type ConfigDef, type RawConfig, secretsOf } from './config-def.ts';
import type { ConnectorParse } from './connector-kind.ts';
import {
  familyOfClass,
  MARIADB_CONNECTOR,
  MYSQL_CONNECTOR,
  type MysqlConfig,
  mysqlDef,
  parseMysqlConfig,
} from './mysql.ts';
import {
  isPostgresClass,
  POSTGRES_CONNECTOR,
  type PostgresConfig,
  parsePostgresConfig,
  postgresDef,
} from './postgres.ts';

/** A connector of any kind; its `connector.class` tells which. */
export type ConnectorConfig = PostgresConfig | MysqlConfig;

export function isPostgresConfig(config: ConnectorConfig): config is PostgresConfig {
  return config['connector.class'] === POSTGRES_CONNECTOR;
}

const LATER = 'this version reads Postgres, MySQL and MariaDB';
const CLASSES_OF_LATER: Readonly<Record<string, string>> = {
  'io.confluent.connect.jdbc.JdbcSourceConnector': LATER,
  'io.debezium.connector.mongodb.MongoDbConnector': LATER,
  'io.debezium.connector.sqlserver.SqlServerConnector': LATER,
  'io.debezium.connector.oracle.OracleConnector': LATER,
};

/** Reads and checks a connector's configuration; every problem is found at once. Placeholders must be resolved before. */
export function parseConnectorConfig(raw: RawConfig): ConnectorParse<ConnectorConfig> {
  const key = 'connector.class';
  const given = (raw[key] ?? '').trim();
  if (familyOfClass(given) !== null) return parseMysqlConfig(raw);
  if (given === '' || isPostgresClass(given)) return parsePostgresConfig(raw);
  const reason = CLASSES_OF_LATER[given];
  const classes = [POSTGRES_CONNECTOR, MYSQL_CONNECTOR, MARIADB_CONNECTOR].join(', ');
  const message =
    reason === undefined ? `'${given}' is not one of ${classes}` : `'${given}' is not supported: ${reason}`;
  return { config: null, warnings: [], errors: [{ key, message }] };
}

/** Values of a configuration of any kind that must never be shown. */
export function secretsOfConnector(raw: RawConfig): readonly string[] {
  return secretsOf(definitionOf(raw), raw);
}

function definitionOf(raw: RawConfig): ConfigDef {
  return familyOfClass(raw['connector.class'] ?? '') === null ? postgresDef : mysqlDef;
}
