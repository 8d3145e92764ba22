import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinlogCursor } from '../../../decoders/binlog/binlog-cursor.ts';
import { COLUMN_TYPE } from '../../../decoders/binlog/column-type.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { parseTableMap, type TableMapColumn } from '../../../decoders/binlog/table-map.ts';
import { TableMapCache } from '../../../decoders/binlog/table-map-cache.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { text, u8 } from './event-bytes.ts';

// Table maps behind id and flags, of MySQL 9.7 and MariaDB 10.11 with binlog_row_metadata=FULL:
// CREATE TABLE b_events.t (y1 year, ..., y8 year, u int unsigned, s int, g point, a varchar(3) character set latin1,
// b varchar(3) character set utf8mb4, g2 point, c text character set cp1251, d varchar(4) character set utf8mb4,
// e varchar(4) character set utf8mb4, b4 bit(4), en enum('x','y') character set latin1,
// se set('q') character set utf8mb4, j json, y9 year, u2 tinyint unsigned, primary key (a, c(2)))
const TYPES_AND_METADATA = '0403000c000402100010000400f701f80104ffb77f';
const NAMES =
  '043c02793102793202793302793402793502793602793702793801750173016701610162026732016301640165' +
  '02623402656e027365016a0279390275320b04';
const MYSQL =
  `08625f6576656e747300017400170d0d0d0d0d0d0d0d0303ff0f0ffffc0f0f10fefef50d0112${TYPES_AND_METADATA}` +
  `0102ffb00207fcff000008023307020101${NAMES}08fcff0005030101710605020178017909040b000e020c03fffffe`;
const MARIADB =
  `08625f6576656e747300017400170d0d0d0d0d0d0d0d0303ff0f0ffffc0f0f10fefefc0d0112${TYPES_AND_METADATA}` +
  `0102ffb003083f082d3f332d2d2e07020101${NAMES.slice(0, -4)}0b02082d05030101710605020178017909040b000e02`;

function parse(bytes: Buffer | string, family: ServerFamily = 'mysql') {
  const cursor = new BinlogCursor(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes);
  const table = parseTableMap(cursor, family);
  cursor.expectEnd('table map');
  return table;
}

test('full metadata is given to the columns it is of, where the families count differently', () => {
  for (const [bytes, family, utf8mb4, geometry] of [
    [MYSQL, 'mysql', 255, null],
    [MARIADB, 'mariadb', 45, 63],
  ] as const) {
    const table = parse(bytes, family);
    assert.equal(`${table.database}.${table.name}`, 'b_events.t');
    const by = new Map(table.columns.map((column) => [column.name, column]));
    const all = (key: keyof TableMapColumn) => Object.fromEntries([...by].map(([name, column]) => [name, column[key]]));
    const years = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`y${i + 1}`, true]));
    const others = (column: keyof TableMapColumn, ...names: string[]) => {
      for (const [name, value] of Object.entries(all(column))) {
        if (!names.includes(name) && !(name in years)) assert.equal(value, null, `${column} of ${name}`);
      }
    };
    const { u, s, y9, u2 } = all('unsigned');
    assert.deepEqual({ ...years, u, s, y9, u2 }, { ...years, u: true, s: false, y9: true, u2: true });
    others('unsigned', 'u', 's', 'y9', 'u2');
    const { a, b, c, d, e, en, se, g, g2 } = all('collation');
    assert.deepEqual([a, b, c, d, e, en, se], [8, utf8mb4, 51, utf8mb4, utf8mb4, 8, utf8mb4]);
    assert.deepEqual([g, g2], [geometry, geometry]);
    assert.deepEqual(by.get('en')!.members!.map(String), ['x', 'y']);
    assert.deepEqual(by.get('se')!.members!.map(String), ['q']);
    others('members', 'en', 'se');
    assert.deepEqual([by.get('g')!.geometryType, by.get('g2')!.geometryType], [1, 1]);
    others('geometryType', 'g', 'g2');
    assert.deepEqual([by.get('en')!.type, by.get('se')!.type], [COLUMN_TYPE.enum, COLUMN_TYPE.set]);
    assert.deepEqual([by.get('a')!.nullable, by.get('c')!.nullable, by.get('u')!.nullable], [false, false, true]);
    assert.deepEqual(new Set(Object.values(all('visible'))), new Set([family === 'mysql' ? true : null]));
    assert.deepEqual(table.primaryKey, [
      { column: 11, prefix: 0 },
      { column: 14, prefix: 2 },
    ]);
  }
});

