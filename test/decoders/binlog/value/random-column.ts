import type { MysqlFamily } from '../../../services/shared-mysql.ts';

export type Random = (below: number) => number;

export interface RoundTripColumn {
  /** Its type as CREATE TABLE has it. */
  readonly declared: string;
  /** A SQL literal of a random value. */
  readonly literal: (random: Random) => string;
  /** The SQL of what `serverText` should give. */
  readonly select: (name: string) => string;
  /** Where the server's text is not one of one kind: what counts as the same. */
  readonly same?: (told: string, read: string) => boolean;
}

const plain = (name: string) => name;
const hex = (name: string) => `CONCAT('0x', HEX(${name}))`;

function digits(random: Random, count: number): string {
  const kind = random(4);
  return Array.from({ length: count }, () => (kind === 0 ? 9 : kind === 1 ? 0 : random(10))).join('');
}

function integer(bits: number, isUnsigned: boolean): RoundTripColumn {
  const names: Record<number, string> = { 8: 'tinyint', 16: 'smallint', 24: 'mediumint', 32: 'int', 64: 'bigint' };
  return {
    declared: names[bits] + (isUnsigned ? ' unsigned' : ''),
    literal: (random) => {
      let value = 0n;
      for (let i = 0; i < bits; i += 8) value = (value << 8n) | BigInt([0, 255, 127, 128, random(256)][random(5)]!);
      return String(isUnsigned ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value));
    },
    select: plain,
  };
}

function decimal(random: Random): RoundTripColumn {
  const precision = 1 + random(65);
  const scale = random(Math.min(precision, 30) + 1);
  return {
    declared: `decimal(${precision},${scale})`,
    literal: (next) => {
      const sign = next(2) === 0 ? '-' : '';
      return `${sign}${digits(next, precision - scale) || '0'}${scale > 0 ? `.${digits(next, scale)}` : ''}`;
    },
    select: plain,
  };
}

function double(random: Random): number {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint32(0, random(2 ** 32));
  bytes.setUint32(4, random(2 ** 32));
  const any = bytes.getFloat64(0);
  if (random(3) === 0) return random(100_000) / 10 ** random(8);
  return Number.isFinite(any) ? any : random(1000);
}

const pad = (value: number, length: number) => String(value).padStart(length, '0');

/** `select` keeps microseconds and a date of zeros. */
function temporal(kind: 'time' | 'datetime' | 'timestamp', precision: number): RoundTripColumn {
  const fraction = (random: Random) => (precision > 0 ? `.${digits(random, precision)}` : '');
  const ofDay = (random: Random) => `${pad(random(24), 2)}:${pad(random(60), 2)}:${pad(random(60), 2)}`;
  const literals: Record<typeof kind, (random: Random) => string> = {
    time: (random) => {
      const hours = random(3) === 0 ? 0 : random(839);
      const whole = hours === 838 ? '838:59:58' : `${pad(hours, 2)}:${pad(random(60), 2)}:${pad(random(60), 2)}`;
      return `'${random(2) === 0 ? '-' : ''}${whole}${fraction(random)}'`;
    },
    datetime: (random) => {
      if (random(10) === 0) return "'0000-00-00 00:00:00'";
      if (random(10) === 0) return `'${pad(random(10_000), 4)}-${pad(random(13), 2)}-00 ${ofDay(random)}'`;
      return `'${pad(random(10_000), 4)}-${pad(1 + random(12), 2)}-${pad(1 + random(28), 2)} ${ofDay(random)}${fraction(random)}'`;
    },
    timestamp: (random) => {
      if (random(10) === 0) return "'0000-00-00 00:00:00'";
      return `'${1971 + random(66)}-${pad(1 + random(12), 2)}-${pad(1 + random(28), 2)} ${ofDay(random)}${fraction(random)}'`;
    },
  };
  return { declared: `${kind}(${precision})`, literal: literals[kind], select: plain };
}

