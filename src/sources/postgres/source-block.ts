import type { Change, RowChange, Table } from '../../../decoders/change.ts';
import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import { createJsonConverter } from '../../converters/json/json-converter.ts';
import { CONNECT_JSON } from '../../converters/json/json-value.ts';
import { INT64, OPTIONAL_INT64, OPTIONAL_STRING, SNAPSHOT_MARKER, STRING } from '../../envelope/event-schemas.ts';
import type { SlabSink, ValueSink } from '../../model/codec.ts';
import type { SourceBlock, SourceBlockFrame, SourceBlockWriter, VaryingField } from '../../model/plugin.ts';
import { createStruct, type Field, type Schema, type Struct } from '../../model/schema.ts';

/** Debezium's PostgresSourceInfoStructMaker: its field order is the order on the topic. */
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
  { name: 'schema', schema: STRING },
  { name: 'table', schema: STRING },
  { name: 'txId', schema: OPTIONAL_INT64 },
  { name: 'lsn', schema: OPTIONAL_INT64 },
  { name: 'xmin', schema: OPTIONAL_INT64 },
  { name: 'origin', schema: OPTIONAL_STRING },
  { name: 'origin_lsn', schema: OPTIONAL_INT64 },
];
const SCHEMA: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.connector.postgresql.Source',
  version: 1,
  fields: FIELDS,
};

export interface SourceBlockOptions {
  /** Of the connector: our package's. */
  readonly version: string;
  /** topic.prefix */
  readonly name: string;
  readonly database: string;
}

const json = createJsonConverter({ ...CONNECT_JSON, schemasEnable: false });
const EMPTY = Buffer.alloc(0);

export class PostgresSourceBlock implements SourceBlock<PgTx> {
  readonly schema = SCHEMA;
  readonly #options: SourceBlockOptions;
  /** Texts that never change: up to ts_ms, and from snapshot to sequence. */
  readonly #head: string;
  readonly #database: string;

  constructor(options: SourceBlockOptions) {
    this.#options = options;
    const { version, name, database } = options;
    this.#head = `{"version":${text(version)},"connector":"postgresql","name":${text(name)},"ts_ms":`;
    this.#database = `,"db":${text(database)},"sequence":"[`;
  }

  struct(change: Change<PgTx>, table: Table | null): Struct {
    const { tx, at } = change;
    const { version, name, database } = this.#options;
    const micros = BigInt(tx.commitTimeMicros);
    const struct = createStruct();
    struct.version = version;
    struct.connector = 'postgresql';
    struct.name = name;
    struct.ts_ms = BigInt(Math.floor(tx.commitTimeMicros / 1000));
    struct.snapshot = change.kind === 'row' ? change.snapshot : 'false';
    struct.db = database;
    struct.sequence = tx.previousEndLsn === null ? `[null,"${at}"]` : `["${tx.previousEndLsn}","${at}"]`;
    struct.ts_us = micros;
    struct.ts_ns = micros * 1000n;
    struct.schema = table?.namespace ?? '';
    struct.table = table?.name ?? '';
    // A non-transactional message has none.
    struct.txId = tx.xid === 0 ? null : BigInt(tx.xid);
    struct.lsn = BigInt(at);
    struct.xmin = null;
    struct.origin = tx.origin;
    struct.origin_lsn = tx.originLsn === null ? null : BigInt(tx.originLsn);
    return struct;
  }

  jsonWriter(): SourceBlockWriter<PgTx> {
    return new PostgresSourceBlockWriter(this.#head, this.#database);
  }

  isFramedBy(frame: SourceBlockFrame<PgTx>, change: RowChange<PgTx>): boolean {
    return isFramed(frame, change);
  }

  varyingFields(): readonly VaryingField<PgTx>[] {
    return [new SequenceField(), { name: 'lsn', write: (sink, { at }) => sink.integer(at) }];
  }

  transactionId(change: Change<PgTx>): string {
    return `${change.tx.xid}:${change.at}`;
  }
}

/** Changes of one transaction and table differ in their LSN alone. */
function isFramed(frame: SourceBlockFrame<PgTx>, { tx, table, snapshot }: SourceBlockFrame<PgTx>): boolean {
  return frame.tx === tx && frame.table === table && frame.snapshot === snapshot;
}

/** A bracket, a quoted LSN, a comma, a quoted LSN, a bracket; an LSN has 20 digits at most. */
const MAX_SEQUENCE_BYTES = 64;
const QUOTE = 0x22;
const CLOSE_BRACKET = 0x5d;

/** `["<LSN of the last commit>","<LSN>"]` */
class SequenceField implements VaryingField<PgTx> {
  readonly name = 'sequence';
  readonly #text = Buffer.alloc(MAX_SEQUENCE_BYTES);
  #tx: PgTx | null = null;
  #headBytes = 0;

  write(sink: ValueSink, { tx, at }: RowChange<PgTx>): void {
    const text = this.#text;
    if (tx !== this.#tx) {
      const previous = tx.previousEndLsn === null ? 'null' : `"${tx.previousEndLsn}"`;
      this.#headBytes = text.write(`[${previous},"`);
      this.#tx = tx;
    }
    // A call for so few characters would cost several times what they do.
    const digits = String(at);
    let end = this.#headBytes;
    for (let i = 0; i < digits.length; i++) text[end++] = digits.charCodeAt(i);
    text[end++] = QUOTE;
    text[end++] = CLOSE_BRACKET;
    sink.utf8(text, 0, end);
  }
}

class PostgresSourceBlockWriter implements SourceBlockWriter<PgTx> {
  readonly #head: string;
  readonly #database: string;
  #cutOf: SourceBlockFrame<PgTx> | null = null;
  #beforeFirst = EMPTY;
  #beforeSecond = EMPTY;
  #end = EMPTY;

  constructor(head: string, database: string) {
    this.#head = head;
    this.#database = database;
  }

  write(sink: SlabSink, change: RowChange<PgTx>): void {
    if (this.#cutOf === null || !isFramed(this.#cutOf, change)) this.#cut(change);
    sink.raw(this.#beforeFirst);
    sink.integer(change.at);
    sink.raw(this.#beforeSecond);
    sink.integer(change.at);
    sink.raw(this.#end);
  }

  #cut(change: RowChange<PgTx>): void {
    const { tx, table, snapshot } = change;
    const micros = tx.commitTimeMicros;
    const previous = tx.previousEndLsn === null ? 'null' : `\\"${tx.previousEndLsn}\\"`;
    const nanos = micros === 0 ? '0' : `${micros}000`;
    const origin = tx.origin === null ? 'null' : text(tx.origin);
    const place = `"schema":${text(table.namespace)},"table":${text(table.name)},"txId":${tx.xid},"lsn":`;
    const head = `${this.#head}${Math.floor(micros / 1000)},"snapshot":"${snapshot}"`;
    this.#cutOf = { tx, table, snapshot };
    this.#beforeFirst = Buffer.from(`${head}${this.#database}${previous},\\"`);
    this.#beforeSecond = Buffer.from(`\\"]","ts_us":${micros},"ts_ns":${nanos},${place}`);
    this.#end = Buffer.from(`,"xmin":null,"origin":${origin},"origin_lsn":${tx.originLsn}}`);
  }
}

function text(value: string): string {
  return json.text(STRING, value);
}
