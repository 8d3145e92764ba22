import type { SourceOffset } from '../../src/model/log.ts';
import type { LogPosition } from './crash-log.ts';
import type { ServerFault } from './plan.ts';
import type { Random } from './random.ts';
import type { Columns, TrueTransaction } from './truth.ts';

export type DatabaseKind = 'postgres' | 'mysql' | 'mariadb';

/** What the crash regime needs of a kind of database: servers to break, a load, and what is true. */
export interface CrashServer extends AsyncDisposable {
  /** What can happen to it while it is read. */
  readonly faults: readonly ServerFault[];
  createDatabase(options: CrashDatabaseOptions): Promise<CrashDatabase>;
}

export interface CrashDatabaseOptions {
  readonly round: number;
  readonly seed: number;
  /** Of the connector, and of what it keeps on the server. */
  readonly connector: string;
  /** Where the connector's log says that it is, for a load that asks what was delivered. */
  readonly position: () => Promise<LogPosition>;
  /** Only what every reader of such a database understands: no operator who rearranges the server, no rare forms of the binlog. */
  readonly isOrdinary?: boolean;
}

/** One database with tables, rows and, from here on, a record of everything that is committed. */
export interface CrashDatabase {
  readonly tables: readonly CrashTable[];
  readonly load: CrashLoad;
  /** What a connector's configuration says of this database. */
  readonly config: Readonly<Record<string, string>>;
  strike(fault: ServerFault): Promise<void>;
  /** Tells of a stored offset whether everything that was committed before this call is delivered, and how far it is. */
  watchDelivery(): Promise<DeliveryWatch>;
  /** Where a record's change is, by its source block. */
  locate(source: Readonly<Record<string, unknown>>): { readonly position: bigint; readonly id: string | null };
  /** The text that values of equal meaning share. */
  normalise(value: string): string;
  /** What the database itself says was committed, from its creation on. To be read once. */
  truth(): AsyncIterable<TrueTransaction>;
  /** The rows of a table now. */
  rows(table: CrashTable): Promise<Columns[]>;
  drop(): Promise<void>;
}

export interface CrashTable {
  /** `public.orders`, `shop.orders`: what follows the prefix in the topic's name. */
  readonly name: string;
  /** Its primary key is `id`; without, `n` tells its rows apart. */
  readonly hasKey: boolean;
}

export interface DeliveryWatch extends AsyncDisposable {
  progress(stored: SourceOffset | null): Promise<{ readonly position: string; readonly isDone: boolean }>;
}

/** Writers that go on until stopped, through any fault of the server. */
export interface CrashLoad {
  /** What it has done, as its writers know. */
  readonly report: string;
  start(): void;
  pause(): void;
  resume(): void;
  /** With nothing left open on the server. */
  stop(): Promise<void>;
  /** A transaction that several batches must share. */
  bigTransaction(): Promise<void>;
  /** Some DDL that changes what the tables' rows look like. */
  alterTable(random: Random): Promise<void>;
}

/** Columns that come and go while the load runs. */
export const ADDED_COLUMN_PREFIX = 'extra_';
