import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreparedScan } from '../../../decoders/binlog/prepared-scan.ts';
import { type BinlogFixture, binlogFixtureNames, readBinlogFixture } from '../../../fixtures/binlog/fixture.ts';
import { beginning, Reduction, type SentEvent, sentFrom } from './reduce.ts';

/** The events without those that end what was prepared. */
function unfinished(fixture: BinlogFixture): SentEvent[] {
  return sentFrom(fixture, beginning(fixture)).filter(({ bytes }) => !/XA (COMMIT|ROLLBACK) X/.test(String(bytes)));
}

function scan(fixture: BinlogFixture, options: Partial<ConstructorParameters<typeof PreparedScan>[0]> = {}) {
  const scanned = new PreparedScan({
    from: beginning(fixture),
    isWanted: () => true,
    hasTable: () => true,
    keepsQuery: true,
    ...options,
  });
  for (const { bytes } of unfinished(fixture)) {
    const packet = Buffer.concat([Buffer.alloc(5), bytes]);
    scanned.apply(packet, 5, packet.length);
    packet.fill(0xee);
  }
  return scanned;
}

const partsOf = ({ found }: PreparedScan) => new Map([...found].map(([xid, one]) => [xid, one.parts()]));

for (const name of ['mysql-xa', 'mariadb-xa']) {
  test(`${name}: what is found prepared is, byte for byte, what a reader of the same events keeps, and ends at the same place`, () => {
    const fixture = readBinlogFixture(name);
    const reduction = new Reduction({ fixture, keepsQuery: true, gtids: null });
    for (const event of unfinished(fixture)) reduction.apply(event, () => reduction.take());
    const scanned = scan(fixture);
    assert.ok(scanned.found.size > 0);
    assert.deepEqual(partsOf(scanned), reduction.prepared);
    const { file, position } = reduction.reducer.position;
    assert.deepEqual(scanned.position, { file, position });
  });
}

test('nothing is found, and nothing refused, in a binlog without XA transactions', () => {
  for (const name of binlogFixtureNames().filter((one) => !one.endsWith('-xa'))) {
    assert.equal(scan(readBinlogFixture(name)).found.size, 0, name);
  }
});

test('of a transaction whose tables are not captured its name alone is kept, and of one that is not asked for nothing', () => {
  for (const name of ['mysql-xa', 'mariadb-xa']) {
    const fixture = readBinlogFixture(name);
    const whole = scan(fixture);
    const empty = scan(fixture, { hasTable: () => false, keepsQuery: false });
    assert.deepEqual([...empty.found.keys()], [...whole.found.keys()]);
    const sizes = (scanned: PreparedScan) =>
      [...scanned.found.values()].map((one) => Buffer.concat(one.parts()).length);
    assert.ok(Math.max(...sizes(empty)) < Math.min(...sizes(whole)));
    const [wanted] = whole.found.keys();
    assert.deepEqual([...scan(fixture, { isWanted: (xid) => xid === wanted }).found.keys()], [wanted]);
  }
});
