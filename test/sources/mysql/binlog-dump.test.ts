import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import type { MysqlConfig } from '../../../src/config/mysql.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { type BinlogDump, type DumpOptions, openDump } from '../../../src/sources/mysql/binlog-dump.ts';
import { FarPosition, FIRST_POSITION } from '../../../src/sources/mysql/far-position.ts';
import { replicaUuid } from '../../../src/sources/mysql/server-id.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { FreezingProxy } from '../postgres/freezing-proxy.ts';
import { mysqlConfigFor } from './mysql-config.ts';

/** What would wait for ever fails instead. */
const ends = { timeout: 60_000 };
const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];
const HEARTBEAT_MS = 200;
const HEARTBEAT_LOG_EVENT = 27;

/** Beside any other of this process on the same server. */
let lastServerId = 100_000_000 + process.pid * 1_000;
const freeServerId = (): string => String(++lastServerId);

const typeOf = (event: Buffer): number => event[4]!;
const endOf = (event: Buffer): number => event.readUInt32LE(13);

/** A dump whose events are kept. */
class DumpRun implements AsyncDisposable {
  readonly events: Buffer[] = [];
  readonly dump: BinlogDump;
  readonly failed: Promise<Error>;
  #wake = (): void => {};
  #error: Error | null = null;

  constructor(
    family: MysqlFamily,
    config: MysqlConfig,
    from: DumpOptions['from'],
    onPacket: (run: DumpRun) => void = () => {},
  ) {
    const failure = Promise.withResolvers<Error>();
    this.failed = failure.promise;
    this.dump = openDump({
      config,
      family,
      from,
      annotateRows: true,
      heartbeatMs: HEARTBEAT_MS,
      onPacket: (bytes, start, end) => {
        this.events.push(Buffer.from(bytes.subarray(start, end)));
        onPacket(this);
        this.#wake();
      },
      onError: (error) => {
        this.#error = error;
        failure.resolve(error);
        this.#wake();
      },
    });
  }

  /** The event that ends at `end`, or for which `condition` holds. */
  async until(condition: (event: Buffer) => boolean): Promise<Buffer> {
    for (let seen = 0; ; ) {
      for (; seen < this.events.length; seen++) if (condition(this.events[seen]!)) return this.events[seen]!;
      if (this.#error !== null) throw this.#error;
      await new Promise<void>((woken) => {
        this.#wake = woken;
      });
    }
  }

  async fails(): Promise<TailraceError> {
    const error = await this.failed;
    assert.ok(error instanceof TailraceError, String(error));
    return error;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dump.close();
  }
}

interface Head {
  readonly file: string;
  readonly position: number;
  readonly gtids: string;
}

async function head(family: MysqlFamily, client: Connection): Promise<Head> {
  const status = family === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [[row]] = await client.query<RowDataPacket[]>(status);
  const variable = family === 'mysql' ? '@@gtid_executed' : '@@gtid_binlog_pos';
  const [[gtid]] = await client.query<RowDataPacket[]>(`SELECT ${variable} AS gtids`);
  return { file: row!.File, position: row!.Position, gtids: String(gtid!.gtids).replace(/\s/g, '') };
}

/** A user of the schema's own, by whom its sessions are known on the server. */
async function useAccount(schema: TestSchema, grants: string): Promise<{ config: MysqlConfig } & AsyncDisposable> {
  const { client, name, url, family } = schema;
  await client.query(`CREATE USER ${name}@'%' IDENTIFIED BY 'x'`);
  if (grants !== '') await client.query(`GRANT ${grants} ON *.* TO ${name}@'%'`);
  return {
    config: mysqlConfigFor(family, url, {
      'database.user': name,
      'database.password': 'x',
      'database.server.id': freeServerId(),
    }),
    [Symbol.asyncDispose]: async () => {
      await client.query(`DROP USER ${name}@'%'`);
    },
  };
}

/** The user's sessions are gone; the server needs a moment to end a thread. */
async function sessionsEnd(client: Connection, user: string): Promise<void> {
  for (;;) {
    const [rows] = await client.query<RowDataPacket[]>('SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ?', [
      user,
    ]);
    if (rows.length === 0) return;
    await sleep(10);
  }
}

/** MariaDB keeps a file for a moment longer, until all of its transactions are checkpointed. */
async function purgeTo(client: Connection, file: string): Promise<void> {
  for (;;) {
    await client.query(`PURGE BINARY LOGS TO '${file}'`);
    const [rows] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
    if (rows[0]!.Log_name === file) return;
    await sleep(10);
  }
}

for (const family of families) {
  const skip = await whyNoMysql(family);
  const startServer = family === 'mysql' ? startMysql : startMariadb;
  const configOf = (url: string, keys: Record<string, string> = {}): MysqlConfig =>
    mysqlConfigFor(family, url, { 'database.server.id': freeServerId(), ...keys });

  test(`${family}: a dump goes on from a file position and from GTIDs, and its heartbeats follow`, {
    skip,
    ...ends,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)');
    await client.query("INSERT INTO t VALUES (1, 'before it')");
    const { file, position, gtids } = await head(family, client);
    await client.query("INSERT INTO t VALUES (2, 'behind it')");
    for (const from of [{ file, position }, { gtids }]) {
      await using run = new DumpRun(family, configOf(url), from);
      await run.until((event) => event.includes('behind it'));
      assert.ok(!run.events.some((event) => event.includes('before it')));
      await run.until((event) => typeOf(event) === HEARTBEAT_LOG_EVENT);
    }
  });

