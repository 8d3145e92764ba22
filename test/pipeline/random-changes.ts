import {
  ABSENT_VALUE,
  type Change,
  NULL_VALUE,
  type Row,
  type RowChange,
  type Table,
  UNCHANGED_VALUE,
} from '../../decoders/change.ts';
import type { PgTx } from '../../decoders/pgoutput/tx.ts';
import type { ValueCodec } from '../../src/model/codec.ts';
import type { ColumnMapping, TableMapping } from '../../src/model/plugin.ts';
import type { TypeOptions } from '../../src/sources/postgres/types/column-type.ts';
import type { Random } from '../crash/random.ts';
import { codecOf, modifier } from '../sources/postgres/types/codec-fixture.ts';

const LONG_TEXT = 'é"\\\u0001😀'.repeat(900);
/** Texts as the server prints them. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  bool: ['t', 'f'],
  int2: ['-32768', '0', '7'],
  int4: ['2147483647', '-1', '0'],
  int8: ['-9223372036854775808', '9007199254740993', '1'],
  oid: ['4294967295'],
  float4: ['3.3', '-0', 'NaN', '1e-45', '1e+10'],
  float8: ['0.1', '1e+21', '-Infinity', '12345678.9'],
  numeric: ['10.25', '-0.5', '0.00', '99999999999999999999.9', '100'],
  money: ['$1,234.11', '-$0.01'],
  text: ['', 'plain', 'quo"te\\', 'tü😀\u0001\u007f', LONG_TEXT],
  varchar: ['abc', 'ä😀ö', ''],
  bpchar: ['x  '],
  citext: ['CaSe'],
  ltree: ['top.science'],
  xml: ['<a/>'],
  json: ['{"a": 1}', '[]'],
  jsonb: ['null', `{"long": "${'y'.repeat(5000)}"}`],
  uuid: ['00112233-4455-6677-8899-aabbccddeeff'],
  inet: ['10.0.0.1/8'],
  bytea: ['\\x', '\\x00ff10', `\\x${'ab'.repeat(4000)}`],
  date: ['2024-02-29', '0044-03-15 BC', 'infinity'],
  time: ['00:00:00', '23:59:59.999999', '24:00:00'],
  timetz: ['12:00:00.5+02', '23:00:00-05:30'],
  timestamp: ['2024-02-29 12:00:00.123456', '0001-01-01 00:00:00', '-infinity'],
  timestamptz: ['2024-02-29 12:00:00.1+00', 'infinity'],
  interval: ['1 year 2 mons 3 days 04:05:06.7', '-00:00:01'],
  bit: ['101'],
  varbit: ['1', ''],
  point: ['(1,2.5)'],
  int4range: ['[1,5)', 'empty'],
  tsvector: ["'a' 'b'"],
  hstore: ['"a"=>"1", "b"=>NULL', ''],
  mood: ['sad', "it's, ok"],
  price: ['12.345'],
  vector: ['[1,2,3]'],
  'text[]': ['{}', '{a,NULL,"b\\"c"}'],
  'int4[]': ['{1,NULL,-3}'],
  'timestamptz[]': ['{"2024-02-29 12:00:00+00"}'],
  'mood[]': ['{sad}'],
};
const TYPES = Object.keys(SAMPLES);
const MODIFIERS: Readonly<Record<string, readonly number[]>> = {
  numeric: [-1, modifier(25, 3)],
  varchar: [-1, 14],
  bpchar: [7],
  bit: [3, 12],
  time: [-1, 3],
  timestamp: [-1, 0, 3],
  timestamptz: [-1, 2],
};
const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  int4: ['5', "nextval('s'::regclass)"],
  text: ["'de\"fault'::text", 'upper(x)'],
  bool: ['true'],
  numeric: ['1.50'],
};

/** A column as a name with a type, so that a row can be made up for it. */
interface Subject {
  readonly mapping: TableMapping;
  readonly types: readonly string[];
  /** Its row images leave columns out, as MySQL's do that are not full. */
  readonly isPartial: boolean;
}

