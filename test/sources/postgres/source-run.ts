import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type Change, NULL_VALUE, type Row, type Table, UNCHANGED_VALUE } from '../../../decoders/change.ts';
import { type PostgresConfig, parsePostgresConfig } from '../../../src/config/postgres.ts';
import type { TailraceError } from '../../../src/model/errors.ts';
import type { SourceOffset } from '../../../src/model/log.ts';
import type { Batch, Source } from '../../../src/model/plugin.ts';
import { createPostgresSource, type PostgresSourceDeps } from '../../../src/sources/postgres/source.ts';

/** A connector for a database by its URL, with a slot and publication of its own. */
export function configFor(url: string, extra: Readonly<Record<string, string>> = {}): PostgresConfig {
  const { hostname, port, username, password, pathname } = new URL(url);
  const { config, errors } = parsePostgresConfig({
    name: 'test',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': hostname,
    'database.port': port,
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    'database.dbname': pathname.slice(1),
    'topic.prefix': 'test',
    'plugin.name': 'pgoutput',
    'slot.name': `s_${randomBytes(6).toString('hex')}`,
    'tailrace.http.listen': 'off',
    ...extra,
  });
  if (config === null) throw new Error(JSON.stringify(errors));
  return config;
}

export interface ReadChange {
  readonly op: string;
  readonly table: string;
  /** Column texts by name; null for NULL, undefined for what was not sent. */
  readonly after: Readonly<Record<string, string | null | undefined>> | null;
  readonly before: Readonly<Record<string, string | null | undefined>> | null;
  readonly snapshot: string;
  readonly change: Change;
}

export interface RunOptions {
  readonly from?: SourceOffset | null;
  /** Called before each batch is taken as durable; resolves when it may be. */
  readonly onBatch?: (batch: Batch) => Promise<void> | void;
  /** Batches are acked as soon as they were read. On by default. */
  readonly acks?: boolean;
  readonly deps?: Partial<PostgresSourceDeps>;
  readonly t?: TestContext;
}

/** Runs a source as the engine does and keeps what it reads. */
export class SourceRun {
  readonly changes: ReadChange[] = [];
  readonly batches: Batch[] = [];
  readonly warnings: string[] = [];
  readonly source: Source;
  readonly done: Promise<void>;
  readonly #abort = new AbortController();
  #waiters: (() => void)[] = [];
  #error: unknown = null;
  #ended = false;

  constructor(config: PostgresConfig, options: RunOptions = {}) {
    const record = (...args: unknown[]): void => {
      this.warnings.push(args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' '));
    };
    const logger = { debug: () => {}, info: () => {}, warn: record };
    this.source = createPostgresSource(config, { logger: logger as never, ...options.deps });
    this.done = this.#run(options);
    this.done.catch(() => {});
    options.t?.after(() => this.stop().catch(() => {}));
  }

  get rows(): readonly ReadChange[] {
    return this.changes.filter(({ op }) => 'crud'.includes(op));
  }

  get offset(): SourceOffset | null {
    return this.batches.at(-1)?.offset ?? null;
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

  /** `failure`: what its consumer failed with. */
  async stop(failure?: TailraceError): Promise<void> {
    this.#abort.abort(failure);
    await this.done;
  }

  async #run({ from = null, onBatch, acks = true }: RunOptions): Promise<void> {
    try {
      for await (const batch of this.source.read(from, this.#abort.signal)) {
        this.batches.push(batch);
        this.changes.push(...batch.changes.map(readChange));
        this.#notify();
        await onBatch?.(batch);
        if (acks) this.source.ack(batch.offset);
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

  #notify(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

function readChange(change: Change): ReadChange {
  const table = 'table' in change ? `${change.table.namespace}.${change.table.name}` : '';
  const [before, after] =
    change.kind === 'row' ? [rowOf(change.before, change.table), rowOf(change.after, change.table)] : [null, null];
  const op = change.kind === 'row' ? change.op : change.kind;
  return { op, table, before, after, snapshot: change.kind === 'row' ? change.snapshot : 'false', change };
}

function rowOf(row: Row | null, table: Table): ReadChange['after'] {
  if (row === null) return null;
  return Object.fromEntries(
    table.columns.map((column, i) => {
      const start = row.spans[row.base + 2 * i]!;
      if (start === NULL_VALUE) return [column.name, null];
      if (start === UNCHANGED_VALUE) return [column.name, undefined];
      return [column.name, row.bytes.toString('utf8', start, row.spans[row.base + 2 * i + 1])];
    }),
  );
}
