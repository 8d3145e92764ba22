import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { QueryResult } from 'pg';
import { type TestDatabase, useDatabase } from '../services/shared.ts';
import type { Scenario } from './scenario.ts';
import { markerPrefix, type Stage, topicPrefixOf } from './stage.ts';

type Query = (sql: string, values?: string[]) => Promise<QueryResult>;

/** A database of its own; each connector has a slot and a publication of its own. A marker is a logical message. */
export async function openPostgresStage(scenario: Scenario): Promise<Stage> {
  const { server } = scenario;
  if (server.family !== 'postgres') throw new Error(`${scenario.name} is not for Postgres`);
  const database = await useDatabase(undefined, { version: server.version });
  // The watchers share a connection, which takes one query at a time.
  let last: Promise<unknown> = Promise.resolve();
  const query: Query = (sql, values) => {
    const result = last.then(() => database.client.query(sql, values));
    last = result.catch(() => {});
    return result;
  };
  const slotOf = (connector: string): string => `${database.name}_${connector}`;
  return {
    propertiesOf: async (connector, folder) => ({
      ...connection(database),
      'plugin.name': 'pgoutput',
      'topic.prefix': topicPrefixOf(scenario),
      'slot.name': slotOf(connector),
      'publication.name': `${connector}_publication`,
      'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
      'offset.storage.file.filename': join(folder, connector),
      ...withMarkers(scenario.config),
    }),
    async execute(statement) {
      await database.client.query(statement);
    },
    async streaming() {
      const { rows } = await query(
        `SELECT slot_name FROM pg_replication_slots JOIN pg_stat_replication ON pid = active_pid
         WHERE database = $1 AND state = 'streaming'`,
        [database.name],
      );
      return new Set(rows.map((row) => String(row.slot_name).slice(slotOf('').length)));
    },
    async emitMarker() {
      const marker = `${markerPrefix}${randomUUID()}`;
      await query(`SELECT pg_logical_emit_message(false, $1, '')`, [marker]);
      // A message alone waits for the WAL writer; a commit flushes it.
      await query('SELECT pg_current_xact_id()');
      return marker;
    },
    ownRecords: (records) => records.filter(({ key }) => key?.includes(markerPrefix) !== true),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

function connection(database: TestDatabase): Record<string, string> {
  const url = new URL(database.url);
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': url.hostname,
    'database.port': url.port,
    'database.user': url.username,
    'database.password': url.password,
    'database.dbname': database.name,
  };
}

function withMarkers(config: Readonly<Record<string, string>>): Record<string, string> {
  const messages = config['message.prefix.include.list'];
  return messages === undefined
    ? { ...config }
    : { ...config, 'message.prefix.include.list': `${messages},${markerPrefix}.*` };
}