  test(`${family}: a closed dump leaves no connection and no thread on the server, whenever it is closed`, {
    skip,
    ...ends,
  }, async () => {
    await using schema = await useSchema(family);
    await using account = await useAccount(schema, 'REPLICATION SLAVE');
    const { config } = account;
    const from = await head(family, schema.client);
    await new DumpRun(family, config, from).dump.close();
    for (const delayMs of [1, 3, 5, 10, 20]) {
      const early = new DumpRun(family, config, from);
      await sleep(delayMs);
      await early.dump.close();
    }
    await sessionsEnd(schema.client, schema.name);
    const run = new DumpRun(family, config, from);
    await run.until(() => true);
    await run.dump.close();
    const count = run.events.length;
    await sessionsEnd(schema.client, schema.name);
    assert.equal(run.events.length, count);
  });

  test(`${family}: without the privilege a dump says which one to grant`, { skip, ...ends }, async () => {
    await using schema = await useSchema(family);
    await using account = await useAccount(schema, '');
    const { config } = account;
    await using run = new DumpRun(family, config, await head(family, schema.client));
    const error = await run.fails();
    assert.deepEqual(
      [error.code, error.remedy],
      ['source.privilege', `GRANT REPLICATION SLAVE ON *.* TO '${schema.name}'@'%';`],
    );
  });

  test(`${family}: a position that the server has not, or has no more, is lost and is not skipped`, {
    skip,
    ...ends,
  }, async () => {
    await using server = await startServer();
    const client = await mysql.createConnection(server.url);
    await client.query('CREATE DATABASE d');
    const old = await head(family, client);
    await client.query('CREATE TABLE d.t (id INT PRIMARY KEY)');
    await client.query('FLUSH BINARY LOGS');
    await client.query('INSERT INTO d.t VALUES (1)');
    const { file, position } = await head(family, client);
    const future = family === 'mysql' ? (await head(family, client)).gtids.replace(/\d+$/, '99999') : '0-1-99999';
    const starts = async (): Promise<DumpOptions['from'][]> => [
      { file, position: position + 1000 },
      { file, position: position - 20 },
      { file: 'binlog.999999', position: 4 },
      { gtids: future },
    ];
    const codes = async (list: readonly DumpOptions['from'][]): Promise<string[]> => {
      const found: string[] = [];
      for (const from of list) {
        await using run = new DumpRun(family, configOf(server.url), from);
        const error = await run.fails();
        assert.ok(error.remedy !== undefined, error.message);
        found.push(error.code);
      }
      return found;
    };
    assert.deepEqual(await codes(await starts()), Array(4).fill('source.position_lost'));
    await purgeTo(client, file);
    assert.deepEqual(await codes([old, { gtids: old.gtids }]), Array(2).fill('source.position_lost'));
    await client.end();
  });

