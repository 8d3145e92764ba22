import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ADDED_COLUMN_PREFIX, type CrashLoad } from '../database.ts';
import { Random } from '../random.ts';

/** What the crash regime writes: every row change takes a number of its own, `n`, so that no two changes look alike. */
export const SCHEMA = `
  CREATE SEQUENCE change_n;
  CREATE TABLE orders (
    id bigint PRIMARY KEY, writer int NOT NULL, n bigint NOT NULL, status text, total numeric(12,2));
  CREATE TABLE items (id bigint PRIMARY KEY, order_id bigint, n bigint NOT NULL, note text);
  CREATE TABLE docs (id bigint PRIMARY KEY, n bigint NOT NULL, body text);
  ALTER TABLE docs ALTER COLUMN body SET STORAGE EXTERNAL;
  CREATE TABLE audit (writer int, n bigint, what text);
  ALTER TABLE audit REPLICA IDENTITY FULL;
  CREATE SEQUENCE order_id;
  CREATE SEQUENCE item_id;`;

export const TABLES = [
  { name: 'public.orders', hasKey: true },
  { name: 'public.items', hasKey: true },
  { name: 'public.docs', hasKey: true },
  { name: 'public.audit', hasKey: false },
] as const;

/** Rows of the one transaction that several batches must share. */
export const BIG_TRANSACTION_ROWS = 25_000;

/** Enough for a snapshot of many batches that still takes well under a second. */
const SNAPSHOT_ITEMS = 20_000;

/** A pause after each small transaction: some hundred transactions a second, so that the reader has idle moments too. */
const PAUSE_MS = 6;

export async function createTables(client: pg.Client): Promise<void> {
  await client.query(SCHEMA);
  await client.query(
    `INSERT INTO orders SELECT nextval('order_id'), 0, nextval('change_n'), 'new', i * 1.25 FROM generate_series(1, 2000) i`,
  );
  await client.query(
    `INSERT INTO items SELECT nextval('item_id'), i, nextval('change_n'), repeat('it''s ', i % 20) FROM generate_series(1, ${SNAPSHOT_ITEMS}) i`,
  );
  await client.query(
    `INSERT INTO docs SELECT i, nextval('change_n'), repeat(md5(i::text), 100) FROM generate_series(1, 50) i`,
  );
  await client.query(`INSERT INTO audit SELECT 0, nextval('change_n'), NULL FROM generate_series(1, 10)`);
}

export interface PostgresLoadOptions {
  readonly url: string;
  readonly seed: number;
  readonly writers: number;
}

/** Several connections that write small transactions over several tables until stopped, through any fault of the server. */
export class PostgresLoad implements CrashLoad {
  readonly #options: PostgresLoadOptions;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #paused = false;
  #transactions = 0;
  #bigStep = 0;

  constructor(options: PostgresLoadOptions) {
    this.#options = options;
  }

  get report(): string {
    return `${this.#transactions} small transactions`;
  }

  start(): void {
    for (let writer = 1; writer <= this.#options.writers; writer++) this.#loops.push(this.#run(writer));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  /** A transaction of 25,000 changes: inserts, then updates of the same rows, then their deletion, then from the start. */
  async bigTransaction(): Promise<void> {
    const step = this.#bigStep++ % 3;
    const rows = BIG_TRANSACTION_ROWS;
    const statements = [
      `INSERT INTO items SELECT nextval('item_id'), -1, nextval('change_n'), 'big' FROM generate_series(1, ${rows})`,
      `UPDATE items SET n = nextval('change_n'), note = 'bigger' WHERE order_id = -1`,
      `DELETE FROM items WHERE order_id = -1`,
    ];
    await this.#once([
      `INSERT INTO audit VALUES (-1, nextval('change_n'), 'before')`,
      statements[step]!,
      `INSERT INTO audit VALUES (-1, nextval('change_n'), 'after')`,
    ]);
  }

