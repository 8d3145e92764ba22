import type { BinlogTx } from '../../../decoders/binlog/binlog-tx.ts';
import { type ExecutedGtids, parseExecutedGtids } from '../../../decoders/binlog/executed-gtids.ts';
import { EventParser } from '../../../decoders/binlog/parse-event.ts';
import { PreparedTransaction } from '../../../decoders/binlog/prepared-transaction.ts';
import type { TableMap } from '../../../decoders/binlog/table-map.ts';
import type { TransactionPosition } from '../../../decoders/binlog/transaction-position.ts';
import { TransactionReducer } from '../../../decoders/binlog/transaction-reducer.ts';
import type { TransactionReducerOptions } from '../../../decoders/binlog/transaction-reducer-options.ts';
import { UnreadableChangeError } from '../../../decoders/binlog/unreadable-change-error.ts';
import type { Change, Row, Table } from '../../../decoders/change.ts';
import { type BinlogFixture, readBinlogFile } from '../../../fixtures/binlog/fixture.ts';
import { slices, span } from './binlog-file.ts';

export interface MappedTable extends Table {
  readonly map: TableMap;
}

/** What a dump sends: the events of files from a place on, each file behind an event that tells its name. */
export interface SentEvent {
  readonly bytes: Buffer;
  /** Where it stands; null: made by the dump thread. */
  readonly place: { readonly file: string; readonly position: number } | null;
}

/** A statement or a change, with its rows as hex and without what differs between two objects of the same table. */
export type Seen = Readonly<Record<string, unknown>>;

export function tableOf(map: TableMap): { readonly table: MappedTable } {
  const columns = map.columns.map((column, i) => {
    return { name: column.name ?? `c${i}`, type: column.type, modifier: -1, identity: false };
  });
  return { table: { id: 0, namespace: map.database, name: map.name, columns, replicaIdentity: 'full', map } };
}

/** The events of a fixture from a place on, as a dump by file and position sends them. */
export function sentFrom(
  fixture: BinlogFixture,
  from: { readonly file: string; readonly position: number },
): SentEvent[] {
  const names = fixture.files.map(({ name }) => name);
  const first = names.indexOf(from.file);
  const sent: SentEvent[] = [];
  // Behind the last file lies one that was not recorded.
  if (first === -1) return sent;
  for (const [i, file] of fixture.files.entries()) {
    if (i < first) continue;
    const bytes = readBinlogFile(file);
    const position = i === first ? from.position : 4;
    sent.push({ bytes: rotateTo(file.name, position), place: null });
    for (const { start, end } of slices(bytes)) {
      if (start > 4 && start < position) continue;
      sent.push({ bytes: bytes.subarray(start, end), place: { file: file.name, position: start } });
    }
  }
  return sent;
}

/** Without the transactions that were executed before, as a dump by GTID. */
export function sentWithout(sent: readonly SentEvent[], executed: ExecutedGtids): SentEvent[] {
  const parser = new EventParser();
  let isExecuted = false;
  return sent.filter(({ bytes }) => {
    const type = bytes[4]!;
    // Row events need their tables: only what begins a transaction is looked into.
    if (![4, 15, 33, 34, 42, 162].includes(type)) return !isExecuted;
    const event = parser.parse(bytes, 0, bytes.length);
    isExecuted = false;
    if (event.kind === 'gtid' && event.gtid !== null && executed.family === 'mysql') {
      isExecuted = executed.set.has(event.gtid);
    }
    if (event.kind === 'mariadb-gtid' && executed.family === 'mariadb') isExecuted = executed.list.has(event.gtid);
    return !isExecuted;
  });
}

function rotateTo(file: string, position: number): Buffer {
  const bytes = Buffer.alloc(19 + 8 + file.length);
  bytes[4] = 4;
  bytes.writeUInt32LE(1, 5);
  bytes.writeUInt32LE(bytes.length, 9);
  bytes.writeUInt16LE(0x20, 17);
  bytes.writeBigUInt64LE(BigInt(position), 19);
  bytes.write(file, 27);
  return bytes;
}

export function beginning(fixture: BinlogFixture): { readonly file: string; readonly position: number } {
  return { file: fixture.files[0]!.name, position: 4 };
}

