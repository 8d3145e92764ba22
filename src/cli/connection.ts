import { type RawConfig, secretsOf } from '../config/config-def.ts';
import { isConnectionUrl, parseConnectionUrl } from '../config/connection-url.ts';
import { loadConnector } from '../config/load.ts';
import { type PostgresConfig, parseConnectorConfig, postgresDef } from '../config/postgres.ts';
import { TailraceError } from '../model/errors.ts';
import type { CommandIo } from './command-io.ts';

/** A URL's database as a connector's configuration, with `extra` keys. Its password is kept out of what is shown. */
export function configOfUrl(url: string, extra: RawConfig, io: CommandIo): PostgresConfig {
  const connection = parseConnectionUrl(url, io.env);
  io.scrubber.add(secretsOf(postgresDef, connection));
  const { config, errors } = parseConnectorConfig({
    name: 'tailrace',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'topic.prefix': (connection['database.dbname'] ?? '').replace(/[^a-zA-Z0-9._-]/g, '_'),
    ...connection,
    ...extra,
  });
  if (config === null) {
    throw new TailraceError('config.invalid', errors.map(({ key, message }) => `${key} ${message}`).join('\n'));
  }
  return config;
}

/** The database that an argument names: a connection URL, or a connector's configuration file. */
export function configOfArgument(argument: string, io: CommandIo): PostgresConfig {
  if (isConnectionUrl(argument)) return configOfUrl(argument, {}, io);
  const { config, secrets } = loadConnector(argument, io.env);
  io.scrubber.add(secrets);
  return config;
}
