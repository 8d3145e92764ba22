import { type RawConfig, secretsOf } from '../config/config-def.ts';
import { isConnectionUrl, parseConnectionUrl, URL_PARTS } from '../config/connection-url.ts';
import { loadConnector } from '../config/load.ts';
import { type PostgresConfig, parseConnectorConfig, postgresDef } from '../config/postgres.ts';
import { TailraceError } from '../model/errors.ts';
import type { CommandIo } from './command-io.ts';
import { inWords, type KeyWords } from './key-words.ts';

/** A URL's database as a connector's configuration, with `extra` keys. Its password is kept out of what is shown. */
export function configOfUrl(url: string, extra: RawConfig, io: CommandIo, words: KeyWords = URL_PARTS): PostgresConfig {
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
    const lines = errors.map(({ key, message }) => `${words[key] ?? key} ${message}`);
    throw new TailraceError('config.invalid', lines.join('\n'));
  }
  return config;
}

export interface UrlUse {
  /** Keys that the command sets. */
  readonly keys: RawConfig;
  /** What its options call them. */
  readonly words: KeyWords;
}

/** Works on a URL's database. Its errors speak of the URL and of the command's options, where a configuration has keys. */
export function withUrl<T>(
  url: string,
  { keys, words }: UrlUse,
  io: CommandIo,
  work: (config: PostgresConfig) => Promise<T>,
): Promise<T> {
  const all = { ...URL_PARTS, ...words };
  return inWords(all, () => work(configOfUrl(url, keys, io, all)));
}

/** Works on the database that an argument names: a connection URL, or a connector's configuration file. */
export async function withArgument<T>(
  argument: string,
  io: CommandIo,
  work: (config: PostgresConfig) => Promise<T>,
): Promise<T> {
  if (isConnectionUrl(argument)) return withUrl(argument, { keys: {}, words: {} }, io, work);
  const { config, secrets } = loadConnector(argument, io.env);
  io.scrubber.add(secrets);
  return work(config);
}