test('what a table map keeps does not change with the bytes it came in', () => {
  const bytes = Buffer.from(MYSQL, 'hex');
  const table = parse(bytes);
  bytes.fill(0xee);
  assert.deepEqual(table, parse(MYSQL));
});

/** One nullable column for each type, without optional metadata. */
function tableMap(types: readonly number[], metadata: string, optional = '', name = 't'): Buffer {
  const meta = Buffer.from(metadata, 'hex');
  const nulls = Buffer.alloc((types.length + 7) >> 3, 0xff);
  const head = [
    text('d'),
    u8(0),
    text(name),
    u8(0),
    u8(types.length),
    Buffer.from(types),
    u8(meta.length),
    meta,
    nulls,
  ];
  return Buffer.concat([...head, Buffer.from(optional, 'hex')]);
}

test('every type has its metadata and the length of its values', () => {
  const types: readonly [type: number, metadata: string, decoded: number, size: number][] = [
    [COLUMN_TYPE.tiny, '', 0, 1],
    [COLUMN_TYPE.short, '', 0, 2],
    [COLUMN_TYPE.int24, '', 0, 3],
    [COLUMN_TYPE.long, '', 0, 4],
    [COLUMN_TYPE.longlong, '', 0, 8],
    [COLUMN_TYPE.float, '04', 4, 4],
    [COLUMN_TYPE.double, '08', 8, 8],
    [COLUMN_TYPE.newdecimal, '0a02', 10 * 256 + 2, 5],
    [COLUMN_TYPE.newdecimal, '411e', 65 * 256 + 30, 30],
    [COLUMN_TYPE.year, '', 0, 1],
    [COLUMN_TYPE.date, '', 0, 3],
    [COLUMN_TYPE.time, '', 0, 3],
    [COLUMN_TYPE.datetime, '', 0, 8],
    [COLUMN_TYPE.timestamp, '', 0, 4],
    [COLUMN_TYPE.time2, '00', 0, 3],
    [COLUMN_TYPE.time2, '06', 6, 6],
    [COLUMN_TYPE.datetime2, '03', 3, 7],
    [COLUMN_TYPE.timestamp2, '01', 1, 5],
    [COLUMN_TYPE.bit, '0100', 1, 1],
    [COLUMN_TYPE.bit, '0008', 64, 8],
    [COLUMN_TYPE.bit, '0101', 9, 2],
    [COLUMN_TYPE.varchar, 'ff00', 255, -1],
    [COLUMN_TYPE.varchar, '0001', 256, -2],
    [COLUMN_TYPE.varcharCompressed, 'ff00', 255, -1],
    [COLUMN_TYPE.tinyBlob, '01', 1, -1],
    [COLUMN_TYPE.blob, '02', 2, -2],
    [COLUMN_TYPE.blobCompressed, '03', 3, -3],
    [COLUMN_TYPE.json, '04', 4, -4],
    [COLUMN_TYPE.geometry, '04', 4, -4],
    [COLUMN_TYPE.vector, '04', 4, -4],
  ];
  const table = parse(
    tableMap(
      types.map(([type]) => type),
      types.map(([, metadata]) => metadata).join(''),
    ),
  );
  for (const [i, [type, metadata, decoded, size]] of types.entries()) {
    const what = `type ${type} with ${metadata}`;
    assert.equal(table.columns[i]!.type, type, what);
    assert.equal(table.columns[i]!.metadata, decoded, what);
    assert.equal(table.layout.sizes[i], size, what);
  }
  assert.equal(table.layout.jsonCount, 1);
  assert.deepEqual(table.layout.unknownDigits, []);
});

test('STRING hides the type of ENUM and SET, and two bits of the length of a long CHAR', () => {
  const string = COLUMN_TYPE.string;
  const { columns, layout } = parse(tableMap([string, string, string, string, string], 'fe28feffeefcf702f808'));
  assert.deepEqual(
    columns.map(({ type, metadata }) => [type, metadata]),
    [
      [string, 40],
      [string, 255],
      [string, 508],
      [COLUMN_TYPE.enum, 2],
      [COLUMN_TYPE.set, 8],
    ],
  );
  assert.deepEqual([...layout.sizes], [-1, -1, -2, 2, 8]);
  assert.equal(parse(tableMap([string], 'cefc')).columns[0]!.metadata, 1020);
});