  /** A column comes, or the one that came last goes. */
  async alterTable(random: Random): Promise<void> {
    const column = `${ADDED_COLUMN_PREFIX}${random.integer(1, 3)}`;
    await this.#once([
      random.next() < 0.7
        ? `ALTER TABLE orders ADD COLUMN IF NOT EXISTS ${column} int DEFAULT ${random.integer(1, 99)}`
        : `ALTER TABLE orders DROP COLUMN IF EXISTS ${column}`,
    ]);
  }

  /** Until it is committed, or its server goes: then it may be committed or not, which the truth will tell. */
  async #once(statements: readonly string[]): Promise<void> {
    for (;;) {
      const client = await connect(this.#options.url, this.#stop.signal);
      if (client === null) return;
      try {
        for (const statement of ['BEGIN', ...statements, 'COMMIT']) await client.query(statement);
        return;
      } catch (error) {
        if (isServerFault(error)) return;
        if (!isConflict(error)) throw error;
      } finally {
        await client.end();
      }
    }
  }

  async #run(writer: number): Promise<void> {
    const { url, seed } = this.#options;
    const random = new Random(seed * 31 + writer);
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const client = await connect(url, signal);
      if (client === null) return;
      try {
        while (!signal.aborted) {
          if (!this.#paused) await this.#transaction(client, writer, random);
          await sleep(PAUSE_MS);
        }
        await client.end();
      } catch (error) {
        if (!isServerFault(error)) throw error;
      }
    }
  }

  async #transaction(client: pg.Client, writer: number, random: Random): Promise<void> {
    try {
      await client.query('BEGIN');
      const statements = random.integer(1, 6);
      for (let i = 0; i < statements; i++) await client.query(statement(writer, random));
      if (random.next() < 0.1) {
        await client.query('SAVEPOINT s');
        await client.query(statement(writer, random));
        await client.query(random.next() < 0.5 ? 'ROLLBACK TO s' : 'RELEASE s');
      }
      await client.query(random.next() < 0.05 ? 'ROLLBACK' : 'COMMIT');
      this.#transactions++;
    } catch (error) {
      if (!isConflict(error)) throw error;
      await client.query('ROLLBACK');
    }
  }
}

function statement(writer: number, random: Random): string {
  const n = `nextval('change_n')`;
  const anOrder = `(SELECT last_value FROM order_id) - ${random.integer(0, 1500)}`;
  const anItem = `(SELECT last_value FROM item_id) - ${random.integer(0, 3000)}`;
  const dice = random.next();
  if (dice < 0.3) {
    return `INSERT INTO orders (id, writer, n, status, total) VALUES (nextval('order_id'), ${writer}, ${n}, 'new', ${random.integer(0, 99999)} / 100.0)`;
  }
  if (dice < 0.5) {
    return `INSERT INTO items SELECT nextval('item_id'), ${anOrder}, ${n}, 'line ' || i FROM generate_series(1, ${random.integer(1, 12)}) i`;
  }
  if (dice < 0.7) return `UPDATE orders SET n = ${n}, status = 'paid', writer = ${writer} WHERE id = ${anOrder}`;
  if (dice < 0.77) return `UPDATE orders SET id = nextval('order_id'), n = ${n} WHERE id = ${anOrder}`;
  if (dice < 0.83) return `DELETE FROM orders WHERE id = ${anOrder}`;
  if (dice < 0.88) return `DELETE FROM items WHERE id = ${anItem}`;
  if (dice < 0.92) return `UPDATE docs SET n = ${n} WHERE id = ${random.integer(1, 50)}`;
  if (dice < 0.94) {
    return `UPDATE docs SET n = ${n}, body = repeat(md5('${random.next()}'), 90) WHERE id = ${random.integer(1, 50)}`;
  }
  return `INSERT INTO audit VALUES (${writer}, ${n}, ${random.next() < 0.3 ? 'NULL' : `'it''s ${dice}'`})`;
}

/** Keeps trying while the server is down; null when the load ends first. */
async function connect(url: string, signal: AbortSignal): Promise<pg.Client | null> {
  while (!signal.aborted) {
    const client = new pg.Client({ connectionString: url });
    // Its loss is seen by the query that meets it.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (!isServerFault(error)) throw error;
      await sleep(50);
    }
  }
  return null;
}

/** The server went, is going or is coming back: classes 57 (operator intervention) and 08, or no server at all. */
export function isServerFault(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return /^(57|08)|^ECONN|^EPIPE/.test(code) || /Connection terminated|not queryable/.test(message);
}

/** Deadlock, serialization failure, two writers giving one row the same key, or a column that went meanwhile. */
function isConflict(error: unknown): boolean {
  return ['40P01', '40001', '23505', '42703', '0A000'].includes((error as { code?: string }).code ?? '');
}
