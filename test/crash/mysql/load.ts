import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { MysqlFamily } from '../../services/shared-mysql.ts';
import type { CrashLoad } from '../database.ts';
import { Random } from '../random.ts';
import { connectClient, isConflict, isServerFault } from './client.ts';
import type { Operator } from './operator.ts';
import {
  type BigStep,
  bigStatement,
  type Numbers,
  randomStatement,
  SESSION_MODES,
  sessionStatement,
} from './statements.ts';
import { BIG_TRANSACTION_ROWS, columnsOf, randomAlter } from './tables.ts';

/** A pause after each small transaction: some hundred transactions a second, so that the reader has idle moments too. */
const PAUSE_MS = 6;
/** Between two things that the operator does. */
const OPERATOR_PAUSE_MS = 60;

export interface MysqlLoadOptions {
  readonly family: MysqlFamily;
  readonly url: string;
  readonly seed: number;
  readonly writers: number;
  readonly numbers: Numbers;
  /** Null: nobody does anything to the server itself, and sessions log what they do in the usual form. */
  readonly operator: Operator | null;
}

/** Connections that write small transactions, and one that does what an operator does to a server at work. */
export class MysqlLoad implements CrashLoad {
  readonly #options: MysqlLoadOptions;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #paused = false;
  #transactions = 0;
  #bigStep: BigStep = 'delete';
  #stopped: Promise<void> | null = null;

  constructor(options: MysqlLoadOptions) {
    this.#options = options;
  }

  get report(): string {
    const acts = [...(this.#options.operator?.done ?? [])].map(([act, count]) => `${count} ${act}`);
    return [`${this.#transactions} small transactions`, ...acts].join(', ');
  }

  start(): void {
    const { writers, seed, operator } = this.#options;
    for (let writer = 1; writer <= writers; writer++) {
      const random = new Random(seed * 31 + writer);
      this.#loops.push(this.#loop(PAUSE_MS, (client) => this.#transaction(client, writer, random)));
    }
    if (operator === null) return;
    const random = new Random(seed * 31);
    this.#loops.push(this.#loop(OPERATOR_PAUSE_MS, (client) => operator.act(client, random)));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.#options.operator?.finish();
  }

  async bigTransaction(): Promise<void> {
    const { numbers } = this.#options;
    await this.#once(async (client) => {
      const [rows] = await client.query<RowDataPacket[]>('SELECT 1 FROM items WHERE order_id = -1 LIMIT 1');
      // Without rows there is nothing to update or delete: the last insert may have gone with its server.
      const step = rows.length === 0 ? 'insert' : this.#bigStep === 'insert' ? 'update' : 'delete';
      this.#bigStep = step;
      await client.query('START TRANSACTION');
      await client.query(`INSERT INTO audit (writer, n, what) VALUES (-1, ${numbers.n()}, 'before')`);
      await client.query(bigStatement(step, BIG_TRANSACTION_ROWS, numbers));
      await client.query(`INSERT INTO audit (writer, n, what) VALUES (-1, ${numbers.n()}, 'after')`);
      await client.query('COMMIT');
    });
  }

  async alterTable(random: Random): Promise<void> {
    await this.#once(async (client) => {
      // The rows that follow do not tell their columns, until the operator has it otherwise: the history must know them.
      await client.query('SET GLOBAL binlog_row_metadata = MINIMAL');
      await client.query(randomAlter('orders', await columnsOf(client, 'orders'), random));
    });
  }

  /** Until it is done, or its server goes: then it may be done or not, which the truth will tell. */
  async #once(work: (client: Connection) => Promise<void>): Promise<void> {
    for (;;) {
      const client = await this.#connect();
      if (client === null) return;
      try {
        await work(client);
        return;
      } catch (error) {
        if (isServerFault(error)) return;
        if (!isConflict(error)) throw error;
      } finally {
        client.destroy();
      }
    }
  }

  async #loop(pauseMs: number, work: (client: Connection) => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const client = await this.#connect();
      if (client === null) return;
      try {
        while (!signal.aborted) {
          if (!this.#paused) await work(client);
          await sleep(pauseMs);
        }
      } catch (error) {
        if (!isServerFault(error)) throw error;
      } finally {
        client.destroy();
      }
    }
  }

  async #transaction(client: Connection, writer: number, random: Random): Promise<void> {
    const { family, numbers, operator } = this.#options;
    const change = () => client.query(randomStatement(writer, random, numbers));
    try {
      if (operator !== null && random.next() < 0.1) {
        const mode = random.next() < 0.4 ? 'plain' : random.pick(SESSION_MODES[family]);
        await client.query(sessionStatement(family, mode));
      }
      if (random.next() < 0.15) await change();
      else {
        await client.query('START TRANSACTION');
        for (let i = random.integer(1, 6); i > 0; i--) await change();
        if (random.next() < 0.1) {
          await client.query('SAVEPOINT s');
          await change();
          await client.query(random.next() < 0.5 ? 'ROLLBACK TO s' : 'RELEASE SAVEPOINT s');
        }
        await client.query(random.next() < 0.05 ? 'ROLLBACK' : 'COMMIT');
      }
      this.#transactions++;
    } catch (error) {
      if (!isConflict(error)) throw error;
      await client.query('ROLLBACK');
    }
  }

  /** Keeps trying while the server is down; null when the load ends first. */
  async #connect(): Promise<Connection | null> {
    while (!this.#stop.signal.aborted) {
      try {
        return await connectClient(this.#options.url);
      } catch (error) {
        if (!isServerFault(error)) throw error;
        await sleep(50);
      }
    }
    return null;
  }
}
