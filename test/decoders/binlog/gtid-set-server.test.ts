import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowDataPacket } from 'mysql2/promise';
import { GtidSet } from '../../../decoders/binlog/gtid-set.ts';
import { decodeGtidSet, encodeGtidSet } from '../../../decoders/binlog/gtid-set-binary.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { binlogFixtureNames, readBinlogFile, readBinlogFixture } from '../../../fixtures/binlog/fixture.ts';
import { useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { randomSource, SEED } from './seeded-random.ts';

/** A binlog event's header, and the checksum behind it. */
const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;

function randomText(random: (below: number) => number): string {
  const parts: string[] = [];
  for (let i = random(5); i > 0; i--) {
    let part = `${random(2) ? 'AAAAAAAA' : 'bbbbbbbb'}-0000-4000-8000-00000000000${random(2)}`;
    for (let j = 1 + random(3); j > 0; j--) {
      if (random(3) === 0) part += `: ${['Red', 'blue', '_x1'][random(3)]}`;
      const first = 1 + random(30);
      part += random(2) ? `:${first}` : `:${first}-${Math.max(0, first - 3 + random(12))}`;
    }
    parts.push(part);
  }
  return parts.join(random(2) ? ',' : ' ,\n');
}

test(`the algebra and the text form are those of the server (TEST_SEED=${SEED})`, {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  const { client } = await useSchema('mysql', t);
  const random = randomSource(SEED);
  for (let round = 0; round < 250; round++) {
    const [a, b] = [randomText(random), randomText(random)];
    const [[row]] = await client.query<RowDataPacket[]>(
      `SELECT GTID_SUBTRACT(?, '') AS normal, GTID_SUBTRACT(?, ?) AS difference, GTID_SUBSET(?, ?) AS subset`,
      [a, a, b, b, a],
    );
    const [left, right] = [GtidSet.parse(a), GtidSet.parse(b)];
    const context = JSON.stringify([a, b]);
    assert.equal(left.format(), row!.normal.replaceAll('\n', ''), context);
    assert.equal(left.subtract(right).format(), row!.difference.replaceAll('\n', ''), context);
    assert.equal(left.contains(right), row!.subset === 1, context);
  }
});

test('what the server refuses as a GTID set is refused, and little else', {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  const { client } = await useSchema('mysql', t);
  const stricter: string[] = [];
  const uuid = 'aaaaaaaa-0000-4000-8000-000000000000';
  const texts = [
    '1',
    ':',
    '1-2',
    '0',
    '0-1',
    '1-0',
    '5-3',
    '1-',
    '-1',
    '1:',
    'a',
    'a:1',
    '1:a',
    'a:b:1',
    'A_9:1',
    '9a:1',
    'a-b:1',
    `${'a'.repeat(32)}:1`,
  ];
  texts.push(
    `${'a'.repeat(33)}:1`,
    '9223372036854775806',
    '9223372036854775807',
    '1-9223372036854775807',
    ' 1 - 2 ',
    '1 2',
    'a 1',
    '01',
    '',
  );
  for (const text of texts
    .map((part) => `${uuid}:${part}`)
    .concat('', ',', uuid, uuid.replaceAll('-', ''), ` ${uuid} : 1`, `${uuid}:1,,`)) {
    const taken = await client.query<RowDataPacket[]>('SELECT GTID_SUBTRACT(?, "") AS normal', [text]).then(
      ([[row]]) => row!.normal.replaceAll('\n', '') as string,
      () => null,
    );
    const ours = tryParse(text);
    if (ours === null && taken !== null) stricter.push(text);
    else assert.equal(ours, taken, text);
  }
  // The server takes a source or a tag without a number for nothing; written by hand it is a mistake.
  const bare = [`${uuid}:a`, `${uuid}:1:a`, `${uuid}:a:b:1`, uuid, uuid.replaceAll('-', '')];
  assert.deepEqual(stricter, bare);
});

test('recorded PREVIOUS_GTIDS events hold the set that the server listed', () => {
  let compared = 0;
  let tagged = 0;
  for (const name of binlogFixtureNames()) {
    // Its files differ in their checksums.
    if (!name.startsWith('mysql-') || name === 'mysql-checksum') continue;
    for (const file of readBinlogFixture(name).files) {
      const bytes = readBinlogFile(file);
      for (const [start, type, end, info] of file.events) {
        if (type !== 'Previous_gtids') continue;
        const body = bytes.subarray(start + HEADER_BYTES, end - CHECKSUM_BYTES);
        const set = decodeGtidSet(body);
        assert.equal(set.format(), info.replaceAll('\n', ''), `${name} ${file.name}`);
        assert.deepEqual(encodeGtidSet(set), Buffer.from(body), `${name} is encoded as the server does`);
        compared++;
        if (set.isTagged) tagged++;
      }
    }
  }
  assert.ok(compared > 10 && tagged > 0, `${compared} sets, ${tagged} tagged`);
});

function tryParse(text: string): string | null {
  try {
    return GtidSet.parse(text).format();
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return null;
  }
}