/** Seeded table mappings and changes of all kinds to them. Nothing of it is a stand-in: codecs are those of the source. */
export class RandomChanges {
  readonly tables: readonly Subject[];
  readonly #random: Random;
  #lsn = 10_000;
  #xid = 700;
  #open: PgTx | null = null;
  #ordinal = 0;

  constructor(random: Random, options: Partial<TypeOptions>) {
    this.#random = random;
    this.tables = Array.from({ length: random.integer(1, 4) }, (_, i) => this.#table(i, options));
  }

  #table(number: number, options: Partial<TypeOptions>): Subject {
    const random = this.#random;
    const types = Array.from({ length: random.integer(1, 7) }, () => random.pick(TYPES));
    const name = random.pick([`t${number}`, `T${number} "x"/😀`, `${number}t.é`]);
    const columnNames = types.map((_, i) => random.pick([`c${i}`, `c${i}`, `C-${i} "q"`, `${i}_é`, `__proto__${i}`]));
    const replicaIdentity = random.pick(['default', 'full', 'index', 'nothing'] as const);
    const primaryKey = random.shuffle(types.map((_, i) => i)).slice(0, random.integer(0, Math.min(3, types.length)));
    const table: Table = {
      id: 16_000 + number,
      namespace: random.pick(['public', 'o"ther']),
      name,
      columns: types.map((_, i) => ({
        name: columnNames[i]!,
        type: 0,
        modifier: -1,
        identity: primaryKey.includes(i),
      })),
      replicaIdentity,
    };
    const isPartial = replicaIdentity === 'full' && random.next() < 0.5;
    const columns = types.map((type, index): ColumnMapping => {
      const defaults = DEFAULTS[type];
      const codec = codecOf(type, {
        options,
        modifier: random.pick(MODIFIERS[type] ?? [-1]),
        notNull: primaryKey.includes(index) || random.next() < 0.3,
        defaultExpression: defaults === undefined || random.next() < 0.5 ? null : random.pick(defaults),
      });
      const sourceType = { name: type, length: random.pick([null, 3, 10]), scale: random.pick([null, 2]) };
      const hasPlaceholder = !isPartial || random.next() < 0.5;
      return {
        index,
        name: columnNames[index]!,
        codec: hasPlaceholder ? codec : withoutPlaceholder(codec),
        sourceType,
      };
    });
    // Now and then a column is left out, as one of a type without a mapping is.
    const kept = columns.length > 1 && random.next() < 0.2 ? columns.slice(1) : columns;
    const key = primaryKey.map((index) => kept.findIndex((column) => column.index === index)).filter((i) => i !== -1);
    return {
      mapping: {
        table,
        collectionId: `${table.namespace}.${name}`,
        topicParts: [table.namespace, name],
        columns: kept,
        primaryKey: key,
      },
      types,
      isPartial,
    };
  }

