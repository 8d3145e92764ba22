import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatGtid, GtidSet, parseGtid } from '../../../decoders/binlog/gtid-set.ts';
import { decodeGtidSet, encodeGtidSet } from '../../../decoders/binlog/gtid-set-binary.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { randomSource, SEED } from './seeded-random.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = 'a0b1c2d3-0000-4000-8000-00000000000b';

/** The naive model: a set of GTID texts. */
type Model = Set<string>;
const SOURCES = [
  { uuid: A, tag: '' },
  { uuid: A, tag: 'blue' },
  { uuid: B, tag: '' },
  { uuid: B, tag: '_t1' },
];

function randomPair(random: (below: number) => number): { model: Model; set: GtidSet } {
  const model: Model = new Set();
  let text = '';
  for (let parts = random(12); parts > 0; parts--) {
    const { uuid, tag } = SOURCES[random(SOURCES.length)]!;
    const first = 1 + random(30);
    const last = first - 1 + random(8);
    for (let n = first; n <= last; n++) model.add(formatGtid({ uuid, tag, gno: BigInt(n) }));
    text += `${text === '' ? '' : ','}${random(2) ? uuid : uuid.toUpperCase()}${tag && `:${tag}`}: ${first}-${last}`;
  }
  const set = GtidSet.parse(text);
  for (let adds = random(20); adds > 0; adds--) {
    const gtid = { ...SOURCES[random(SOURCES.length)]!, gno: BigInt(1 + random(40)) };
    model.add(formatGtid(gtid));
    set.add(gtid);
  }
  return { model, set };
}

function members(set: GtidSet): string[] {
  const all: string[] = [];
  for (const { uuid, tag, intervals } of set.sources()) {
    for (let i = 0; i < intervals.length; i += 2) {
      assert.ok(intervals[i]! < intervals[i + 1]!, 'no empty range');
      if (i > 0) assert.ok(intervals[i]! > intervals[i - 1]!, 'ranges are ascending and not adjacent');
      for (let gno = intervals[i]!; gno < intervals[i + 1]!; gno++) all.push(formatGtid({ uuid, tag, gno }));
    }
  }
  return all.sort();
}

