import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { BinlogEvent, QueryEvent } from '../../../../decoders/binlog/event.ts';
import { EventParser } from '../../../../decoders/binlog/parse-event.ts';
import { slices } from '../../../decoders/binlog/binlog-file.ts';

export interface BinlogPlace {
  readonly folder: string;
  readonly file: string;
  readonly position: number;
}

/** Where a server's binlog, which lies on this machine, ends now. */
export async function binlogEnd(client: Connection): Promise<BinlogPlace> {
  const [[at]] = await client
    .query<RowDataPacket[]>('SHOW BINARY LOG STATUS')
    .catch(() => client.query<RowDataPacket[]>('SHOW MASTER STATUS'));
  const [[place]] = await client.query<RowDataPacket[]>('SELECT @@log_bin_basename AS base');
  return { folder: dirname(String(place!.base)), file: String(at!.File), position: Number(at!.Position) };
}

/** The statements in the binlog between a place and now. */
export async function queriesSince(client: Connection, from: BinlogPlace): Promise<QueryEvent[]> {
  return (await eventsSince(client, from)).filter((event) => event.kind === 'query');
}

/** The events in the binlog between a place and now. */
export async function eventsSince(client: Connection, from: BinlogPlace): Promise<BinlogEvent[]> {
  const to = await binlogEnd(client);
  const events: BinlogEvent[] = [];
  for (const file of new Set([from.file, to.file])) {
    const bytes = readFileSync(join(to.folder, file));
    // The server may be writing behind it.
    const end = file === to.file ? to.position : bytes.length;
    const parser = new EventParser();
    for (const slice of slices(bytes.subarray(0, end))) {
      const isFormat = slice.start === 4;
      if (!isFormat && file === from.file && slice.start < from.position) continue;
      events.push(parser.parse(bytes, slice.start, slice.end));
    }
  }
  return events;
}
