import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { formatDecimal } from '../../../../decoders/pgoutput/text/numeric.ts';
import { decodeUnscaled } from '../../../../src/model/decimal.ts';
import type { Struct, Value } from '../../../../src/model/schema.ts';
import { readTables, readTypes } from '../../../../src/sources/postgres/catalog.ts';
import { createCodec } from '../../../../src/sources/postgres/types/create-codec.ts';
import { SESSION_SETTINGS } from '../../../../src/sources/postgres/types/session-settings.ts';
import { useDatabase } from '../../../services/shared.ts';
import { type ColumnChoices, DEFAULT_OPTIONS, jsonOf } from './codec-fixture.ts';

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
const VALUES_PER_TYPE = 300;

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = createRandom(SEED);
const below = (limit: number): number => Math.floor(random() * limit);
const between = (low: number, high: number): number => low + below(high - low + 1);
const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)]!;
const pad = (value: number, length = 2): string => String(value).padStart(length, '0');
const digits = (count: number): string => Array.from({ length: count }, () => below(10)).join('');

const CHARACTERS = [
  'a',
  'Z',
  '"',
  "'",
  '\\',
  '{',
  '}',
  ',',
  ' ',
  '\n',
  '\t',
  '\u0001',
  'é',
  '€',
  '😀',
  'NULL',
  '=>',
  '0',
];
const text = (): string => Array.from({ length: below(12) }, () => pick(CHARACTERS)).join('');
const fraction = (places = 6): string => (below(3) === 0 ? '' : `.${digits(between(1, places))}`);
const time = (): string =>
  below(40) === 0 ? '24:00:00' : `${pad(below(24))}:${pad(below(60))}:${pad(below(60))}${fraction()}`;
const zone = (): string => `${pick(['+', '-'])}${pad(below(15))}:${pad(below(60))}`;
const date = (lastYear: number): string => {
  const isBc = below(6) === 0;
  const year = isBc ? between(1, 4712) : pick([between(1, 9999), between(1900, 2100), between(1, lastYear)]);
  return `${pad(year, 4)}-${pad(between(1, 12))}-${pad(between(1, 28))}${isBc ? ' BC' : ''}`;
};
const dateTime = (lastYear: number, suffix = ''): string => {
  const [day, era = ''] = date(lastYear).split(/(?= BC)/);
  return `${day} ${pad(below(24))}:${pad(below(60))}:${pad(below(60))}${fraction()}${suffix}${era}`;
};
const decimal = (whole: number, places: number): string =>
  `${pick(['', '-'])}${digits(between(1, whole))}${places === 0 ? '' : `.${digits(between(1, places))}`}`;
const interval = (): string =>
  `${between(-200, 200)} years ${between(-20, 20)} mons ${between(-40, 40)} days ${pick(['', '-'])}${below(40)}:${pad(below(60))}:${pad(below(60))}${fraction()}`;
const float = (): string =>
  pick([
    () => 'NaN',
    () => 'Infinity',
    () => '-Infinity',
    () => '-0',
    () => String(between(-1e9, 1e9)),
    () => String((random() - 0.5) * 10 ** between(-30, 30)),
  ])();
const hex = (): string => `\\x${Buffer.from(Array.from({ length: below(40) }, () => below(256))).toString('hex')}`;

const quoteElement = (element: string | null): string =>
  element === null ? 'NULL' : `"${element.replace(/["\\]/g, '\\$&')}"`;
const array = (element: () => string) => (): string =>
  `{${Array.from({ length: below(6) }, () => quoteElement(below(5) === 0 ? null : element())).join(',')}}`;
const hstore = (): string =>
  Array.from(
    { length: below(20) },
    () => `${quoteElement(text())}=>${quoteElement(below(5) === 0 ? null : text())}`,
  ).join(',');

interface Subject {
  readonly type: string;
  readonly generate: () => string;
  /** SQL over `v` whose text says what the value is, by the server's own arithmetic. */
  readonly truth: string;
  /** The same of the value that the codec read. */
  readonly told: (value: Value) => string;
  readonly options?: ColumnChoices['options'];
}

const micros = (unit: string): string => `trunc(extract(epoch FROM ${unit}) * 1000000)::text`;
const asText = (value: Value): string => String(value);
const hexOf = (value: Value): string => Buffer.from(value as Uint8Array).toString('hex');
const doubleHex = (value: Value): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value as number);
  return bytes.toString('hex');
};
const floatHex = (value: Value): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value as number);
  return bytes.toString('hex');
};
/** Text as hexadecimal digits, which no quoting can blur. */
const sqlHex = (expression: string): string =>
  `coalesce(encode(convert_to((${expression})::text, 'UTF8'), 'hex'), 'NULL')`;