  /** Changes as a source gives them: in transactions, some of which go on in the next batch. */
  batch(length: number, boundaries: boolean): Change[] {
    const random = this.#random;
    const changes: Change[] = [];
    while (changes.length < length) {
      if (this.#open === null) {
        this.#open = this.#transaction();
        this.#ordinal = 0;
        if (boundaries) changes.push({ kind: 'begin', tx: this.#open, at: this.#lsn });
      }
      changes.push(this.#change(this.#open));
      if (random.next() < 0.3) {
        if (boundaries) changes.push({ kind: 'commit', tx: this.#open, at: ++this.#lsn });
        this.#open = null;
      }
    }
    return changes;
  }

  #transaction(): PgTx {
    const random = this.#random;
    const isReplicated = random.next() < 0.2;
    return {
      commitTimeMicros: 1_700_000_000_000_000 + random.integer(0, 2_000_000),
      xid: ++this.#xid,
      commitLsn: this.#lsn + 1000,
      previousEndLsn: random.next() < 0.1 ? null : this.#lsn,
      origin: isReplicated ? 'other "node"' : null,
      originLsn: isReplicated ? 99 : null,
    };
  }

  #change(tx: PgTx): Change {
    const random = this.#random;
    const at = ++this.#lsn;
    const ordinal = this.#ordinal++;
    const subject = random.pick(this.tables);
    const kind = random.next();
    if (kind < 0.03) return { kind: 'truncate', table: subject.mapping.table, tx, ordinal, at };
    if (kind < 0.06) {
      const content = Buffer.from(random.pick(['', 'note', '\u0000ÿ']));
      return { kind: 'message', transactional: random.next() < 0.5, prefix: 'p"', content, tx, ordinal, at };
    }
    return { ...this.#row(subject), tx, ordinal, at };
  }

  #row(subject: Subject): Pick<RowChange, 'kind' | 'op' | 'table' | 'before' | 'after' | 'snapshot'> {
    const random = this.#random;
    const { table } = subject.mapping;
    const op = random.pick(['c', 'u', 'u', 'u', 'd', 'r'] as const);
    const old = this.#image(subject);
    const image = subject.isPartial ? 'partial' : table.replicaIdentity === 'full' ? 'full' : 'key';
    const given = {
      kind: 'row',
      op,
      table,
      snapshot: op === 'r' ? random.pick(['first', 'true', 'last'] as const) : 'false',
    } as const;
    if (op === 'd') return { ...given, before: this.#write(old, image, subject), after: null };
    const fresh = old.map((text, i) => (random.next() < 0.3 ? this.#image(subject)[i]! : text));
    const isKept = op === 'u' && random.next() < 0.4;
    const after = fresh.map((text) => (isKept && random.next() < 0.5 ? UNCHANGED_VALUE : text));
    const hasBefore = op === 'u' && (image === 'full' || random.next() < 0.5);
    return {
      ...given,
      before: hasBefore ? this.#write(this.#withoutSome(old), image, subject) : null,
      after: this.#write(after, subject.isPartial ? 'partial' : 'full', subject),
    };
  }

  /** An old row, too, may lack what was not sent. */
  #withoutSome(texts: readonly (string | number)[]): readonly (string | number)[] {
    return this.#random.next() < 0.9
      ? texts
      : texts.map((text) => (this.#random.next() < 0.3 ? UNCHANGED_VALUE : text));
  }

  /** A text or NULL for each column; a NOT NULL one may still hold NULL, as rows older than their catalog do. */
  #image({ types, mapping }: Subject): (string | typeof NULL_VALUE)[] {
    const random = this.#random;
    return types.map((type, index) => {
      const nulls = mapping.table.columns[index]!.identity ? 0 : 0.2;
      return random.next() < nulls ? NULL_VALUE : random.pick(SAMPLES[type]!);
    });
  }

  /** A row somewhere within larger arrays, as the decoder leaves it. */
  #write(given: readonly (string | number)[], image: Row['image'], { mapping }: Subject): Row {
    const texts = image === 'partial' ? given.map((text) => (this.#random.next() < 0.3 ? ABSENT_VALUE : text)) : given;
    const base = 2 * this.#random.integer(0, 5);
    const spans = new Int32Array(base + 2 * texts.length + 4).fill(12_345);
    const parts: Buffer[] = [Buffer.from('before')];
    let at = parts[0]!.length;
    texts.forEach((text, i) => {
      const isAbsent = image === 'key' && !mapping.table.columns[i]!.identity;
      if (typeof text === 'number' || isAbsent) {
        spans[base + 2 * i] = typeof text === 'number' && !isAbsent ? text : NULL_VALUE;
        return;
      }
      const bytes = Buffer.from(text);
      parts.push(bytes);
      spans[base + 2 * i] = at;
      spans[base + 2 * i + 1] = at + bytes.length;
      at += bytes.length;
    });
    return { bytes: Buffer.concat([...parts, Buffer.from('behind')]), spans, base, image };
  }
}

function withoutPlaceholder(codec: ValueCodec): ValueCodec {
  return {
    schema: codec.schema,
    missing: codec.missing,
    unavailable: null,
    read: (bytes, start, end) => codec.read(bytes, start, end),
    write: (sink, bytes, start, end) => codec.write(sink, bytes, start, end),
  };
}
