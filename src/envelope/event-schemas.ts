import type { Field, Schema } from '../model/schema.ts';

export const STRING: Schema = { type: 'string', optional: false };
export const OPTIONAL_STRING: Schema = { type: 'string', optional: true };
export const INT64: Schema = { type: 'int64', optional: false };
export const OPTIONAL_INT64: Schema = { type: 'int64', optional: true };

/** `snapshot` of every source block. */
export const SNAPSHOT_MARKER: Schema = {
  type: 'string',
  optional: true,
  name: 'io.debezium.data.Enum',
  version: 1,
  parameters: { allowed: 'true,first,first_in_data_collection,last_in_data_collection,last,false,incremental' },
  default: 'false',
};

function field(name: string, schema: Schema): Field {
  return { name, schema };
}

/** `transaction` of an envelope. */
export const TRANSACTION_BLOCK: Schema = {
  type: 'struct',
  optional: true,
  name: 'event.block',
  version: 1,
  fields: [field('id', STRING), field('total_order', INT64), field('data_collection_order', INT64)],
};

/** Envelope of row changes and truncates; field order as Debezium 2.7 and later writes it. */
export function envelopeSchema(name: string, row: Schema, source: Schema): Schema {
  return {
    type: 'struct',
    optional: false,
    name,
    version: 2,
    fields: [
      field('before', row),
      field('after', row),
      field('source', source),
      field('transaction', TRANSACTION_BLOCK),
      field('op', STRING),
      field('ts_ms', OPTIONAL_INT64),
      field('ts_us', OPTIONAL_INT64),
      field('ts_ns', OPTIONAL_INT64),
    ],
  };
}

export const HEARTBEAT_KEY: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.connector.common.ServerNameKey',
  version: 1,
  fields: [field('serverName', STRING)],
};

export const HEARTBEAT_VALUE: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.connector.common.Heartbeat',
  version: 1,
  fields: [field('ts_ms', INT64)],
};

export const TRANSACTION_KEY: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.connector.common.TransactionMetadataKey',
  version: 1,
  fields: [field('id', STRING)],
};

const EVENT_COUNT: Schema = {
  type: 'struct',
  optional: true,
  name: 'event.collection',
  version: 1,
  fields: [field('data_collection', STRING), field('event_count', INT64)],
};

export const TRANSACTION_VALUE: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.connector.common.TransactionMetadataValue',
  version: 1,
  fields: [
    field('status', STRING),
    field('id', STRING),
    field('event_count', OPTIONAL_INT64),
    field('data_collections', { type: 'array', optional: true, items: EVENT_COUNT }),
    field('ts_ms', INT64),
  ],
};

export const MESSAGE_KEY: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.connector.postgresql.MessageKey',
  version: 1,
  fields: [field('prefix', OPTIONAL_STRING)],
};

export function messageSchema(source: Schema, content: Schema): Schema {
  return {
    type: 'struct',
    optional: false,
    name: 'io.debezium.connector.postgresql.MessageValue',
    version: 1,
    fields: [
      field('op', STRING),
      field('ts_ms', OPTIONAL_INT64),
      field('source', source),
      field('transaction', TRANSACTION_BLOCK),
      field('message', {
        type: 'struct',
        optional: false,
        name: 'io.debezium.connector.postgresql.Message',
        version: 1,
        fields: [field('prefix', OPTIONAL_STRING), field('content', content)],
      }),
    ],
  };
}
