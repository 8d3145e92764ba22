import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { ZongJiOptions } from '@vlasky/zongji';
import type { RowDataPacket } from 'mysql2/promise';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../services/shared-mysql.ts';
import { endTap, type TappedZongJi, tapBinlog } from './tap-binlog.ts';

// What our MySQL source builds on: the parts of @vlasky/zongji and of mysql2 beneath it that no manual promises.

const ROTATE_EVENT = 4;
const HEARTBEAT_LOG_EVENT = 27;
const headerBytes = 19;

interface Tapped extends AsyncDisposable {
  readonly zongji: TappedZongJi;
  readonly events: readonly Buffer[];
  /** @throws what the tap was told of, when it ends before there are such events. */
  until(condition: (events: readonly Buffer[]) => boolean): Promise<void>;
  /** @throws Error when there was none. */
  readonly failed: Promise<Error>;
}

function tap(
  url: string,
  options: ZongJiOptions,
  hooks: { onReady?(zongji: TappedZongJi): void; onEvent?(zongji: TappedZongJi): void } = {},
): Tapped {
  const events: Buffer[] = [];
  const failure = Promise.withResolvers<Error>();
  let wake = (): void => {};
  const zongji = tapBinlog(url, options, {
    onReady: (ready) => hooks.onReady?.(ready),
    onEvent: (event) => {
      // A copy: the packet is gone after the call.
      events.push(Buffer.from(event));
      hooks.onEvent?.(zongji);
      wake();
    },
    onError: (error) => {
      failure.resolve(error);
      wake();
    },
  });
  return {
    zongji,
    events,
    failed: failure.promise,
    until: async (condition) => {
      let error: Error | null = null;
      void failure.promise.then((reason) => {
        error = reason;
      });
      while (!condition(events)) {
        await new Promise<void>((woken) => {
          wake = woken;
        });
        // Gives the failure's listener its turn.
        await Promise.resolve();
        if (error !== null) throw error;
      }
    },
    [Symbol.asyncDispose]: () => endTap(zongji),
  };
}

const typeOf = (event: Buffer): number => event[4]!;
const sizeOf = (event: Buffer): number => event.readUInt32LE(9);
const endOf = (event: Buffer): number => event.readUInt32LE(13);
/** Other test files write at the same time: their events come too, before and behind. */
const between = (events: readonly Buffer[], start: number, end: number): Buffer[] =>
  events.filter((event) => endOf(event) > start && endOf(event) <= end);
const isHeartbeat = (event: Buffer): boolean => typeOf(event) === HEARTBEAT_LOG_EVENT;

interface Head {
  readonly file: string;
  readonly position: number;
  /** What zongji wants to start behind it. */
  readonly gtidSet: string;
}

async function head({ client, family }: TestSchema): Promise<Head> {
  const status = family === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [[row]] = await client.query<RowDataPacket[]>(status);
  const variable = family === 'mysql' ? '@@gtid_executed' : '@@gtid_current_pos';
  const [[gtid]] = await client.query<RowDataPacket[]>(`SELECT ${variable} AS executed`);
  return { file: row!.File, position: row!.Position, gtidSet: String(gtid!.executed).replace(/\s/g, '') };
}

/** End positions of the events after `start`, as the server lists them. */
async function listedEnds({ client }: TestSchema, start: Head): Promise<number[]> {
  const [rows] = await client.query<RowDataPacket[]>(`SHOW BINLOG EVENTS IN '${start.file}' FROM ${start.position}`);
  return rows.map((row) => Number(row.End_log_pos));
}

const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];
/** Beside any other of this process on the same server. */
let serverId = 7_000 + (process.pid % 1_000) * 100;

