import { quoteLabel } from '../../decoders/binlog/ddl/label.ts';
import type { SchemaChange } from '../../decoders/change.ts';
import type { ColumnSchema, TableChange, TableSchema } from '../../decoders/table-schema.ts';
import type { SourceBlock } from '../model/plugin.ts';
import type { Header, RecordSchemas, SourceRecord } from '../model/record.ts';
import { createStruct, type Field, type Schema, type Struct } from '../model/schema.ts';
import { INT64, OPTIONAL_STRING, STRING } from './event-schemas.ts';
import { adjustSchemaName, type NameAdjustment } from './name-adjustment.ts';
import type { TopicNaming } from './topic-naming.ts';

const INT32: Schema = { type: 'int32', optional: false };
const OPTIONAL_INT32: Schema = { type: 'int32', optional: true };
const OPTIONAL_BOOLEAN: Schema = { type: 'boolean', optional: true };
const OPTIONAL_STRINGS: Schema = { type: 'array', optional: true, items: STRING };

export interface SchemaChangeOptions {
  readonly naming: TopicNaming;
  readonly sourceBlock: SourceBlock;
  /** Debezium's name of the connector, which the names of the schemas hold: `mysql`, `mariadb`. */
  readonly connectorType: string;
  readonly contextHeaders: readonly Header[];
  readonly schemaNames: NameAdjustment;
}

/**
 * DDL as records of the schema change topic (`<topic.prefix>`, partition 0): Debezium's SchemaChangeKey and
 * SchemaChangeValue, with the tables as io.debezium.relational.history.ConnectTableChangeSerializer has them.
 */
export class SchemaChangeBuilder {
  readonly #options: SchemaChangeOptions;
  readonly #keySchema: Schema;
  readonly #valueSchema: Schema;

  constructor(options: SchemaChangeOptions) {
    const { connectorType, schemaNames, sourceBlock } = options;
    const named = (name: string, fields: readonly Field[]): Schema => ({
      type: 'struct',
      optional: false,
      name: adjustSchemaName(`io.debezium.connector.${name}`, schemaNames),
      version: 1,
      fields,
    });
    this.#options = options;
    this.#keySchema = named(`${connectorType}.SchemaChangeKey`, [{ name: 'databaseName', schema: STRING }]);
    const column = named('schema.Column', COLUMN_FIELDS);
    const table: Schema = {
      ...named('schema.Table', [
        { name: 'defaultCharsetName', schema: OPTIONAL_STRING },
        { name: 'primaryKeyColumnNames', schema: OPTIONAL_STRINGS },
        { name: 'columns', schema: { type: 'array', optional: false, items: column } },
        { name: 'comment', schema: OPTIONAL_STRING },
      ]),
      optional: true,
    };
    const change = named('schema.Change', [
      { name: 'type', schema: STRING },
      { name: 'id', schema: STRING },
      { name: 'table', schema: table },
    ]);
    this.#valueSchema = named(`${connectorType}.SchemaChangeValue`, [
      { name: 'source', schema: sourceBlock.schema },
      { name: 'ts_ms', schema: INT64 },
      { name: 'databaseName', schema: OPTIONAL_STRING },
      { name: 'schemaName', schema: OPTIONAL_STRING },
      { name: 'ddl', schema: OPTIONAL_STRING },
      { name: 'tableChanges', schema: { type: 'array', optional: false, items: change } },
    ]);
  }

  schemas(): RecordSchemas {
    return {
      topic: this.#options.naming.schemaChanges(),
      keySchema: this.#keySchema,
      valueSchema: this.#valueSchema,
    };
  }

  record(change: SchemaChange, nowMs: number): SourceRecord {
    const { naming, sourceBlock, contextHeaders } = this.#options;
    const key = createStruct();
    key.databaseName = change.database;
    const value = createStruct();
    value.source = sourceBlock.struct(change, null);
    value.ts_ms = BigInt(nowMs);
    value.databaseName = change.database;
    value.schemaName = null;
    value.ddl = change.ddl;
    value.tableChanges = change.tables.map(changeStruct);
    return {
      topic: naming.schemaChanges(),
      partition: 0,
      keySchema: this.#keySchema,
      key,
      valueSchema: this.#valueSchema,
      value,
      headers: contextHeaders,
    };
  }
}

const COLUMN_FIELDS: readonly Field[] = [
  { name: 'name', schema: STRING },
  { name: 'jdbcType', schema: INT32 },
  { name: 'nativeType', schema: OPTIONAL_INT32 },
  { name: 'typeName', schema: STRING },
  { name: 'typeExpression', schema: OPTIONAL_STRING },
  { name: 'charsetName', schema: OPTIONAL_STRING },
  { name: 'length', schema: OPTIONAL_INT32 },
  { name: 'scale', schema: OPTIONAL_INT32 },
  { name: 'position', schema: INT32 },
  { name: 'optional', schema: OPTIONAL_BOOLEAN },
  { name: 'autoIncremented', schema: OPTIONAL_BOOLEAN },
  { name: 'generated', schema: OPTIONAL_BOOLEAN },
  { name: 'comment', schema: OPTIONAL_STRING },
  { name: 'defaultValueExpression', schema: OPTIONAL_STRING },
  { name: 'enumValues', schema: OPTIONAL_STRINGS },
];

function changeStruct({ type, database, name, table }: TableChange): Struct {
  const struct = createStruct();
  struct.type = type;
  struct.id = `${quoted(database)}.${quoted(name)}`;
  struct.table = table === null ? null : tableStruct(table);
  return struct;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function tableStruct(table: TableSchema): Struct {
  const struct = createStruct();
  struct.defaultCharsetName = table.charset;
  struct.primaryKeyColumnNames = [...table.primaryKey];
  struct.columns = table.columns.map(columnStruct);
  struct.comment = table.comment;
  return struct;
}

function columnStruct(column: ColumnSchema): Struct {
  const struct = createStruct();
  struct.name = column.name;
  struct.jdbcType = column.jdbcType;
  struct.nativeType = null;
  struct.typeName = column.typeName;
  struct.typeExpression = column.typeName;
  struct.charsetName = column.charset;
  struct.length = column.length;
  struct.scale = column.scale;
  struct.position = column.position;
  struct.optional = column.optional;
  struct.autoIncremented = column.autoIncremented;
  struct.generated = column.generated;
  struct.comment = column.comment;
  struct.defaultValueExpression = column.hasDefault ? column.defaultValue : null;
  struct.enumValues = column.labels.length === 0 ? null : column.labels.map(quoteLabel);
  return struct;
}
