import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createColumnLayout } from '../../../../decoders/binlog/column-layout.ts';
import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import type { BinlogEvent } from '../../../../decoders/binlog/event.ts';
import { EventParser } from '../../../../decoders/binlog/parse-event.ts';
import { RowsReader } from '../../../../decoders/binlog/rows-reader.ts';
import type { TableMap, TableMapColumn } from '../../../../decoders/binlog/table-map.ts';
import { ABSENT_VALUE, NULL_VALUE, type Row } from '../../../../decoders/change.ts';
import {
  type BinlogFixture,
  binlogFixtureNames,
  type ExpectedRow,
  readBinlogFile,
  readBinlogFixture,
} from '../../../../fixtures/binlog/fixture.ts';
import { createCodec } from '../../../../src/sources/mysql/types/create-codec.ts';
import type { ValueForm } from '../../../../src/sources/mysql/types/value-form.ts';
import { columnOf, jsonOrRefusal, MODES, TEXT_FORM, textCharset } from './codec-fixture.ts';

const MAGIC_BYTES = 4;
const ABOUT_VALUES =
  /-(charsets|compressed|geometry|(?<!partial-)json|numbers|own-types|rows|strings|temporal|vector)$/;
/** Tables of MariaDB that SELECT shows otherwise. */
const OF_THE_SERVER = new Set(['numbers', 'versioned']);
/** A hash instead of a text. */
const SHORTENED = /^sha256:/;

interface Image {
  readonly table: TableMap;
  /** A copy of each value; undefined is absent. */
  readonly values: readonly (Buffer | null | undefined)[];
}

/** Row images of the files of a fixture: those before and those after a change. */
function imagesOf(fixture: BinlogFixture, declared: ReadonlyMap<string, string>): Image[] {
  const images: Image[] = [];
  const reader = new RowsReader();
  const takeRow = (table: TableMap, row: Row | null) => {
    if (row === null) return;
    const values = table.columns.map((_, i) => {
      const start = row.spans[row.base + 2 * i]!;
      if (start === ABSENT_VALUE) return undefined;
      return start === NULL_VALUE ? null : Buffer.from(row.bytes.subarray(start, row.spans[row.base + 2 * i + 1]));
    });
    images.push({ table, values });
  };
  const take = (event: BinlogEvent) => {
    if (event.kind !== 'rows' || OF_THE_SERVER.has(event.table.name)) return;
    reader.begin({ ...event, table: withDigits(event.table, fixture, declared) });
    while (reader.next()) {
      takeRow(event.table, reader.before);
      takeRow(event.table, reader.after);
    }
  };
  for (const file of fixture.files) {
    const bytes = readBinlogFile(file);
    const parser = new EventParser();
    for (let at = MAGIC_BYTES; at < bytes.length; ) {
      const end = at + bytes.readUInt32LE(at + 9);
      const event = parser.parse(bytes, at, end);
      if (event.kind === 'transaction-payload') for (const inner of parser.payload(event)) take(inner);
      else take(event);
      at = end;
    }
  }
  return images;
}

/** How long the values of MariaDB's old temporal columns are, their declarations tell. */
function withDigits(table: TableMap, fixture: BinlogFixture, declared: ReadonlyMap<string, string>): TableMap {
  if (table.layout.unknownDigits.length === 0) return table;
  const digits = table.columns.map(({ name }) =>
    Number(/\((\d)\)/.exec(declared.get(`${table.name}.${name}`)!)?.[1] ?? 0),
  );
  return { ...table, layout: createColumnLayout(table.columns, fixture.family, digits) };
}

/** What the text protocol would send for the text of a fixture; text stays in UTF-8. Null where the fixture has only a hash. */
function protocolBytes(column: TableMapColumn, declared: string, text: string): Buffer | null {
  if (SHORTENED.test(text)) return null;
  if (column.type === COLUMN_TYPE.bit) {
    const size = (column.metadata + 7) >> 3;
    return Buffer.from(
      BigInt(text)
        .toString(16)
        .padStart(2 * size, '0'),
      'hex',
    );
  }
  if (column.type === COLUMN_TYPE.enum || column.type === COLUMN_TYPE.set) {
    return Buffer.from(text.slice(text.indexOf(':') + 1));
  }
  const isBinary = column.collation === 63 || [COLUMN_TYPE.geometry, COLUMN_TYPE.vector].includes(column.type as never);
  const isMariadbText = /^(?:uuid|inet)/.test(declared);
  return isBinary && !isMariadbText && text.startsWith('0x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text);
}

for (const name of binlogFixtureNames().filter((fixture) => ABOUT_VALUES.test(fixture))) {
  test(`values of ${name} are the same from the binlog and from the server's text`, () => {
    const fixture = readBinlogFixture(name);
    const declared = new Map<string, string>();
    for (const { columns } of fixture.steps) {
      for (const [table, types] of Object.entries(columns ?? {})) {
        for (const [column, type] of Object.entries(types)) declared.set(`${table}.${column}`, type);
      }
    }
    /** Rows by their table and key, in the order of the log. */
    const expected = new Map<string, ExpectedRow[]>();
    for (const { table, before, after } of fixture.steps.flatMap((step) => step.changes ?? [])) {
      for (const row of [before, after]) {
        if (row !== null) expected.set(`${table}.${row.id}`, [...(expected.get(`${table}.${row.id}`) ?? []), row]);
      }
    }
    let compared = 0;
    for (const { table, values } of imagesOf(fixture, declared)) {
      const idAt = table.columns.findIndex((column) => column.name === 'id');
      const id = values[idAt];
      if (!id) continue;
      const rows = expected.get(`${table.name}.${id.readUIntLE(0, id.length)}`);
      const row = rows?.shift();
      assert.ok(row, `a row ${table.name}.${id.toString('hex')} that nobody expects`);
      for (const [i, column] of table.columns.entries()) {
        const value = values[i];
        if (!value) continue;
        const declaration = declared.get(`${table.name}.${column.name}`) ?? 'int';
        const bytes = protocolBytes(column, declaration, row[column.name!]!);
        if (bytes === null) continue;
        const [type] = declaration.split(/ (?=character set|\/\*)/) as [string];
        const form: ValueForm = { kind: 'binlog', column, family: fixture.family };
        for (const options of MODES) {
          const schema = columnOf(type, { charset: textCharset(column.collation) });
          const binlog = createCodec(schema, form, options);
          const text = createCodec({ ...schema, charset: 'utf8mb4' }, TEXT_FORM, options);
          assert.ok(binlog && text, `${type} has no mapping`);
          const place = `${table.name}.${column.name} ${declaration}`;
          assert.equal(jsonOrRefusal(binlog, value), jsonOrRefusal(text, bytes), place);
          compared++;
        }
      }
    }
    assert.ok(compared > 0);
  });
}
