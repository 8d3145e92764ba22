import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BinlogTx } from '../../../decoders/binlog/binlog-tx.ts';
import { ABSENT_VALUE, type Change, NULL_VALUE, type Row } from '../../../decoders/change.ts';
import { MARIADB_CONNECTOR, MYSQL_CONNECTOR, type MysqlConfig, parseMysqlConfig } from '../../../src/config/mysql.ts';
import type { TailraceError } from '../../../src/model/errors.ts';
import type { SourceOffset } from '../../../src/model/log.ts';
import type { Batch, Source, StateReader, StateRecord, TableMapping } from '../../../src/model/plugin.ts';
import { createMysqlSource } from '../../../src/sources/mysql/source.ts';
import type { MysqlFamily } from '../../services/shared-mysql.ts';

let serverId = 1_000_000 + (process.pid % 100_000) * 1_000;

/** A connector for a server by its URL, whose database is the one that is captured, with a server id of its own. */
export function configFor(family: MysqlFamily, url: string, extra: Readonly<Record<string, string>> = {}): MysqlConfig {
  const { hostname, port, username, password, pathname } = new URL(url);
  const database = pathname.slice(1);
  const { config, errors } = parseMysqlConfig({
    name: 'test',
    'connector.class': family === 'mysql' ? MYSQL_CONNECTOR : MARIADB_CONNECTOR,
    'database.hostname': hostname,
    'database.port': port,
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    'database.server.id': String(++serverId),
    'topic.prefix': 'test',
    'tailrace.http.listen': 'off',
    ...(database === '' ? {} : { 'database.include.list': database }),
    ...extra,
  });
  if (config === null) throw new Error(JSON.stringify(errors));
  return config;
}

/** What a log keeps of the sources that run one after another on it: each batch as a whole. */
export class Kept implements StateReader {
  readonly state: StateRecord[] = [];
  offset: SourceOffset | null = null;

  append(batch: Batch): void {
    this.state.push(...(batch.state ?? []));
    // As it is stored.
    this.offset = JSON.parse(JSON.stringify(batch.offset)) as SourceOffset;
  }

  async *read(topic: string): AsyncGenerator<StateRecord> {
    for (const record of this.state) if (record.topic === topic) yield record;
  }
}

export interface ReadChange {
  readonly op: string;
  readonly table: string;
  /** Values by name, integers beyond 2^53 as text: null for NULL, none for what the image leaves out. */
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly snapshot: string;
  readonly tx: BinlogTx;
  readonly change: Change;
}

export interface RunOptions {
  readonly kept?: Kept;
  /** Called before each batch is kept. */
  readonly onBatch?: (batch: Batch) => Promise<void> | void;
  readonly t?: TestContext;
}

/** Runs a source as the engine does and keeps what it reads. */
export class SourceRun {
  readonly changes: ReadChange[] = [];
  readonly batches: Batch[] = [];
  readonly warnings: string[] = [];
  readonly source: Source;
  readonly kept: Kept;
  readonly done: Promise<void>;
  readonly #mappings = new WeakMap<object, TableMapping>();
  readonly #abort = new AbortController();
  #waiters: (() => void)[] = [];
  #error: unknown = null;
  #ended = false;

  constructor(config: MysqlConfig, options: RunOptions = {}) {
    const record = (...args: unknown[]): void => {
      this.warnings.push(args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' '));
    };
    const logger = { debug: () => {}, info: () => {}, warn: record };
    this.kept = options.kept ?? new Kept();
    this.source = createMysqlSource(config, { logger: logger as never, state: this.kept });
    this.done = this.#run(options);
    this.done.catch(() => {});
    options.t?.after(() => this.stop().catch(() => {}));
  }

  get rows(): readonly ReadChange[] {
    return this.changes.filter(({ op }) => 'crud'.includes(op));
  }

  /** `c 1` for each row, by the value of its column `id`. */
  get story(): readonly string[] {
    return this.rows.map(({ op, before, after }) => `${op} ${(after ?? before)?.id}`);
  }

  /** Waits until it holds, or rejects with what ended the run. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#error !== null) throw this.#error;
      if (this.#ended) throw new Error('the source ended before that');
      await new Promise<void>((wake) => {
        this.#waiters.push(wake);
      });
    }
  }

  async streaming(): Promise<this> {
    while (this.source.status().phase !== 'streaming' || this.kept.offset === null) {
      if (this.#error !== null) throw this.#error;
      if (this.#ended) throw new Error('the source ended before that');
      await sleep(5);
    }
    return this;
  }

  /** `failure`: what its consumer failed with. */
  async stop(failure?: TailraceError): Promise<void> {
    this.#abort.abort(failure);
    await this.done;
  }

  /** What the run ends with. */
  async failure(): Promise<TailraceError> {
    try {
      await this.done;
    } catch (error) {
      return error as TailraceError;
    }
    throw new Error('the source ended without an error');
  }

  async #run({ onBatch }: RunOptions): Promise<void> {
    try {
      for await (const batch of this.source.read(this.kept.offset, this.#abort.signal)) {
        this.changes.push(...batch.changes.map((change) => this.#read(change)));
        await onBatch?.(batch);
        this.batches.push(batch);
        this.kept.append(batch);
        this.source.ack(batch.offset);
        this.#notify();
      }
    } catch (error) {
      this.#error = error;
      throw error;
    } finally {
      this.#ended = true;
      await this.source.close();
      this.#notify();
    }
  }

  #read(change: Change): ReadChange {
    const tx = change.tx as BinlogTx;
    const table = 'table' in change ? `${change.table.namespace}.${change.table.name}` : '';
    const op = change.kind === 'row' ? change.op : change.kind;
    if (change.kind !== 'row') return { op, table, before: null, after: null, snapshot: 'false', tx, change };
    let mapping = this.#mappings.get(change.table);
    if (mapping === undefined) {
      mapping = this.source.mapping(change.table);
      this.#mappings.set(change.table, mapping);
    }
    const { snapshot } = change;
    return {
      op,
      table,
      before: rowOf(change.before, mapping),
      after: rowOf(change.after, mapping),
      snapshot,
      tx,
      change,
    };
  }

  #notify(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

function rowOf(row: Row | null, { columns }: TableMapping): ReadChange['after'] {
  if (row === null) return null;
  const values: Record<string, unknown> = {};
  for (const { index, name, codec } of columns) {
    const start = row.spans[row.base + 2 * index]!;
    if (start === ABSENT_VALUE) continue;
    const end = row.spans[row.base + 2 * index + 1]!;
    const value = start === NULL_VALUE ? null : codec.read(row.bytes, start, end);
    values[name] =
      typeof value !== 'bigint' ? value : Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  return values;
}