  test(`${family}: a second reader with the same server id waits for the first, and disturbs it not`, {
    skip,
    ...ends,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    const config = configOf(url);
    const from = await head(family, client);
    const first = new DumpRun(family, config, from);
    await first.until(() => true);
    await using second = new DumpRun(family, config, from);
    const error = await second.fails();
    assert.deepEqual([error.code, error.policy.action], ['source.slot_in_use', 'restart']);
    assert.match(error.message, /another tailrace \(connection \d+, root from /);
    await client.query('CREATE TABLE still_read (id INT)');
    await first.until((event) => event.includes('still_read'));
    const third = new DumpRun(family, config, from);
    await first.dump.close();
    await third.until((event) => event.includes('still_read'));
    await third.dump.close();
  });

  test(`${family}: a reader that is ended by a foreign one with its server id stops and says so`, {
    skip,
    ...ends,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    const config = configOf(url);
    const from = await head(family, client);
    await using run = new DumpRun(family, config, from);
    await run.until(() => true);
    const foreign = await mysql.createConnection(url);
    // mysql2's own destroy ends its half alone.
    t.after(() => streamOf(foreign).destroy());
    const uuid = replicaUuid(config['topic.prefix'], config['database.server.id']);
    await foreign.query(`SET @replica_uuid = '${uuid}', @slave_uuid = '${uuid}', @master_binlog_checksum = 'CRC32'`);
    sendDump(foreign, config['database.server.id'], from);
    const error = await run.fails();
    assert.deepEqual([error.code, error.policy.action], ['source.setting', 'fail'], error.message);
    assert.match(error.remedy!, /database\.server\.id/);
  });

  test(`${family}: a server that is stopped, killed or falls silent is a lost connection`, {
    skip,
    ...ends,
  }, async () => {
    await using server = await startServer();
    const lost = async (url: string, end: () => Promise<void> | void): Promise<void> => {
      const client = await mysql.createConnection(server.url);
      const from = await head(family, client);
      await client.end();
      await using run = new DumpRun(family, configOf(url), from);
      await run.until(() => true);
      await end();
      assert.equal((await run.fails()).code, 'source.connection_lost');
    };
    await lost(server.url, () => server.stop());
    await server.restart();
    await lost(server.url, () => server.kill());
    await server.restart();
    await using proxy = await FreezingProxy.to(server.url);
    await lost(proxy.url, () => proxy.freeze());
  });

  test(`${family}: a dump whose second session is ended is a lost connection`, { skip, ...ends }, async () => {
    await using schema = await useSchema(family);
    await using account = await useAccount(schema, 'REPLICATION SLAVE');
    const { config } = account;
    await using run = new DumpRun(family, config, await head(family, schema.client));
    await run.until(() => true);
    const [rows] = await schema.client.query<RowDataPacket[]>(
      "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = ? AND COMMAND NOT LIKE 'Binlog%'",
      [schema.name],
    );
    assert.equal(rows.length, 1);
    await schema.client.query(`KILL ${rows[0]!.id}`);
    assert.equal((await run.fails()).code, 'source.connection_lost');
    await sessionsEnd(schema.client, schema.name);
  });

  for (const isOvertaken of [false, true]) {
    const then = isOvertaken ? ', and has passed the place that was read,' : '';
    test(`${family}: a binlog that is reset while it is read${then} is noticed, which the server does not tell`, {
      skip,
      ...ends,
    }, async (t) => {
      await using server = await (family === 'mysql' ? startMysql() : startMariadb());
      const client = await mysql.createConnection(server.url);
      t.after(() => client.destroy());
      const config = mysqlConfigFor(family, server.url, { 'database.server.id': freeServerId() });
      const { file, position } = await head(family, client);
      const read = { file, position };
      const failure = Promise.withResolvers<Error>();
      const arrived = Promise.withResolvers<void>();
      const dump = openDump({
        config,
        family,
        from: read,
        heartbeatMs: HEARTBEAT_MS,
        place: () => read,
        onPacket: (bytes, start, end) => {
          const event = Buffer.from(bytes.subarray(start, end));
          read.position = Math.max(read.position, endOf(event));
          if (read.position > position) arrived.resolve();
        },
        onError: failure.resolve,
      });
      await client.query('CREATE DATABASE reset_while_read');
      await arrived.promise;
      await sleep(3 * HEARTBEAT_MS);
      await client.query(family === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
      if (isOvertaken) await client.query(`CREATE VIEW reset_while_read.v AS SELECT '${'x'.repeat(5_000)}'`);
      const error = await failure.promise;
      await dump.close();
      assert.ok(error instanceof TailraceError);
      if (isOvertaken) assert.match(error.code, /^source\.(position|connection)_lost$/);
      else {
        assert.equal(error.code, 'source.connection_lost');
        assert.match(error.message, /ends at binlog\.\d+:\d+, and was read up to/);
      }
    });
  }

  test(`${family}: a paused dump reads nothing, however long, and loses nothing`, { skip, ...ends }, async (t) => {
    const { client, url } = await useSchema(family, t);
    const from = await head(family, client);
    let [paused, wasPaused] = [false, false];
    await using run = new DumpRun(family, configOf(url), from, ({ dump, events }) => {
      assert.ok(!paused, 'handed over while paused');
      // MariaDB also sends the statement.
      if (wasPaused || !events.at(-1)!.includes('the first')) return;
      paused = wasPaused = true;
      dump.pause();
    });
    await run.until(() => true);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)');
    await client.query("INSERT INTO t VALUES (0, 'the first')");
    // Far more than all buffers between the server and us.
    for (let id = 1; id <= 40; id++) await client.query(`INSERT INTO t VALUES (${id}, REPEAT('x', 1000000))`);
    await client.query("INSERT INTO t VALUES (1000, 'the last')");
    await run.until((event) => event.includes('the first'));
    // Beyond the watchdog's patience, too: silence says nothing of a peer that nobody listens to.
    await sleep(HEARTBEAT_MS * 5);
    const writing = "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'";
    const [[threads]] = await client.query<RowDataPacket[]>(writing);
    assert.ok(threads!.n >= 1);
    assert.ok(run.events.at(-1)!.includes('the first'));
    paused = false;
    run.dump.resume();
    await run.until((event) => event.includes('the last'));
    const large = run.events.filter((event) => event.length > 1_000_000);
    assert.equal(large.length, 40);
  });

  test(`${family}: what the reader throws ends the dump with that very error`, { skip, ...ends }, async () => {
    await using schema = await useSchema(family);
    await using account = await useAccount(schema, 'REPLICATION SLAVE');
    const { config } = account;
    const reason = new Error('cannot be read');
    await using run = new DumpRun(family, config, await head(family, schema.client), () => {
      throw reason;
    });
    assert.equal(await run.failed, reason);
    await run.dump.close();
    assert.equal(run.events.length, 1);
    await sessionsEnd(schema.client, schema.name);
  });

  test(`${family}: a position beyond 4 GiB is found by the lengths of the events before it`, {
    skip,
    ...ends,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('FLUSH BINARY LOGS');
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    for (let id = 0; id < 10; id++) await client.query(`INSERT INTO t VALUES (${id})`);
    const { file, position } = await head(family, client);
    await client.query('CREATE TABLE behind (id INT)');
    await using run = new DumpRun(family, configOf(url), { file, position: FIRST_POSITION });
    await run.until((event) => event.includes('CREATE TABLE behind'));
    const real = run.events.filter((event) => event.readUInt32LE(13) !== 0);
    const behind = real.slice(real.findIndex((event) => endOf(event) === position) + 1);
    const far = new FarPosition(position);
    const found = run.events.filter((event) => !far.passesOver(event, 0));
    assert.deepEqual(found.map(typeOf).slice(0, 2), [4, 15]);
    assert.deepEqual(
      found.slice(2),
      behind.filter((event) => found.includes(event)),
    );
    assert.equal(found[2], behind[0]);
    const odd = new FarPosition(position - 1);
    assert.throws(
      () => run.events.map((event) => odd.passesOver(event, 0)),
      ({ code }: TailraceError) => code === 'source.position_lost',
    );
  });
}

test('the name of a reader stays the same, and differs between connectors', () => {
  assert.equal(replicaUuid('shop', 5), replicaUuid('shop', 5));
  assert.notEqual(replicaUuid('shop', 5), replicaUuid('shop', 6));
  assert.notEqual(replicaUuid('shop', 5), replicaUuid('stock', 5));
  assert.match(replicaUuid('shop', 5), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

/** COM_BINLOG_DUMP by mysql2 alone, as a foreign reader would. */
function sendDump(client: Connection, serverId: number, { file, position }: Head): void {
  const payload = Buffer.alloc(11 + file.length + 1);
  payload[0] = 0x12;
  payload.writeUInt32LE(position, 1);
  payload.writeUInt16LE(0, 5);
  payload.writeUInt32LE(serverId, 7);
  payload.write(file, 11, 'latin1');
  const header = Buffer.alloc(4);
  header.writeUIntLE(payload.length - 1, 0, 3);
  client.on('error', () => {});
  streamOf(client).write(Buffer.concat([header, payload.subarray(0, -1)]));
}

function streamOf(client: Connection): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}