test(`the algebra of GTID sets is that of sets of GTIDs (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 1500; round++) {
    const a = randomPair(random);
    const b = randomPair(random);
    assert.deepEqual(members(a.set), [...a.model].sort());
    assert.deepEqual(members(a.set.union(b.set)), [...a.model.union(b.model)].sort());
    assert.deepEqual(members(a.set.subtract(b.set)), [...a.model.difference(b.model)].sort());
    assert.deepEqual(members(a.set.intersect(b.set)), [...a.model.intersection(b.model)].sort());
    assert.equal(a.set.contains(b.set), b.model.isSubsetOf(a.model));
    assert.ok(a.set.union(b.set).contains(b.set) && a.set.contains(a.set.intersect(b.set)));
    assert.equal(a.set.equals(b.set), a.model.symmetricDifference(b.model).size === 0);
    assert.equal(a.set.isEmpty, a.model.size === 0);
    assert.equal(a.set.size, BigInt(a.model.size));
    const gtid = { ...SOURCES[random(SOURCES.length)]!, gno: BigInt(1 + random(45)) };
    assert.equal(a.set.has(gtid), a.model.has(formatGtid(gtid)), formatGtid(gtid));

    const { set } = a;
    assert.equal(GtidSet.parse(set.format()).format(), set.format());
    assert.ok(decodeGtidSet(encodeGtidSet(set)).equals(set));
    const copy = set.copy();
    copy.add({ uuid: A, tag: 'other', gno: 99n });
    assert.ok(!set.contains(copy), 'a copy is its own');
  }
});

test('a set prints as the server prints it: lower case, sources ascending, ranges merged, tags after their UUID', () => {
  const cases: [string, string][] = [
    ['', ''],
    [' , ', ''],
    [`${A.toUpperCase()}:1`, `${A}:1`],
    [`${A.replaceAll('-', '')}:1`, `${A}:1`],
    [`${B}:5,${A}:7-9:1-3:4\n,${A}:20-19`, `${A}:1-4:7-9,${B}:5`],
    [`${A}:Zeta:3-4:1:alpha:9, ${A}:2`, `${A}:2:alpha:9:zeta:1:3-4`],
    [`${A}:1-9223372036854775806`, `${A}:1-9223372036854775806`],
  ];
  for (const [text, expected] of cases) assert.equal(GtidSet.parse(text).format(), expected);
});

test('text that is no GTID set is refused', () => {
  for (const text of [
    'x',
    A,
    `${A}:`,
    `${A}:0`,
    `${A}:0-5`,
    `${A}:-1`,
    `${A}:1-`,
    `${A}:1--2`,
    `${A}:9223372036854775807`,
    `${A}:99999999999999999999`,
    `${A}:1-9223372036854775807`,
    `${A}:tag`,
    `${A}:tag:`,
    `${A}:a:b:1`,
    `${A}:1:tag`,
    `${A}:ta-g:1`,
    `${A}:${'t'.repeat(33)}:1`,
    `${A}:1;${B}:1`,
    `${A}0:1`,
    `${A.slice(0, -1)}:1`,
    '0-1-5',
  ]) {
    assert.throws(() => GtidSet.parse(text), DecodeError, text);
  }
  for (const text of ['', A, `${A}:1-1`, `${A}:1,${B}:1`, `${A}:1:2`, `${A}:0`, `${A}:9223372036854775807`]) {
    assert.throws(() => parseGtid(text), DecodeError, text);
  }
  assert.deepEqual(parseGtid(`${A.toUpperCase()}:Blue:17`), { uuid: A, tag: 'blue', gno: 17n });
  assert.throws(() => new GtidSet().add({ uuid: A, tag: '', gno: 0n }), DecodeError);
});

test('the binary form is the one of the dump command, tagged only when a tag is in it', () => {
  const plain = encodeGtidSet(GtidSet.parse(`${A}:1-5:8`));
  const uuid = A.replaceAll('-', '');
  const interval = (first: number, end: number) =>
    `0${first}00000000000000${end.toString(16).padStart(2, '0')}00000000000000`;
  assert.equal(plain.toString('hex'), `0100000000000000${uuid}0200000000000000${interval(1, 6)}${interval(8, 9)}`);
  const tagged = encodeGtidSet(GtidSet.parse(`${A}:2:ab:3`));
  assert.equal(
    tagged.toString('hex'),
    `0102000000000001${uuid}000100000000000000${interval(2, 3)}${uuid}0461620100000000000000${interval(3, 4)}`,
  );
  assert.equal(encodeGtidSet(new GtidSet()).toString('hex'), '0000000000000000');
});

test(`a binary set that is cut or damaged gives a DecodeError or a set, and never reads past its end (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (const text of [`${A}:1-5:8,${B}:3`, `${A}:2:ab:3:9,${B}:1-100`]) {
    const bytes = encodeGtidSet(GtidSet.parse(text));
    const inside = Buffer.concat([Buffer.from([1, 2, 3]), bytes, Buffer.alloc(64, 0xff)]);
    assert.equal(decodeGtidSet(inside, 3, 3 + bytes.length).format(), text);
    for (let end = 3; end < 3 + bytes.length; end++) {
      assert.throws(() => decodeGtidSet(inside, 3, end), DecodeError, `cut to ${end - 3} bytes`);
    }
    assert.throws(() => decodeGtidSet(inside, 3, 4 + bytes.length), DecodeError, 'a byte too many');
    for (let round = 0; round < 3000; round++) {
      const mutant = Buffer.from(bytes);
      mutant[random(mutant.length)] = random(256);
      try {
        const set = decodeGtidSet(mutant);
        assert.equal(GtidSet.parse(set.format()).format(), set.format());
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }
  }
});
