import type { RawConfig } from '../config/config-def.ts';
import { isConnectionUrl, parseConnectionUrl, URL_PARTS } from '../config/connection-url.ts';
import { type ConnectorConfig, parseConnectorConfig, secretsOfConnector } from '../config/connector.ts';
import { loadConnector } from '../config/load.ts';
import { TailraceError } from '../model/errors.ts';
import type { CommandIo } from './command-io.ts';
import { inWords, type KeyWords } from './key-words.ts';

/** A URL's database as a connector's configuration, with `extra` keys. Its password is kept out of what is shown. */
export function configOfUrl(
  url: string,
  extra: RawConfig,
  io: CommandIo,
  words: KeyWords = URL_PARTS,
): ConnectorConfig {
  const connection = parseConnectionUrl(url, io.env);
  io.scrubber.add(secretsOfConnector(connection));
  const { config, errors } = parseConnectorConfig({
    name: 'tailrace',
    'topic.prefix': topicPrefix(connection),
    ...connection,
    ...extra,
  });
  if (config === null) {
    const lines = errors.map(({ key, message }) => `${words[key] ?? key} ${message}`);
    throw new TailraceError('config.invalid', lines.join('\n'));
  }
  return config;
}

/** The database's name, or the server's kind where all of its databases are read. */
function topicPrefix(connection: RawConfig): string {
  const name = connection['database.dbname'] ?? connection['database.include.list']?.replaceAll('\\', '') ?? 'mysql';
  return name.replace(/[^a-zA-Z0-9._-]/g, '_');
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
  work: (config: ConnectorConfig) => Promise<T>,
): Promise<T> {
  const all = { ...URL_PARTS, ...words };
  return inWords(all, () => work(configOfUrl(url, keys, io, all)));
}

/** Works on the database that an argument names: a connection URL, or a connector's configuration file. */
export async function withArgument<T>(
  argument: string,
  io: CommandIo,
  work: (config: ConnectorConfig) => Promise<T>,
): Promise<T> {
  if (isConnectionUrl(argument)) return withUrl(argument, { keys: {}, words: {} }, io, work);
  const { config, secrets } = loadConnector(argument, io.env);
  io.scrubber.add(secrets);
  return work(config);
}
