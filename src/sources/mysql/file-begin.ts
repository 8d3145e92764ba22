import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { DumpConfig } from './binlog-dump.ts';
import { FIRST_POSITION } from './far-position.ts';
import { readDump } from './read-dump.ts';
import { trialServerId } from './server-id.ts';

const EVENT_TYPE_OFFSET = 4;

export interface FileBeginInput {
  readonly config: DumpConfig;
  readonly family: ServerFamily;
  /** One that the server has: else `source.position_lost`. */
  readonly file: string;
}

/**
 * When the server began a file of its binlog, in seconds since 1970 UTC, as the first event of the file says. A RESET begins
 * new files under the names of the old ones, and a name and its time tell the one from the other.
 */
export function readFileBegin(
  { config, family, file }: FileBeginInput,
  signal: AbortSignal | null = null,
): Promise<number> {
  return readDump(
    {
      config: { ...config, 'database.server.id': trialServerId() },
      family,
      from: { file, position: FIRST_POSITION },
    },
    (bytes, start) =>
      bytes[start + EVENT_TYPE_OFFSET] === EVENT_TYPE.formatDescription ? bytes.readUInt32LE(start) : null,
    signal,
  );
}
