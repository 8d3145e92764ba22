import { existsSync, linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { MysqlFamily } from '../../services/shared-mysql.ts';
import type { LogPosition } from '../crash-log.ts';
import type { Random } from '../random.ts';
import { connectClient, isConflict, openClient } from './client.ts';
import type { Numbers } from './statements.ts';
import { columnsOf, foreignDdl, randomAlter, randomUpheaval } from './tables.ts';

export interface OperatorOptions {
  readonly family: MysqlFamily;
  readonly url: string;
  /** Where the server's binlog is. */
  readonly dataDir: string;
  /** Where purged files of it are kept. */
  readonly archiveDir: string;
  readonly position: () => Promise<LogPosition>;
  readonly numbers: Numbers;
}

type Act = 'rotate' | 'purge' | 'checksum' | 'settings' | 'prepare' | 'end prepared' | 'foreign DDL' | 'change tables';

function pickAct(random: Random): Act {
  const dice = random.next();
  if (dice < 0.1) return 'rotate';
  if (dice < 0.2) return 'purge';
  if (dice < 0.25) return 'checksum';
  if (dice < 0.3) return 'settings';
  if (dice < 0.5) return 'prepare';
  if (dice < 0.7) return 'end prepared';
  if (dice < 0.8) return 'foreign DDL';
  return 'change tables';
}

/** Prepared transactions that wait for their end at a time. */
const MAX_PREPARED = 6;

/**
 * Does to a server at work what operators and applications do: other files, other settings of the binlog, DDL, and
 * transactions that stay prepared while everything else goes on.
 */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #done = new Map<string, number>();
  #xids = 0;

  constructor(options: OperatorOptions) {
    this.#options = options;
    mkdirSync(options.archiveDir, { recursive: true });
  }

  async act(client: Connection, random: Random): Promise<void> {
    try {
      await this.#act(client, random);
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }

  /** What was done, and how often. */
  get done(): ReadonlyMap<string, number> {
    return this.#done;
  }

  async #act(client: Connection, random: Random): Promise<void> {
    const act = pickAct(random);
    if (!(await this.#isPastSnapshot())) {
      // Rows that are prepared when the snapshot is read are not in it, and its source refuses their XA COMMIT. DDL makes
      // the snapshot start anew, which must come to an end some time.
      if (act === 'purge' || act === 'prepare' || (act === 'change tables' && random.next() > 0.05)) return;
    }
    if ((await this.#perform(act, client, random)) === false) return;
    this.#done.set(act, (this.#done.get(act) ?? 0) + 1);
  }

  /** False: there was nothing to do. */
  async #perform(act: Act, client: Connection, random: Random): Promise<unknown> {
    switch (act) {
      case 'rotate':
        return client.query('FLUSH BINARY LOGS');
      case 'purge':
        return this.#purge(client);
      case 'checksum':
        return client.query(`SET GLOBAL binlog_checksum = ${random.pick(['NONE', 'CRC32'])}`);
      case 'settings':
        return this.#switchSettings(client, random);
      case 'prepare':
        return this.#prepare(random);
      case 'end prepared':
        return this.#endPrepared(client, random);
      case 'foreign DDL':
        return this.#each(client, foreignDdl(this.#options.family, random));
      case 'change tables':
        return this.#changeTables(client, random);
      default:
        return act satisfies never;
    }
  }

  /** Everything prepared is rolled back or committed. */
  async finish(): Promise<void> {
    const client = await openClient(this.#options.url);
    try {
      for (const [index, xid] of (await preparedXids(client)).entries()) {
        await client.query(`XA ${index % 2 === 0 ? 'COMMIT' : 'ROLLBACK'} ${xid}`);
      }
    } finally {
      client.destroy();
    }
  }

  async #each(client: Connection, statements: readonly string[]): Promise<void> {
    for (const statement of statements) await client.query(statement);
  }

  async #isPastSnapshot(): Promise<boolean> {
    const { state } = await this.#options.position();
    return state === 'inside a transaction' || state === 'between transactions';
  }

  /** What the connector's log holds is nobody's business any more: the files before its position go. */
  async #purge(client: Connection): Promise<void> {
    const { position, dataDir, archiveDir } = this.#options;
    const { stored } = await position();
    const file = String(stored?.file);
    for (const name of await binlogFiles(client)) {
      if (name === file) break;
      // One that was still being read was not purged before.
      const archived = join(archiveDir, name);
      if (!existsSync(archived)) linkSync(join(dataDir, name), archived);
    }
    await client.query(`PURGE BINARY LOGS TO '${file}'`);
  }

  async #switchSettings(client: Connection, random: Random): Promise<void> {
    if (random.next() < 0.5) {
      await client.query(`SET GLOBAL binlog_row_metadata = ${random.pick(['MINIMAL', 'FULL'])}`);
    } else if (this.#options.family === 'mariadb') {
      await client.query(`SET GLOBAL log_bin_compress = ${random.pick(['ON', 'OFF'])}`);
    }
  }

  async #changeTables(client: Connection, random: Random): Promise<void> {
    const parts = await columnsOf(client, 'parts');
    const twin = await columnsOf(client, 'parts_twin');
    if (parts.length === 0 || random.next() < 0.6) await this.#each(client, randomUpheaval(random, { parts, twin }));
    else if (random.next() < 0.5) await client.query(randomAlter('parts', parts, random));
    else await client.query(randomAlter('parts_twin', twin, random));
  }

  /** On a connection of its own, whose end a prepared transaction outlives. */
  async #prepare(random: Random): Promise<boolean> {
    const { url, numbers } = this.#options;
    const client = await connectClient(url);
    try {
      if ((await preparedXids(client)).length >= MAX_PREPARED) return false;
      const xid = `'${`xa-${random.integer(0, 99)}-${this.#xids++}`}','${random.pick(['', 'b'])}',${random.integer(1, 3)}`;
      await client.query(`XA START ${xid}`);
      const rows = Array.from(
        // A few are more than a batch.
        { length: random.next() < 0.1 ? 4000 : random.integer(1, 5) },
        (_, i) => `(${numbers.itemId()}, ${i}, ${numbers.n()}, 'prepared')`,
      );
      await client.query(`INSERT INTO items (id, order_id, n, note) VALUES ${rows.join(', ')}`);
      await client.query(`INSERT INTO audit (writer, n, what) VALUES (-2, ${numbers.n()}, 'prepared')`);
      await client.query(`XA END ${xid}`);
      if (random.next() < 0.1) await client.query(`XA ROLLBACK ${xid}`);
      else if (random.next() < 0.15) await client.query(`XA COMMIT ${xid} ONE PHASE`);
      else await client.query(`XA PREPARE ${xid}`);
      return true;
    } finally {
      await client.end().catch(() => client.destroy());
    }
  }

  async #endPrepared(client: Connection, random: Random): Promise<boolean> {
    const xids = await preparedXids(client);
    if (xids.length === 0) return false;
    await client.query(`XA ${random.next() < 0.6 ? 'COMMIT' : 'ROLLBACK'} ${random.pick(xids)}`);
    return true;
  }
}

export async function binlogFiles(client: Connection): Promise<string[]> {
  const [rows] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
  return rows.map(({ Log_name }) => String(Log_name));
}

async function preparedXids(client: Connection): Promise<string[]> {
  const [rows] = await client.query<RowDataPacket[]>('XA RECOVER');
  return rows.map(({ formatID, gtrid_length: length, data }) => {
    const text = String(data);
    return `'${text.slice(0, length)}','${text.slice(length)}',${formatID}`;
  });
}
