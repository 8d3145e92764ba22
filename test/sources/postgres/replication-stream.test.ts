import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TailraceError } from '../../../src/model/errors.ts';
import { ReplicationStream, type StreamOptions } from '../../../src/sources/postgres/replication-stream.ts';
import type { Wire } from '../../../src/sources/postgres/wire.ts';

/** The server's side: what it is told, and frames to tell. */
class FakeWire {
  readonly confirmed: number[] = [];
  paused = false;
  query(): void {}
  write(message: Buffer): void {
    const [written, flushed, applied] = [6, 14, 22].map((at) => Number(message.readBigUInt64BE(at)));
    assert.deepEqual([written, applied], [flushed, flushed]);
    this.confirmed.push(flushed!);
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  async close(): Promise<void> {}
}

function frame(type: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function int64(...values: number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigInt64BE(BigInt(value), 8 * i);
  return bytes;
}

const int32 = (value: number): Buffer => int64(value).subarray(4);
const keepalive = (walEnd: number, reply: boolean): Buffer => frame('d', 'k', int64(walEnd, 0), reply ? '\x01' : '\0');
const xlog = (lsn: number, ...parts: (string | Buffer)[]): Buffer => frame('d', 'w', int64(lsn, lsn, 0), ...parts);
const begin = (commitLsn: number, xid: number): Buffer => xlog(commitLsn, 'B', int64(commitLsn, 0), int32(xid));
const commit = (commitLsn: number, endLsn: number): Buffer => xlog(endLsn, 'C\0', int64(commitLsn, endLsn, 0));
const relation = xlog(0, 'R', int32(9), 'public\0items\0d\0\x01\x01id\0', int32(23), int32(-1));
const insert = (lsn: number, text: string): Buffer => xlog(lsn, 'I', int32(9), 'N\0\x01t', int32(text.length), text);

async function started(options: Partial<StreamOptions> = {}): Promise<[ReplicationStream, FakeWire]> {
  const wire = new FakeWire();
  const stream = new ReplicationStream({
    from: { endLsn: 100, skip: null, messageLsn: null, seen: null, previousEndLsn: 100, lastCommitTimeMicros: null },
    captures: () => true,
    capturesPrefix: null,
    skippedOperations: new Set<string>(),
    boundaries: false,
    batchBytes: 1_000_000,
    statusIntervalMs: 3_600_000,
    explain: (error) => new TailraceError('internal', String((error as Error).message), { cause: error }),
    ...options,
  });
  const ready = stream.start(wire as unknown as Wire, 'START_REPLICATION');
  stream.onChunk(frame('W', '\0\0\0'));
  await ready;
  return [stream, wire];
}

test('a keepalive that asks for a reply gets the acked position at once, also while a batch waits to be taken', async () => {
  const [stream, wire] = await started();
  stream.onChunk(Buffer.concat([relation, begin(200, 1), insert(190, '1'), commit(200, 210), keepalive(300, true)]));
  assert.deepEqual(wire.confirmed, [100]);
  const batch = await stream.next();
  assert.equal(batch?.position.endLsn, 300);
  stream.onChunk(keepalive(400, true));
  assert.deepEqual(wire.confirmed, [100, 100], 'taken is not durable');
  stream.ack(300);
  stream.onChunk(keepalive(500, true));
  assert.deepEqual(wire.confirmed, [100, 100, 300]);
  await stream.close();
});

test('a keepalive inside of an open transaction does not move the position', async () => {
  const [stream] = await started({ batchBytes: 1 });
  stream.onChunk(Buffer.concat([relation, begin(200, 1), insert(190, '1'), keepalive(300, false)]));
  const batch = await stream.next();
  assert.deepEqual([batch?.position.endLsn, batch?.position.skip], [100, { xid: 1, count: 1, commitLsn: 200 }]);
  await stream.close();
});

test('a full batch pauses the socket until it is taken, and whole transactions end a batch', async () => {
  const [stream, wire] = await started({ batchBytes: 200 });
  stream.onChunk(Buffer.concat([relation, begin(200, 1), insert(190, 'x'.repeat(300))]));
  assert.equal(wire.paused, true);
  const first = await stream.next();
  assert.equal(wire.paused, false);
  assert.equal(first?.position.skip?.count, 1);
  stream.onChunk(commit(200, 210));
  stream.onChunk(Buffer.concat([begin(300, 2), insert(290, '2')]));
  stream.onChunk(commit(300, 310));
  const second = await stream.next();
  assert.deepEqual([second?.changes.length, second?.position.endLsn, second?.position.skip], [1, 310, null]);
  await stream.close();
});

test('an idle position waits until everything before it is acked', async () => {
  const [stream] = await started();
  stream.onChunk(Buffer.concat([relation, begin(200, 1), insert(190, '1'), commit(200, 210)]));
  await stream.next();
  stream.onChunk(keepalive(300, true));
  let idle: number | null = null;
  const next = stream.next().then((batch) => {
    idle = batch?.position.endLsn ?? null;
  });
  await new Promise((wake) => setImmediate(wake));
  assert.equal(idle, null);
  stream.ack(210);
  await next;
  assert.equal(idle, 300);
  await stream.close();
});

test('an idle position is given when it is due, also where its timer fired a little early', async (t) => {
  let nowMs = 1_000;
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [stream] = await started();
  stream.onChunk(keepalive(200, false));
  assert.equal((await stream.next())?.position.endLsn, 200);
  stream.ack(200);
  stream.onChunk(keepalive(300, false));
  const next = stream.next();
  nowMs += 999.6;
  t.mock.timers.tick(1_000);
  await new Promise((wake) => setImmediate(wake));
  nowMs += 1;
  t.mock.timers.tick(1);
  assert.equal((await next)?.position.endLsn, 300);
  await stream.close();
});

test('transactions that a snapshot has seen are dropped row by row, their tables stay known', async () => {
  const seen = { snapshot: '5:9:6', beforeLsn: 1000 };
  const [stream] = await started({
    from: { endLsn: 100, skip: null, messageLsn: null, seen, previousEndLsn: null, lastCommitTimeMicros: null },
  });
  stream.onChunk(
    Buffer.concat([
      ...[relation, begin(200, 4), insert(190, 'seen'), commit(200, 210)],
      ...[begin(300, 6), insert(290, 'in progress'), commit(300, 310)],
      ...[begin(400, 8), insert(390, 'seen'), commit(400, 410)],
      ...[begin(500, 9), insert(490, 'later'), commit(500, 510)],
    ]),
  );
  const batch = await stream.next();
  const texts = batch?.changes.map((change) => {
    assert.ok(change.kind === 'row' && change.after !== null);
    return change.after.bytes.toString(
      'utf8',
      change.after.spans[change.after.base],
      change.after.spans[change.after.base + 1],
    );
  });
  assert.deepEqual(texts, ['in progress', 'later']);
  assert.deepEqual(batch?.position.seen, seen);
  stream.onChunk(Buffer.concat([begin(1200, 5), insert(1190, 'after'), commit(1200, 1210)]));
  const after = await stream.next();
  assert.deepEqual([after?.changes.length, after?.position.seen], [1, null]);
  await stream.close();
});

test('a broken frame, the server’s own error and a closed socket end the stream with one error each', async () => {
  const [broken] = await started();
  broken.onChunk(xlog(0, '?'));
  await assert.rejects(broken.next(), /unknown pgoutput message/);
  const [refused] = await started();
  refused.onChunk(frame('E', 'SFATAL\0VFATAL\0C57P01\0Mgoing down\0\0'));
  await assert.rejects(refused.next(), /going down/);
  const [lost] = await started();
  const next = lost.next();
  lost.onClosed(null);
  await assert.rejects(next, /Connection terminated/);
});

test('an error tells how far the stream had come, not where it began', async () => {
  const at: number[] = [];
  const [stream] = await started({
    explain: (error, atLsn) => {
      at.push(atLsn);
      return new TailraceError('internal', (error as Error).message);
    },
  });
  stream.onChunk(Buffer.concat([relation, begin(200, 1), insert(190, '1'), commit(200, 210), begin(300, 2)]));
  stream.onChunk(frame('E', 'SERROR\0CXX000\0Munexpected duplicate\0\0'));
  await assert.rejects(stream.next(), { message: 'unexpected duplicate' });
  assert.deepEqual(at, [210]);
  await stream.close();
});