const textHex = (value: Value): string => (value === null ? 'NULL' : Buffer.from(String(value)).toString('hex'));
const elementsTruth = (expression: string): string =>
  `(SELECT coalesce(string_agg(${sqlHex(expression)}, ',' ORDER BY i), '') FROM unnest(v) WITH ORDINALITY u(e, i))`;
const elementsTold = (value: Value): string => (value as readonly Value[]).map(textHex).join(',');
const INTERVAL_MICROS = `((extract(year FROM v) * 12 + extract(month FROM v)) * 2629800000000 + extract(day FROM v) * 86400000000
  + (extract(hour FROM v) * 60 + extract(minute FROM v)) * 60000000 + extract(microseconds FROM v))::numeric(40, 0)::text`;

const SUBJECTS: readonly Subject[] = [
  { type: 'smallint', generate: () => String(between(-32_768, 32_767)), truth: 'v::text', told: asText },
  { type: 'integer', generate: () => String(between(-2_147_483_648, 2_147_483_647)), truth: 'v::text', told: asText },
  {
    type: 'bigint',
    generate: () => `${pick(['', '-'])}${digits(between(1, 18))}`,
    truth: 'v::numeric::text',
    told: asText,
  },
  {
    type: 'boolean',
    generate: () => pick(['t', 'f']),
    truth: "CASE WHEN v THEN 'true' ELSE 'false' END",
    told: asText,
  },
  {
    type: 'real',
    generate: () => String(Math.fround(Number(float()))),
    truth: "encode(float4send(v), 'hex')",
    told: floatHex,
  },
  { type: 'double precision', generate: float, truth: "encode(float8send(v), 'hex')", told: doubleHex },
  {
    type: 'text',
    generate: text,
    truth: "encode(convert_to(v, 'UTF8'), 'hex')",
    told: (v) => Buffer.from(v as string).toString('hex'),
  },
  { type: 'bytea', generate: hex, truth: "encode(v, 'hex')", told: hexOf },
  {
    type: 'bytea',
    generate: hex,
    truth: "translate(encode(v, 'base64'), E'\\n', '')",
    told: asText,
    options: { 'binary.handling.mode': 'base64' },
  },
  { type: 'date', generate: () => date(5_874_897), truth: "(v - '1970-01-01'::date)::text", told: asText },
  { type: 'time', generate: time, truth: micros('v'), told: asText },
  { type: 'time(3)', generate: time, truth: 'trunc(extract(epoch FROM v) * 1000)::text', told: asText },
  { type: 'timestamp', generate: () => dateTime(294_246), truth: micros('v'), told: asText },
  {
    type: 'timestamp(3)',
    generate: () => dateTime(294_246),
    truth: 'trunc(extract(epoch FROM v) * 1000)::text',
    told: asText,
  },
  {
    type: 'timestamp',
    generate: () =>
      `${between(1700, 2250)}-${pad(between(1, 12))}-${pad(between(1, 28))} ${pad(below(24))}:00:00${fraction()}`,
    truth: 'trunc(extract(epoch FROM v) * 1000000000)::text',
    told: asText,
    options: { 'time.precision.mode': 'nanoseconds' },
  },
  {
    type: 'timestamptz',
    generate: () => dateTime(9998, zone()).replace(/ BC$/, ''),
    truth: `to_char(v AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    told: asText,
  },
  {
    type: 'timestamptz(2)',
    generate: () => dateTime(9998, zone()).replace(/ BC$/, ''),
    truth: `left(to_char(v AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), 22) || 'Z'`,
    told: asText,
  },
  {
    type: 'timetz',
    generate: () => time() + zone(),
    truth: 'mod(trunc(extract(epoch FROM v) * 1000000) + 172800000000, 86400000000)::text',
    told: (v) => {
      const [, hours, minutes, seconds, part = ''] = /^(..):(..):(..)(?:\.(\d+))?Z$/.exec(v as string)!;
      const total = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
      return String(total * 1_000_000 + Number(part.padEnd(6, '0')));
    },
  },
  { type: 'interval', generate: interval, truth: INTERVAL_MICROS, told: asText },
  {
    type: 'numeric(30,7)',
    generate: () => decimal(23, 7),
    truth: 'trunc(v * 10000000)::text',
    told: (v) => decodeUnscaled(v as Uint8Array).toString(),
  },
  {
    type: 'numeric(9,2)',
    generate: () => decimal(7, 2),
    truth: 'trunc(v * 100)::text',
    told: (v) => decodeUnscaled(v as Uint8Array).toString(),
  },
  {
    type: 'numeric',
    generate: () => decimal(pick([3, 20, 200]), pick([0, 3, 100])),
    truth: 'trim_scale(v)::text',
    told: (v) => formatDecimal(decodeUnscaled((v as Struct).value as Uint8Array), (v as Struct).scale as number),
  },
  {
    type: 'numeric',
    generate: () => decimal(15, 5),
    truth: "encode(float8send(v::float8), 'hex')",
    told: doubleHex,
    options: { 'decimal.handling.mode': 'double' },
  },
  {
    type: 'money',
    generate: () => decimal(12, 2),
    truth: 'trunc(v::numeric * 100)::text',
    told: (v) => decodeUnscaled(v as Uint8Array).toString(),
  },
  {
    type: 'point',
    generate: () => `(${float()},${float()})`,
    truth: "encode(float8send(v[0]) || float8send(v[1]), 'hex')",
    told: (v) => doubleHex((v as Struct).x!) + doubleHex((v as Struct).y!),
  },
  {
    type: 'varbit',
    generate: () => Array.from({ length: below(70) }, () => below(2)).join(''),
    truth: "ltrim(v::text, '0')",
    told: (v) =>
      Buffer.from(v as Uint8Array)
        .reverse()
        .reduce((bits, byte) => bits + byte.toString(2).padStart(8, '0'), '')
        .replace(/^0+/, ''),
  },
  { type: 'text[]', generate: array(text), truth: elementsTruth('e'), told: elementsTold },
  { type: 'integer[]', generate: array(() => String(between(-9, 9))), truth: elementsTruth('e'), told: elementsTold },
  {
    type: 'date[]',
    generate: array(() => date(9999)),
    truth: elementsTruth("e - '1970-01-01'::date"),
    told: elementsTold,
  },
  {
    type: 'hstore',
    generate: hstore,
    truth: `(SELECT coalesce(string_agg(pair, ',' ORDER BY pair COLLATE "C"), '')
      FROM (SELECT ${sqlHex('key')} || '=' || ${sqlHex('value')} AS pair FROM each(v)) p)`,
    told: (v) =>
      [...(v as ReadonlyMap<string, string | null>)]
        .map(([key, value]) => `${textHex(key)}=${textHex(value)}`)
        .sort()
        .join(','),
    options: { 'hstore.handling.mode': 'map' },
  },
];

test(`values are what the server itself says they are (TEST_SEED=${SEED})`, async (t) => {
  const database = await useDatabase(t);
  const { client } = database;
  await client.query('CREATE EXTENSION hstore');
  for (const [name, value] of Object.entries(SESSION_SETTINGS)) {
    await client.query(`SET ${name} = ${client.escapeLiteral(value)}`);
  }
  for (const [i, subject] of SUBJECTS.entries()) {
    const name = `${subject.type}${subject.options === undefined ? '' : ` ${JSON.stringify(subject.options)}`}`;
    await client.query(`CREATE TABLE v${i} (i serial, v ${subject.type})`);
    const values = Array.from({ length: VALUES_PER_TYPE }, subject.generate);
    await client.query(`INSERT INTO v${i} (v) SELECT e::${subject.type} FROM unnest($1::text[]) e`, [values]);
    const { rows: relations } = await client.query<{ oid: number }>(`SELECT 'v${i}'::regclass::oid::int AS oid`);
    const tables = await readTables(client, [relations[0]!.oid]);
    const column = tables.get(relations[0]!.oid)!.columns[1]!;
    const codec = createCodec(column, { ...DEFAULT_OPTIONS, ...subject.options }, await readTypes(client));
    assert.ok(codec, name);
    const { rows } = await client.query<[string, string]>({
      text: `SELECT v, ${subject.truth} FROM v${i} ORDER BY i`,
      rowMode: 'array',
      types: { getTypeParser: () => (raw: string) => raw } as unknown as pg.CustomTypesConfig,
    });
    assert.equal(rows.length, VALUES_PER_TYPE);
    for (const [raw, truth] of rows) {
      const bytes = Buffer.from(raw);
      const told = subject.told(codec.read(bytes, 0, bytes.length));
      assert.equal(told, truth, `${name}: ${raw}`);
      jsonOf(codec, raw);
    }
  }
});

test('a walsender’s session takes every setting, and prints by them', async (t) => {
  const database = await useDatabase(t);
  const options = Object.entries(SESSION_SETTINGS)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ');
  const walsender = new pg.Client({
    connectionString: database.url,
    options,
    replication: 'database',
  } as pg.ClientConfig);
  await walsender.connect();
  try {
    for (const [name, value] of Object.entries(SESSION_SETTINGS)) {
      const { rows } = await walsender.query(`SHOW ${name}`);
      assert.deepEqual(Object.values(rows[0] as object), [value], name);
    }
  } finally {
    await walsender.end();
  }
});
