import mysql from 'mysql2';
import type { Connection } from 'mysql2/promise';
import { internals } from './connection.ts';

export interface RowListener {
  /** Body of a row's packet; it may be kept. */
  onRow(bytes: Buffer, start: number, end: number): void;
  /** All rows were given, and the session is ready for another statement. */
  onDone(): void;
  /** The server's report, a broken connection, or what `onRow` threw. Nothing follows. */
  onError(error: unknown): void;
}

/** What mysql2 gives a command for each packet: an object that it uses again, over bytes that it does not. */
interface WirePacket {
  readonly buffer: Buffer;
  /** Of the body; length and sequence number lie before it. */
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}

type PacketHandler = (packet: WirePacket) => PacketHandler | null;

/** What we know of mysql2's inside; tests of this file pin it. */
interface QueryCommand {
  readonly _fieldCount: number;
  /** Called for the definition of each column. */
  readField: PacketHandler;
  /** Takes what is between the definitions and the rows. */
  readonly fieldsEOF: PacketHandler;
  /** Called for each packet behind the columns' definitions, error packets aside; answers who takes the next. */
  row: PacketHandler;
  done(): null;
}

type CreateQuery = (
  options: { readonly sql: string; readonly disableEval: true },
  values: undefined,
  onResult: (error: unknown) => void,
  config: object,
) => QueryCommand;

const { createQuery } = mysql as unknown as { createQuery: CreateQuery };

/**
 * Runs a SELECT by the text protocol and gives the rows' bytes as they came: mysql2 sends it and reads what is before and
 * behind the rows. Pausing the session's socket pauses the rows, after those that it had received.
 */
export function queryRows(session: Connection, sql: string, listener: RowListener): void {
  const onResult = (error: unknown): void => {
    if (error === null) listener.onDone();
    else listener.onError(error);
  };
  const query = createQuery({ sql, disableEval: true }, undefined, onResult, {});
  const takeRow: PacketHandler = (packet) => {
    if (packet.isEOF()) return query.done();
    listener.onRow(packet.buffer, packet.offset, packet.end);
    return takeRow;
  };
  let fields = 0;
  // Not by mysql2, which reads a column's name in the column's character set and fails where it does not know that.
  const takeField: PacketHandler = () => (++fields === query._fieldCount ? query.fieldsEOF : takeField);
  query.readField = takeField;
  query.row = takeRow;
  (internals(session) as unknown as { addCommand(command: QueryCommand): void }).addCommand(query);
}