test("digits of MariaDB's old temporal types are unknown, MySQL's have none", () => {
  const types = [COLUMN_TYPE.long, COLUMN_TYPE.time, COLUMN_TYPE.datetime, COLUMN_TYPE.timestamp, COLUMN_TYPE.date];
  assert.deepEqual(parse(tableMap(types, ''), 'mariadb').layout.unknownDigits, [1, 2, 3]);
  assert.deepEqual(parse(tableMap(types, ''), 'mysql').layout.unknownDigits, []);
});

test('metadata that is too short, too long or impossible is a DecodeError', () => {
  const { long, float, bit, newdecimal, string, varchar, json, time2 } = COLUMN_TYPE;
  for (const [types, metadata] of [
    [[long], '00'],
    [[float], ''],
    [[float], '08'],
    [[bit], '0800'],
    [[bit], '0000'],
    [[bit], '0108'],
    [[newdecimal], '4200'],
    [[newdecimal], '0506'],
    [[string], 'f703'],
    [[string], 'f809'],
    [[string], '0104'],
    [[varchar], 'ff'],
    [[json], '05'],
    [[time2], '07'],
    [[0], ''],
    [[COLUMN_TYPE.typedArray], '03'],
    [[77], ''],
    [[], ''],
  ] as const) {
    assert.throws(() => parse(tableMap(types, metadata)), DecodeError, `types ${types} with ${metadata}`);
  }
});

test('optional metadata of a length that its columns do not ask for is a DecodeError, an unknown field is not', () => {
  const types = [COLUMN_TYPE.long, COLUMN_TYPE.varchar];
  const column = (optional: string) => parse(tableMap(types, '0a00', optional)).columns;
  assert.deepEqual(
    column('630100').map(({ unsigned }) => unsigned),
    [null, null],
  );
  assert.deepEqual(
    column('010180').map(({ unsigned }) => unsigned),
    [true, null],
  );
  for (const optional of [
    '01020000', // signedness of 9 columns
    '0100', // of none
    '010180010180', // twice
    '03020808', // collations of two
    '020308012d', // of a second column
    '04020161', // one name for two
    '0406016101620163', // three
    '080102', // key with column 2
    '0801000901000100', // two keys
    '0c00', // visibility of none
    '0403016102', // cut
    '01', // no length
    '0105', // no value
  ]) {
    assert.throws(() => column(optional), DecodeError, optional);
  }
});

const ONE = tableMap([COLUMN_TYPE.long], '');
const OTHER = tableMap([COLUMN_TYPE.tiny], '');

function announce(cache: TableMapCache, id: number, bytes: Buffer, prefix = 0) {
  const copy = Buffer.concat([Buffer.alloc(prefix), bytes]);
  const table = cache.announce(id, new BinlogCursor(copy, prefix), 'mysql');
  copy.fill(0xee);
  return table;
}

test('equal bytes are the same table, wherever they lie and under whatever id; any difference is another', () => {
  const cache = new TableMapCache();
  const table = announce(cache, 5, ONE);
  assert.equal(announce(cache, 5, ONE, 3), table);
  assert.equal(announce(cache, 6, ONE), table);
  cache.forgetIds();
  assert.equal(announce(cache, 7, ONE), table);
  const changed = announce(cache, 7, OTHER);
  assert.notEqual(changed, table);
  assert.equal(cache.get(7, 0), changed);
  assert.notEqual(announce(cache, 5, tableMap([COLUMN_TYPE.long], '', '', 'u')), table);
  const back = announce(cache, 8, ONE);
  assert.notEqual(back, table);
  assert.notEqual(back, changed);
});

test('a table is known only in the statement that announced it', () => {
  const cache = new TableMapCache();
  const table = announce(cache, 5, ONE);
  assert.equal(cache.get(5, 0), table);
  cache.endStatement();
  assert.throws(
    () => cache.get(5, 41),
    (error) => error instanceof DecodeError && error.offset === 41,
  );
  announce(cache, 5, ONE);
  assert.equal(cache.get(5, 0), table);
});

test('a server that opens its tables anew all the time does not fill the memory', () => {
  const cache = new TableMapCache();
  const table = announce(cache, 0, ONE);
  for (let id = 1; id < 20_000; id++) {
    cache.endStatement();
    assert.equal(announce(cache, id, ONE), table);
    assert.equal(cache.get(id, 0), table);
  }
  assert.ok(cache.size < 5000, `${cache.size} ids`);
});
