import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_FLAG, EVENT_TYPE, type EventHeader } from '../../../decoders/binlog/event-header.ts';
import { EventPlace } from '../../../decoders/binlog/transaction-position.ts';

const GIB = 1024 ** 3;

function header(size: number, nextPosition: number, type: number = EVENT_TYPE.query, flags = 0): EventHeader {
  return { timestamp: 1, type, serverId: 1, size, nextPosition: nextPosition % (4 * GIB), flags };
}

test('a place goes on beyond 4 GiB, where headers begin to count anew', () => {
  const place = new EventPlace('binlog.000001', 4);
  let end = 4;
  for (let i = 0; i < 9; i++) {
    end += GIB;
    place.pass(header(GIB, end));
    assert.deepEqual([place.begin, place.end], [end - GIB, end]);
  }
  // Started anew from there, the format description comes first, and says where it lies itself.
  const again = new EventPlace('binlog.000001', end);
  again.pass(header(123, 127, EVENT_TYPE.formatDescription));
  again.pass(header(100, 0));
  again.pass(header(100, 500, EVENT_TYPE.mariadbGtidList, EVENT_FLAG.artificial));
  assert.equal(again.end, end);
  again.pass(header(77, end + 77));
  assert.deepEqual([again.begin, again.end, String(again)], [end, end + 77, `binlog.000001:${end}`]);
});

test('a heartbeat tells how far the server has passed by what we have, in the file that we are in', () => {
  const place = new EventPlace('binlog.000001', 1000);
  const beat = { kind: 'heartbeat', header: header(40, 0), file: 'binlog.000001' } as const;
  place.hear({ ...beat, position: 900, version: 2 });
  assert.equal(place.end, 1000);
  place.hear({ ...beat, position: 9 * GIB, version: 2 });
  assert.equal(place.end, 9 * GIB);
  place.hear({ ...beat, position: GIB + 5, version: 1 });
  assert.equal(place.end, 9 * GIB + 5);
  place.hear({ ...beat, file: 'binlog.000002', position: 20 * GIB, version: 2 });
  assert.equal(place.end, 9 * GIB + 5);
});
