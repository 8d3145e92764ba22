import type { BinlogTx } from '../../../decoders/binlog/binlog-tx.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { Change, RowChange, Table } from '../../../decoders/change.ts';
import { createJsonConverter } from '../../converters/json/json-converter.ts';
import { CONNECT_JSON } from '../../converters/json/json-value.ts';
import { INT64, OPTIONAL_INT64, OPTIONAL_STRING, SNAPSHOT_MARKER, STRING } from '../../envelope/event-schemas.ts';
import type { SlabSink } from '../../model/codec.ts';
import type { SourceBlock, SourceBlockFrame, SourceBlockWriter, VaryingField } from '../../model/plugin.ts';
import { createStruct, type Field, type Schema, type Struct } from '../../model/schema.ts';

/** Debezium's BinlogSourceInfoStructMaker: its field order is the order on the topic. */
const FIELDS: readonly Field[] = [
  { name: 'version', schema: STRING },
  { name: 'connector', schema: STRING },
  { name: 'name', schema: STRING },
  { name: 'ts_ms', schema: INT64 },
  { name: 'snapshot', schema: SNAPSHOT_MARKER },
  { name: 'db', schema: STRING },
  { name: 'sequence', schema: OPTIONAL_STRING },
  { name: 'ts_us', schema: OPTIONAL_INT64 },
  { name: 'ts_ns', schema: OPTIONAL_INT64 },
  { name: 'table', schema: OPTIONAL_STRING },
  { name: 'server_id', schema: INT64 },
  { name: 'gtid', schema: OPTIONAL_STRING },
  { name: 'file', schema: STRING },
  { name: 'pos', schema: INT64 },
  { name: 'row', schema: { type: 'int32', optional: false } },
  { name: 'thread', schema: OPTIONAL_INT64 },
  { name: 'query', schema: OPTIONAL_STRING },
];

export interface SourceBlockOptions {
  /** Of the connector: our package's. */
  readonly version: string;
  readonly family: ServerFamily;
  /** topic.prefix */
  readonly name: string;
}

const json = createJsonConverter({ ...CONNECT_JSON, schemasEnable: false });
const EMPTY = Buffer.alloc(0);
const ROW = Buffer.from(',"row":');

/** A row change's `at` is its row's index in the rows event, from 0. */
export class MysqlSourceBlock implements SourceBlock<BinlogTx> {
  readonly schema: Schema;
  readonly #options: SourceBlockOptions;
  /** The text that never changes: up to ts_ms. */
  readonly #head: string;

  constructor(options: SourceBlockOptions) {
    const { version, family, name } = options;
    this.#options = options;
    this.schema = {
      type: 'struct',
      optional: false,
      name: `io.debezium.connector.${family}.Source`,
      version: 1,
      fields: FIELDS,
    };
    this.#head = `{"version":${text(version)},"connector":"${family}","name":${text(name)},"ts_ms":`;
  }

  struct(change: Change<BinlogTx>, table: Table | null): Struct {
    const { tx, at } = change;
    const { version, family, name } = this.#options;
    const micros = BigInt(timeOf(change));
    const subject = subjectOf(change, table);
    const struct = createStruct();
    struct.version = version;
    struct.connector = family;
    struct.name = name;
    struct.ts_ms = micros / 1000n;
    struct.snapshot = change.kind === 'row' || change.kind === 'schema' ? change.snapshot : 'false';
    struct.db = subject.database;
    struct.sequence = null;
    struct.ts_us = micros;
    struct.ts_ns = micros * 1000n;
    struct.table = subject.table;
    struct.server_id = BigInt(tx.serverId);
    struct.gtid = tx.gtid;
    struct.file = tx.file;
    struct.pos = BigInt(tx.position);
    struct.row = change.kind === 'row' ? at : 0;
    struct.thread = tx.threadId === null ? null : BigInt(tx.threadId);
    struct.query = tx.query;
    return struct;
  }

  jsonWriter(): SourceBlockWriter<BinlogTx> {
    return new MysqlSourceBlockWriter(this.#head);
  }

  isFramedBy(frame: SourceBlockFrame<BinlogTx>, change: RowChange<BinlogTx>): boolean {
    return isFramed(frame, change);
  }

  varyingFields(): readonly VaryingField<BinlogTx>[] {
    return [
      { name: 'pos', write: (sink, { tx }) => sink.integer(tx.position) },
      { name: 'row', write: (sink, { at }) => sink.integer(at) },
    ];
  }

  transactionId({ tx }: Change<BinlogTx>): string {
    return tx.transactionId;
  }
}

/** Changes of one rows event differ in their row alone, those of one transaction and table in their position as well. */
function isFramed(frame: SourceBlockFrame<BinlogTx>, { tx, table, snapshot }: SourceBlockFrame<BinlogTx>): boolean {
  if (frame.table !== table || frame.snapshot !== snapshot) return false;
  const of = frame.tx;
  return (
    of === tx ||
    (of.commitTimeMicros === tx.commitTimeMicros &&
      of.gtid === tx.gtid &&
      of.file === tx.file &&
      of.serverId === tx.serverId &&
      of.threadId === tx.threadId &&
      of.query === tx.query)
  );
}

class MysqlSourceBlockWriter implements SourceBlockWriter<BinlogTx> {
  readonly #head: string;
  #cutOf: SourceBlockFrame<BinlogTx> | null = null;
  #beforePosition = EMPTY;
  #end = EMPTY;

  constructor(head: string) {
    this.#head = head;
  }

  write(sink: SlabSink, change: RowChange<BinlogTx>): void {
    if (this.#cutOf === null || !isFramed(this.#cutOf, change)) this.#cut(change);
    sink.raw(this.#beforePosition);
    sink.integer(change.tx.position);
    sink.raw(ROW);
    sink.integer(change.at);
    sink.raw(this.#end);
  }

  #cut(change: RowChange<BinlogTx>): void {
    const { tx, table, snapshot } = change;
    const micros = tx.commitTimeMicros;
    const nanos = micros === 0 ? '0' : `${micros}000`;
    const head = `${this.#head}${Math.floor(micros / 1000)},"snapshot":"${snapshot}"`;
    const times = `"db":${text(table.namespace)},"sequence":null,"ts_us":${micros},"ts_ns":${nanos}`;
    const server = `"table":${text(table.name)},"server_id":${tx.serverId},"gtid":${optionalText(tx.gtid)}`;
    this.#cutOf = { tx, table, snapshot };
    this.#beforePosition = Buffer.from(`${head},${times},${server},"file":${text(tx.file)},"pos":`);
    this.#end = Buffer.from(`,"thread":${tx.threadId},"query":${optionalText(tx.query)}}`);
  }
}

/** As Debezium: of what is no row, milliseconds are told. */
function timeOf({ kind, tx }: Change<BinlogTx>): number {
  return kind === 'row' ? tx.commitTimeMicros : Math.floor(tx.commitTimeMicros / 1000) * 1000;
}

/** DDL may be about several tables, and then names them all, or about none. */
function subjectOf(
  change: Change<BinlogTx>,
  table: Table | null,
): { readonly database: string; readonly table: string | null } {
  if (table !== null) return { database: table.namespace, table: table.name };
  if (change.kind !== 'schema') return { database: '', table: null };
  const { tables, subjects, database } = change;
  return { database: tables[0]?.database ?? database, table: subjects?.join(',') ?? null };
}

function text(value: string): string {
  return json.text(STRING, value);
}

function optionalText(value: string | null): string {
  return value === null ? 'null' : text(value);
}
