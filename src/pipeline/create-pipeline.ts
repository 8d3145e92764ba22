import { randomUUID } from 'node:crypto';
import type { DebeziumConfig } from '../config/debezium.ts';
import type { ConnectConfig } from '../config/worker.ts';
import { createConverter, createHeaderConverter } from '../converters/create-converter.ts';
import { JsonSink } from '../converters/json/json-sink.ts';
import { columnRules } from '../envelope/column-rules.ts';
import { EnvelopeBuilder } from '../envelope/envelope.ts';
import { STRING } from '../envelope/event-schemas.ts';
import { SchemaChangeBuilder } from '../envelope/schema-change.ts';
import { TopicNaming } from '../envelope/topic-naming.ts';
import type { Source } from '../model/plugin.ts';
import { type Header, NO_HEADERS } from '../model/record.ts';
import { Output, type Partitioner } from './output.ts';
import { Pipeline } from './pipeline.ts';

export interface PipelineParts {
  readonly config: DebeziumConfig & ConnectConfig & { readonly 'include.schema.changes'?: boolean };
  readonly source: Source;
  /** Debezium's name of the connector in its headers: `postgresql`, `mysql`, `mariadb`. */
  readonly connectorType: string;
  readonly partitionsOf: (topic: string) => number | null;
  readonly partitioner: Partitioner;
  /** `structured` forgoes the compiled plan: the two must give the same bytes. */
  readonly plan?: 'compiled' | 'structured';
  /** Microseconds since 1970 UTC; the system's clock if not given. */
  readonly clock?: () => number;
  /** Milliseconds since any moment, never set back; the system's monotonic clock if not given. */
  readonly elapsedMs?: () => number;
}

/** A pipeline as a connector's configuration asks for it. */
export function createPipeline(parts: PipelineParts): Pipeline {
  const { config, source } = parts;
  const naming = new TopicNaming(config);
  const contextHeaders = config['extended.headers.enabled'] ? contextHeadersOf(parts) : NO_HEADERS;
  const keys = createConverter(config, 'key');
  const values = createConverter(config, 'value');
  const schemaNames = config['schema.name.adjustment.mode'];
  const skippedOperations = new Set<string>(config['skipped.operations']);
  return new Pipeline({
    source,
    shape: {
      naming,
      rules: columnRules(config),
      source: source.sourceBlock.schema,
      schemaNames,
      fieldNames: config['field.name.adjustment.mode'],
    },
    envelopes: new EnvelopeBuilder({
      naming,
      sourceBlock: source.sourceBlock,
      contextHeaders,
      tombstones: config['tombstones.on.delete'],
      // As Debezium: MySQL's connectors know of a changed key's delete and create only when it is too late to skip them.
      skippedOperations: parts.connectorType === 'postgresql' ? skippedOperations : new Set(),
      binaryMode: config['binary.handling.mode'],
    }),
    schemaChanges:
      config['include.schema.changes'] === true
        ? new SchemaChangeBuilder({
            naming,
            sourceBlock: source.sourceBlock,
            connectorType: parts.connectorType,
            contextHeaders,
            schemaNames,
          })
        : null,
    contextHeaders,
    output: new Output({
      partitionsOf: parts.partitionsOf,
      partition: parts.partitioner,
      createSink: values.format?.createSink ?? ((slab) => new JsonSink(slab)),
    }),
    keys,
    values,
    headers: createHeaderConverter(config),
    compiled: parts.plan !== 'structured',
    tombstones: config['tombstones.on.delete'],
    skippedOperations,
    skipUnchanged: config['skip.messages.without.change'],
    transactionMetadata: config['provide.transaction.metadata'],
    heartbeatMs: config['heartbeat.interval.ms'],
    clock: parts.clock ?? systemMicros,
    elapsedMs: parts.elapsedMs ?? (() => performance.now()),
  });
}

/** The system's clock gives milliseconds; the running microsecond is taken from the monotonic one. */
function systemMicros(): number {
  return Date.now() * 1000 + (Math.floor(performance.now() * 1000) % 1000);
}

/** The headers that every data change carries while `extended.headers.enabled` is true, in Debezium's order. */
function contextHeadersOf({ config, connectorType }: PipelineParts): readonly Header[] {
  const header = (name: string, value: string): Header => ({
    key: `__debezium.context.${name}`,
    schema: STRING,
    value,
  });
  return [
    header('connectorLogicalName', config['topic.prefix']),
    header('taskId', '0'),
    header('connectorName', connectorType),
    header('runId', randomUUID()),
  ];
}