export interface ReductionOptions extends Partial<TransactionReducerOptions> {
  readonly fixture: BinlogFixture;
  readonly position?: Pick<TransactionPosition, 'file' | 'position' | 'skip'>;
  /** Null: the server has no GTIDs. */
  readonly gtids?: string | null;
  /** Called while the change's rows are valid. */
  readonly onChange?: (change: Change<BinlogTx>) => void;
}

/** A reducer, and what came out of it. Packets are given in bytes that are overwritten after each. */
export class Reduction {
  readonly reducer: TransactionReducer;
  readonly seen: Seen[] = [];
  readonly prepared = new Map<string, readonly Buffer[]>();
  unreadable: UnreadableChangeError | null = null;
  #packet = Buffer.alloc(0);

  readonly #onChange: (change: Change<BinlogTx>) => void;

  constructor({ fixture, gtids = '', onChange = () => {}, ...options }: ReductionOptions) {
    const { family } = fixture;
    this.#onChange = onChange;
    this.reducer = new TransactionReducer({
      family,
      hasGtids: gtids !== null,
      executed: gtids === null ? null : parseExecutedGtids(family, gtids),
      tableOf,
      mayTouch: () => false,
      ...options,
      position: options.position ?? { ...beginning(fixture), skip: null },
    });
  }

  /** Calls back after each step of the event. */
  apply({ bytes }: SentEvent, afterStep: () => void = () => {}): void {
    if (this.#packet.length < bytes.length + 5) this.#packet = Buffer.alloc(2 * bytes.length + 5);
    const packet = this.#packet;
    bytes.copy(packet, 5);
    this.reducer.apply(packet, 5, 5 + bytes.length);
    packet.fill(0xee);
    this.#carryOut();
    afterStep();
    while (this.reducer.isInside) {
      this.reducer.step();
      this.#carryOut();
      afterStep();
    }
  }

  /** Up to a change that cannot be read, if there is one. */
  run(sent: readonly SentEvent[], afterStep: () => void = () => {}): this {
    try {
      for (const event of sent) this.apply(event, afterStep);
    } catch (error) {
      if (!(error instanceof UnreadableChangeError)) throw error;
      this.unreadable = error;
    }
    this.take();
    return this;
  }

  take(): void {
    const { changes, prepared } = this.reducer.take();
    for (const change of changes) {
      this.#onChange(change);
      this.seen.push(describe(change));
    }
    for (const { xid, parts } of prepared) {
      if (parts === null) this.prepared.delete(xid);
      else this.prepared.set(xid, parts);
    }
  }

  #carryOut(): void {
    const { statement } = this.reducer;
    if (statement === null) return;
    const { statement: parsed, text, database, tx, ordinal } = statement;
    this.reducer.completeStatement([
      {
        kind: 'schema',
        database,
        ddl: `${parsed.kind}: ${text}`,
        tables: [],
        subjects: [],
        tx,
        ordinal,
        at: 0,
        snapshot: 'false',
      },
    ]);
  }
}

export function preparedOf(kept: ReadonlyMap<string, readonly Buffer[]>): Map<string, PreparedTransaction> {
  return new Map(
    [...kept].map(([xid, parts]) => [xid, new PreparedTransaction(parts.map((part) => Buffer.from(part)))]),
  );
}

function describe(change: Change<BinlogTx>): Seen {
  const { kind, tx, at } = change;
  if (kind === 'row') {
    const { op, table, before, after, ordinal } = change;
    return {
      kind,
      op,
      table: `${table.namespace}.${table.name}`,
      before: hex(before, table),
      after: hex(after, table),
      ordinal,
      at,
      tx,
    };
  }
  if (kind === 'schema') return { kind, ddl: change.ddl, ordinal: change.ordinal, tx };
  // MariaDB's transactions begin, as in Debezium, at the time of the event before: after a restart that is another.
  return { kind, at, tx: kind === 'begin' ? { ...tx, commitTimeMicros: 0 } : tx };
}

function hex(row: Row | null, table: Table): readonly (string | number)[] | null {
  return row === null ? null : table.columns.map((_, i) => span(row, i));
}