function bytesLiteral(random: Random, most: number): string {
  const length = random(3) === 0 ? random(4) : random(most + 1);
  return `x'${Array.from({ length }, () =>
    pad(Number.parseInt([0, 255, 32, random(256)][random(4)]!.toString(10), 10), 1),
  )
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .join('')}'`;
}

/** Characters of every part of Unicode that a character set may have; what it has not, the server makes a question mark. */
const CHARACTERS = [...'aZ09 ~\\"éßÄČłŹžПяіґΩάשאبت€™日本語ｱＡ한국中文漢字丂①髙☃'];

function text(charset: string): RoundTripColumn {
  return {
    declared: `varchar(60) character set ${charset}`,
    literal: (random) => {
      const length = random(40);
      const astral = /utf8mb4|utf16|utf32|gb18030/.test(charset) ? ['😀', '𠮷'] : [];
      const all = [...CHARACTERS, ...astral];
      const value = Array.from({ length }, () => all[random(all.length)]).join('');
      return `_utf8mb4 x'${Buffer.from(value).toString('hex')}'`;
    },
    select: (name) => `CONVERT(${name} USING utf8mb4)`,
  };
}

const MEMBERS = Array.from({ length: 64 }, (_, i) => (i === 3 ? 'é😀' : `m${i}`));
const memberList = MEMBERS.map((member) => `'${member}'`).join(',');

function json(random: Random, depth = 0): string {
  const kinds = depth > 4 ? 11 : 14;
  const quoted = (value: string) => `_utf8mb4 x'${Buffer.from(value).toString('hex')}'`;
  switch (random(kinds)) {
    case 0:
      return "CAST('null' AS JSON)";
    case 1:
      return random(2) === 0 ? "CAST('true' AS JSON)" : "CAST('false' AS JSON)";
    case 2:
      return integer([16, 32, 64][random(3)]!, false).literal(random);
    case 3:
      return `CAST(${integer(64, true).literal(random)} AS UNSIGNED)`;
    case 4:
      return `CAST('${double(random)}' AS DOUBLE)`;
    case 5:
      return `CAST(${decimal(random).literal(random)} AS DECIMAL(65, ${random(31)}))`;
    case 6:
      return `CAST(${temporal('time', 6).literal(random)} AS TIME(6))`;
    case 7:
      return `CAST('${pad(1 + random(9999), 4)}-02-0${1 + random(9)} 03:04:05.${digits(random, 6)}' AS DATETIME(6))`;
    case 8:
      return `CAST('${pad(1 + random(9999), 4)}-12-31' AS DATE)`;
    case 9:
      return `CAST(${bytesLiteral(random, 300)} AS BINARY)`;
    case 10:
      return quoted(Array.from({ length: random(200) }, () => String.fromCharCode(random(0x250))).join(''));
    case 11:
    case 12: {
      const members = Array.from({ length: random(6) }, (_, i) => {
        return `${quoted(`${CHARACTERS[random(CHARACTERS.length)]}${i}${'k'.repeat(random(5))}`)}, ${json(random, depth + 1)}`;
      });
      return `JSON_OBJECT(${members.join(', ')})`;
    }
    default:
      return `JSON_ARRAY(${Array.from({ length: random(6) }, () => json(random, depth + 1)).join(', ')})`;
  }
}

const SHARED_CHARSETS =
  'armscii8 ascii big5 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr gb2312 gbk geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman sjis swe7 tis620 ucs2 ujis utf16 utf16le utf32 utf8mb3 utf8mb4'.split(
    ' ',
  );