for (const family of families) {
  const skip = await whyNoMysql(family);
  const serverIdOfNext = (): number => ++serverId;

  test(`${family}: the replaced command is given each event of the file, whole and as the server wrote it`, {
    skip,
  }, async (t) => {
    const schema = await useSchema(family, t);
    const start = await head(schema);
    await schema.client.query('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)');
    // Many network packets and chunks, events of all sizes.
    for (let id = 0; id < 20; id++)
      await schema.client.query('INSERT INTO t VALUES (?, REPEAT("x", ?))', [id, id * id * 100]);
    const ends = await listedEnds(schema, start);
    await using tapped = tap(schema.url, {
      filename: start.file,
      position: start.position,
      serverId: serverIdOfNext(),
      requestAnnotateRows: true,
    });
    const last = ends.at(-1)!;
    await tapped.until((events) => events.some((event) => endOf(event) === last));
    // The dump begins with a rotate event and a format description that are not at that place of the file.
    assert.equal(typeOf(tapped.events[0]!), ROTATE_EVENT);
    const stored = between(tapped.events, start.position, last);
    assert.deepEqual(stored.map(endOf), ends);
    for (const event of tapped.events) {
      assert.equal(sizeOf(event), event.length, 'the header tells the length of what we are given');
      const sum = event.readUInt32LE(event.length - 4);
      assert.equal(
        sum,
        crc32(event.subarray(0, -4)),
        'the checksum that the server computed is still that of the bytes',
      );
    }
  });

  test(`${family}: a start behind a GTID set gives the transactions that are not in it`, { skip }, async (t) => {
    const schema = await useSchema(family, t);
    await schema.client.query('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)');
    await schema.client.query("INSERT INTO t VALUES (1, 'in the set')");
    const start = await head(schema);
    await schema.client.query("INSERT INTO t VALUES (2, 'behind the set')");
    await using tapped = tap(schema.url, { gtidSet: start.gtidSet, serverId: serverIdOfNext() });
    await tapped.until((events) => events.some((event) => event.includes('behind the set')));
    assert.ok(!tapped.events.some((event) => event.includes('in the set')));
  });

  test(`${family}: what is queried in the ready event is in force for the dump`, { skip }, async (t) => {
    const schema = await useSchema(family, t);
    const start = await head(schema);
    const answered: string[] = [];
    await using tapped = tap(
      schema.url,
      { filename: start.file, position: start.position, serverId: serverIdOfNext() },
      {
        onReady: ({ connection }) => {
          // Nanoseconds; without it a server says nothing for 30 s or more.
          connection.query('SET @master_heartbeat_period = 20000000', (error) =>
            answered.push(error?.message ?? 'set'),
          );
        },
        onEvent: () => answered.push('event'),
      },
    );
    await tapped.until((events) => events.filter(isHeartbeat).length >= 2);
    assert.deepEqual(answered.slice(0, 2), ['set', 'event']);
  });

  test(`${family}: a dump that the server refuses is told to onResult, and is no uncaught exception`, {
    skip,
  }, async (t) => {
    const schema = await useSchema(family, t);
    await using tapped = tap(schema.url, { filename: 'no-such-file.000001', position: 4, serverId: serverIdOfNext() });
    const error = (await tapped.failed) as Error & { errno?: number };
    // ER_MASTER_FATAL_ERROR_READING_BINLOG
    assert.equal(error.errno, 1236);
  });

  test(`${family}: a paused connection hands over nothing until it is resumed, and then loses nothing`, {
    skip,
  }, async (t) => {
    const schema = await useSchema(family, t);
    const start = await head(schema);
    await schema.client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    for (let id = 0; id < 10; id++) await schema.client.query(`INSERT INTO t VALUES (${id})`);
    const ends = await listedEnds(schema, start);
    const seenWhilePaused: boolean[] = [];
    let paused = false;
    await using tapped = tap(
      schema.url,
      { filename: start.file, position: start.position, serverId: serverIdOfNext(), requestAnnotateRows: true },
      {
        onEvent: ({ connection }) => {
          seenWhilePaused.push(paused);
          paused = true;
          connection.pause();
          setImmediate(() => {
            paused = false;
            connection.resume();
          });
        },
      },
    );
    await tapped.until((events) => events.some((event) => endOf(event) === ends.at(-1)));
    assert.ok(seenWhilePaused.every((seen) => !seen));
    assert.deepEqual(between(tapped.events, start.position, ends.at(-1)!).map(endOf), ends);
  });

  test(`${family}: a kept event is a view into memory that others of its chunk share`, { skip }, async (t) => {
    const schema = await useSchema(family, t);
    const start = await head(schema);
    await schema.client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    for (let id = 0; id < 10; id++) await schema.client.query(`INSERT INTO t VALUES (${id})`);
    const memory = new Map<ArrayBufferLike, number>();
    const last = (await listedEnds(schema, start)).at(-1)!;
    const done = Promise.withResolvers<void>();
    const zongji = tapBinlog(
      schema.url,
      { filename: start.file, position: start.position, serverId: serverIdOfNext() },
      {
        onEvent: (event) => {
          assert.ok(event.length >= headerBytes);
          memory.set(event.buffer, (memory.get(event.buffer) ?? 0) + 1);
          if (endOf(event) === last) done.resolve();
        },
        onError: done.reject,
      },
    );
    await done.promise.finally(() => endTap(zongji));
    assert.ok(
      Math.max(...memory.values()) > 1,
      'nothing is copied for us: whoever keeps an event keeps its whole chunk',
    );
  });
}

test('mysql: an event of more than 16 MiB, which takes several network packets, is handed over in one piece', {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  const schema = await useSchema('mysql', t);
  const start = await head(schema);
  await schema.client.query('CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)');
  // 2^24 - 1 bytes is the longest network packet.
  const bytes = (1 << 24) + 1000;
  await schema.client.query(`INSERT INTO t VALUES (1, REPEAT('x', ${bytes}))`);
  await using tapped = tap(schema.url, { filename: start.file, position: start.position, serverId: ++serverId });
  await tapped.until((events) => events.some((event) => event.length > bytes));
  const event = tapped.events.find(({ length }) => length > bytes)!;
  assert.equal(sizeOf(event), event.length);
  assert.equal(event.readUInt32LE(event.length - 4), crc32(event.subarray(0, -4)));
});
