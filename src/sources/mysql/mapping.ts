import { createColumnLayout } from '../../../decoders/binlog/column-layout.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { TableMap } from '../../../decoders/binlog/table-map.ts';
import type { ColumnSchema, TableSchema } from '../../../decoders/table-schema.ts';
import { TailraceError } from '../../model/errors.ts';
import type { ColumnMapping, TableMapping } from '../../model/plugin.ts';
import { type MysqlTable, TEXT_FORM } from './mysql-table.ts';
import { describeColumn, isColumnOf, saysTheSame } from './schema/map-column.ts';
import { collectionId } from './table-filter.ts';
import { createCodec } from './types/create-codec.ts';
import { sourceTypeOf } from './types/source-type.ts';
import type { TypeOptions } from './types/type-options.ts';
import type { ValueForm } from './types/value-form.ts';

/** What MariaDB adds to the rows of a table with a unique key of long columns. */
const HIDDEN_HASH = /^DB_ROW_HASH_\d+$/;

const REMEDY =
  "SET GLOBAL binlog_row_metadata = 'FULL' on the server for what comes; for what is in the binlog already, rebuild the schema history with snapshot.mode=recovery.";

/**
 * A version of a table from its table map and from what its DDL says. With `binlog_row_metadata=FULL` the map is the
 * truth and the schema adds what it does not tell; with MINIMAL the schema names the columns by position. The table's
 * `map` has the layout of its rows: of MariaDB's columns of before 10.1 it takes the schema to know it.
 * @throws TailraceError `source.table` where the two cannot be one table, or nothing tells what its columns are
 */
export function describeTable(map: TableMap, schema: TableSchema | null, family: ServerFamily): MysqlTable {
  const isNamed = map.columns.every((column) => column.name !== null);
  const columns = isNamed ? byName(map, schema, family) : byPosition(map, schema, family);
  return mysqlTable(family, withLayout(map, columns, schema, family), {
    database: map.database,
    name: map.name,
    columns,
    ...keyOf(map, schema, columns),
    charset: schema?.charset ?? null,
    comment: schema?.comment ?? null,
  });
}

/** A table whose rows come as text, from a snapshot's SELECT of its columns in this order. */
export function snapshotTable(schema: TableSchema, family: ServerFamily): MysqlTable {
  return mysqlTable(family, null, schema);
}

function mysqlTable(family: ServerFamily, map: TableMap | null, schema: TableSchema): MysqlTable {
  return {
    // The log's own number says nothing beyond a statement.
    id: 0,
    namespace: schema.database,
    name: schema.name,
    columns: schema.columns.map(({ name }, i) => ({
      name,
      type: map?.columns[i]?.type ?? TEXT_FORM,
      modifier: map?.columns[i]?.metadata ?? -1,
      identity: schema.primaryKey.includes(name),
    })),
    replicaIdentity: 'full',
    family,
    map,
    schema,
  };
}

function byName(map: TableMap, schema: TableSchema | null, family: ServerFamily): readonly ColumnSchema[] {
  const known = new Map(schema?.columns.map((column) => [column.name, column]));
  return map.columns.map((column, i) => {
    const definition = known.get(column.name!) ?? null;
    if (definition !== null && saysTheSame(column, definition, family)) return { ...definition, position: i + 1 };
    return describeColumn(column, i + 1, definition);
  });
}

function byPosition(map: TableMap, schema: TableSchema | null, family: ServerFamily): readonly ColumnSchema[] {
  const id = `${map.database}.${map.name}`;
  if (schema === null) {
    throw new TailraceError(
      'source.table',
      `the schema history does not know ${id}, and the binlog does not tell the names of its columns (binlog_row_metadata=MINIMAL)`,
      { remedy: REMEDY },
    );
  }
  const disagree = (what: string): TailraceError =>
    new TailraceError('source.table', `the schema history and the binlog disagree about ${id}: ${what}`, {
      remedy: REMEDY,
    });
  if (schema.columns.length !== map.columns.length) {
    const hidden = family === 'mariadb' ? ' (MariaDB adds a hidden one for a unique key of long columns)' : '';
    throw disagree(`${schema.columns.length} columns in the history, ${map.columns.length} in the binlog${hidden}`);
  }
  for (const [i, column] of schema.columns.entries()) {
    if (isColumnOf(map.columns[i]!, column, family)) continue;
    const { type, metadata } = map.columns[i]!;
    throw disagree(
      `column ${column.name} is ${column.typeName}${sizeText(column)} in the history, and of type ${type} with metadata ${metadata} in the binlog`,
    );
  }
  return schema.columns;
}

function sizeText({ length, scale }: ColumnSchema): string {
  if (length === null) return '';
  return scale === null ? `(${length})` : `(${length},${scale})`;
}

/**
 * The key of the schema, which a snapshot has as well: MySQL's table map also gives unique keys for a primary key, and
 * others than the schema does. Where the two are of different columns the map's counts, if it has one.
 */
function keyOf(
  map: TableMap,
  schema: TableSchema | null,
  columns: readonly ColumnSchema[],
): Pick<TableSchema, 'primaryKey' | 'keyIsUnique'> {
  const names = new Set(columns.map((column) => column.name));
  const isWhole = schema?.columns.every((column) => names.has(column.name)) === true;
  if (isWhole && schema.keyIsUnique === true) return { primaryKey: schema.primaryKey, keyIsUnique: true };
  if (isWhole && (map.primaryKey === null || schema.primaryKey.length === 0)) return { primaryKey: schema.primaryKey };
  return { primaryKey: map.primaryKey?.map((part) => columns[part.column]!.name) ?? [] };
}

function withLayout(
  map: TableMap,
  columns: readonly ColumnSchema[],
  schema: TableSchema | null,
  family: ServerFamily,
): TableMap {
  const { unknownDigits } = map.layout;
  if (unknownDigits.length === 0) return map;
  if (schema === null) {
    const names = unknownDigits.map((i) => columns[i]!.name).join(', ');
    throw new TailraceError(
      'source.table',
      `${map.database}.${map.name} has columns in MariaDB's old temporal format (${names}), and the schema history does not know their digits`,
      {
        remedy:
          'ALTER TABLE ... FORCE with mysql56_temporal_format=ON, or rebuild the history with snapshot.mode=recovery.',
      },
    );
  }
  const digits = columns.map((column) => column.length ?? 0);
  return { ...map, layout: createColumnLayout(map.columns, family, digits) };
}

/**
 * How a table's columns become fields. `onUnmapped` is told of each column whose type has no mapping; it is left out.
 * @throws TailraceError `source.type`
 */
export function createMapping(
  table: MysqlTable,
  options: TypeOptions,
  onUnmapped: (column: ColumnSchema) => void,
): TableMapping {
  const { schema, map, family } = table;
  const columns: ColumnMapping[] = [];
  for (const [index, column] of schema.columns.entries()) {
    if (family === 'mariadb' && HIDDEN_HASH.test(column.name)) continue;
    const form: ValueForm = map === null ? { kind: 'text' } : { kind: 'binlog', column: map.columns[index]!, family };
    const codec = createCodec(column, form, options);
    if (codec === null) onUnmapped(column);
    else columns.push({ index, name: column.name, codec, sourceType: sourceTypeOf(column) });
  }
  return {
    table,
    collectionId: collectionId(table),
    topicParts: [table.namespace, table.name],
    columns,
    primaryKey: schema.primaryKey
      .map((name) => columns.findIndex((column) => column.name === name))
      .filter((index) => index !== -1),
  };
}