/** A column of every type, some with random parameters. */
export function randomColumns(family: MysqlFamily, random: Random): RoundTripColumn[] {
  const integers = [8, 16, 24, 32, 64].flatMap((bits) => [integer(bits, false), integer(bits, true)]);
  const times = Array.from({ length: 7 }, (_, precision) => [
    temporal('time', precision),
    temporal('datetime', precision),
    temporal('timestamp', precision),
  ]).flat();
  const charsets = family === 'mysql' ? [...SHARED_CHARSETS, 'gb18030'] : SHARED_CHARSETS;
  const bits = 1 + random(64);
  const columns: RoundTripColumn[] = [
    ...integers,
    ...Array.from({ length: 6 }, () => decimal(random)),
    { declared: 'double', literal: (next) => `'${double(next)}'`, select: plain, same: sameDouble },
    {
      declared: 'float',
      literal: (next) => `'${Math.fround(double(next) % 3e38)}'`,
      select: (name) => `CAST(${name} AS DOUBLE)`,
      // CAST gives 22 characters at most, which is enough for a single but not for its exact double.
      same: (told, read) => Object.is(Math.fround(Number(told)), Number(read)),
    },
    {
      declared: 'date',
      literal: (next) => `'${pad(next(10_000), 4)}-${pad(next(13), 2)}-${pad(next(29), 2)}'`,
      select: plain,
    },
    ...times,
    { declared: 'year', literal: (next) => (next(5) === 0 ? '0' : String(1901 + next(255))), select: plain },
    {
      declared: `bit(${bits})`,
      literal: (next) => `b'${Array.from({ length: bits }, () => next(2)).join('')}'`,
      select: (name) => `CAST(${name} AS UNSIGNED)`,
    },
    { declared: 'binary(7)', literal: (next) => bytesLiteral(next, 7), select: hex },
    { declared: 'varbinary(300)', literal: (next) => bytesLiteral(next, 300), select: hex },
    { declared: 'blob', literal: (next) => bytesLiteral(next, 900), select: hex },
    {
      declared: `enum(${memberList})`,
      literal: (next) => (next(9) === 0 ? "'none'" : `'${MEMBERS[next(64)]}'`),
      select: (name) => `CONCAT(${name} + 0, ':', ${name})`,
    },
    {
      declared: `set(${memberList})`,
      literal: (next) => `'${MEMBERS.filter(() => next(3) === 0).join(',')}'`,
      select: (name) => `CONCAT(CAST(${name} AS UNSIGNED), ':', ${name})`,
    },
    ...charsets.map(text),
    {
      declared: 'geometry',
      literal: (next) => `ST_GeomFromText('LINESTRING(${next(90)} 1.5, -${next(90)} ${next(90)})', ${4326 * next(2)})`,
      select: hex,
    },
  ];
  return [...columns, ...(family === 'mysql' ? mysqlColumns : mariadbColumns)];
}

const mysqlColumns: readonly RoundTripColumn[] = [
  { declared: 'json', literal: (next) => `JSON_EXTRACT(JSON_ARRAY(${json(next)}), '$[0]')`, select: plain },
  {
    declared: 'vector(8)',
    literal: (next) => `STRING_TO_VECTOR('[${Array.from({ length: 1 + next(8) }, () => next(1000) / 7).join()}]')`,
    select: hex,
  },
];

const mariadbColumns: readonly RoundTripColumn[] = [
  {
    declared: 'uuid',
    literal: (next) => {
      const nibbles = Array.from({ length: 32 }, () => (next(4) === 0 ? 0 : next(16)).toString(16)).join('');
      return `'${nibbles.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}'`;
    },
    select: plain,
  },
  {
    declared: 'inet4',
    literal: (next) => `'${Array.from({ length: 4 }, () => [0, 32, next(256)][next(3)]).join('.')}'`,
    select: plain,
  },
  {
    declared: 'inet6',
    literal: (next) => {
      const group = () => [0, 0, 0xffff, 0x20, next(65_536)][next(5)]!.toString(16);
      const zeros = next(9);
      return `'${Array.from({ length: 8 }, (_, i) => (i < zeros ? '0' : group())).join(':')}'`;
    },
    select: plain,
  },
  {
    declared: 'text compressed',
    literal: (next) => `REPEAT('compress é ', ${next(2) === 0 ? 0 : next(90)})`,
    select: plain,
  },
  { declared: 'varbinary(900) compressed', literal: (next) => bytesLiteral(next, 900), select: hex },
];

/** The server prints the digits that are enough to read the same double, not always the same of several. */
function sameDouble(told: string, read: string): boolean {
  return Object.is(Number(told), Number(read));
}
