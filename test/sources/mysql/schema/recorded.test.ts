import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { TableMap } from '../../../../decoders/binlog/table-map.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { binlogFixtureNames, readBinlogFile, readBinlogFixture } from '../../../../fixtures/binlog/fixture.ts';
import { describeTable } from '../../../../src/sources/mysql/mapping.ts';
import { saysTheSame } from '../../../../src/sources/mysql/schema/map-column.ts';
import { SchemaModel } from '../../../../src/sources/mysql/schema/schema-model.ts';
import { walk } from '../../../decoders/binlog/binlog-file.ts';

/** Every table map of a fixture, with the model as it was when its rows were written. */
function* tableMaps(name: string): Generator<{ map: TableMap; model: SchemaModel }> {
  const { family, files } = readBinlogFixture(name);
  const model = new SchemaModel({
    family,
    lowerCaseTableNames: 0,
    comments: true,
    explicitDefaultsForTimestamp: true,
  });
  // The recorder makes the database before the binlogs that it keeps.
  model.setDatabaseCharset('fixture', 'utf8mb4');
  for (const file of files) {
    for (const { event } of walk(readBinlogFile(file))) {
      if (event.kind === 'query') {
        const ddl = event.query.toString('utf8');
        const dialect = dialectOf(family, event.status.sqlMode ?? 0n);
        const statement = classifyStatement(ddl, dialect, event.database);
        model.apply(statement, { ddl, defaultDatabase: event.database, dialect, status: event.status });
      } else if (event.kind === 'rows') yield { map: event.table, model };
    }
  }
}

/** The map as a server with `binlog_row_metadata=MINIMAL` would have written it. */
function minimal(map: TableMap): TableMap {
  return {
    ...map,
    primaryKey: null,
    columns: map.columns.map(({ type, metadata, nullable }) => ({
      type,
      metadata,
      nullable,
      unsigned: null,
      collation: null,
      name: null,
      members: null,
      geometryType: null,
      dimensions: null,
      visible: null,
    })),
  };
}

test('the model agrees with every recorded table map, and names its columns where the map does not', () => {
  let named = 0;
  let unnamed = 0;
  for (const name of binlogFixtureNames()) {
    const { family } = readBinlogFixture(name);
    for (const { map, model } of tableMaps(name)) {
      const id = `${name}: ${map.database}.${map.name}`;
      const schema = model.get(map.database, map.name);
      assert.ok(schema, `${id} is known`);
      const described = describeTable(minimal(map), schema, family);
      assert.deepEqual(
        described.columns.map(({ type }) => type),
        map.columns.map(({ type }) => type),
        id,
      );
      assert.equal(described.map?.layout.unknownDigits.length, 0, id);
      for (const [i, column] of map.columns.entries()) {
        const definition: ColumnSchema = schema.columns[i]!;
        assert.equal(definition.optional, column.nullable, `${id}.${definition.name} may be NULL`);
        if (column.name === null) continue;
        assert.equal(definition.name, column.name, id);
        assert.ok(
          saysTheSame(column, definition, family),
          `${id}.${column.name}: ${JSON.stringify([definition, column])}`,
        );
      }
      if (map.columns[0]!.name === null) unnamed++;
      else {
        named++;
        const key = map.primaryKey?.map((part) => map.columns[part.column]!.name);
        assert.deepEqual(schema.primaryKey, key ?? schema.primaryKey, `${id} key`);
        assert.deepEqual(describeTable(map, schema, family).schema.columns, schema.columns, id);
      }
    }
  }
  assert.ok(named > 100 && unnamed > 0, `${named} named, ${unnamed} not`);
});

test('what full metadata tells of a table is enough to describe it, but for what only DDL says', () => {
  for (const name of binlogFixtureNames()) {
    const { family } = readBinlogFixture(name);
    for (const { map, model } of tableMaps(name)) {
      if (map.columns[0]!.name === null || map.layout.unknownDigits.length > 0) continue;
      const schema = model.get(map.database, map.name)!;
      const alone = describeTable(map, null, family);
      for (const [i, column] of alone.schema.columns.entries()) {
        const definition = schema.columns[i]!;
        const id = `${name}: ${map.database}.${map.name}.${column.name}`;
        assert.ok(saysTheSame(map.columns[i]!, column, family), id);
        assert.deepEqual([column.name, column.labels], [definition.name, definition.labels], id);
      }
    }
  }
});
