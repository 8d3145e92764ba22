import type { Table } from '../../decoders/change.ts';
import type { PgTx } from '../../decoders/pgoutput/tx.ts';
import { type PostgresConfig, parsePostgresConfig } from '../../src/config/postgres.ts';
import type { Source, TableMapping } from '../../src/model/plugin.ts';
import { PostgresSourceBlock } from '../../src/sources/postgres/source-block.ts';

/** A connector's configuration as a user writes it. */
export function configOf(properties: Readonly<Record<string, string>> = {}): PostgresConfig {
  const { config, errors } = parsePostgresConfig({
    name: 'shop',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': 'localhost',
    'database.user': 'postgres',
    'database.dbname': 'shop',
    'topic.prefix': 'shop',
    ...properties,
  });
  if (config === null) throw new Error(JSON.stringify(errors));
  return config;
}

/** As much of a Postgres source as a pipeline sees. */
export function fakeSource(mappings: Iterable<TableMapping>): Source {
  const byTable = new Map<Table, TableMapping>();
  for (const mapping of mappings) byTable.set(mapping.table, mapping);
  return {
    partition: { server: 'shop' },
    sourceBlock: new PostgresSourceBlock({ version: '1.0', name: 'shop', database: 'sh"op' }),
    read: () => {
      throw new Error('nothing is read here');
    },
    ack: () => {},
    mapping: (table) => byTable.get(table)!,
    status: () => ({ phase: 'streaming', snapshot: null }),
    close: async () => {},
  };
}

export const TX: PgTx = {
  commitTimeMicros: 1_700_000_000_123_456,
  xid: 770,
  commitLsn: 5000,
  previousEndLsn: 4000,
  origin: null,
  originLsn: null,
};
