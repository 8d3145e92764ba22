import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import type { DumpConfig, DumpStart } from './binlog-dump.ts';
import { readFileBegin } from './file-begin.ts';
import { parseOffset } from './offset.ts';
import { readDump } from './read-dump.ts';
import { trialServerId } from './server-id.ts';
import type { ServerState } from './server-state.ts';
import { sourceFilter } from './start.ts';
import { isFileKnown, planStart, type StartPlan } from './start-check.ts';

export interface PositionInput {
  readonly family: ServerFamily;
  readonly state: ServerState;
  readonly stored: SourceOffset | null;
}

export interface PositionChecks {
  readonly checks: readonly PreflightCheck[];
  /** A start would take a snapshot. */
  readonly snapshot: boolean;
}

const STORED = 'stored position';
const REPLICATION = 'replication connection';

/** Whether the server sends its binlog, and where there is a stored position, what follows that. */
export async function checkPosition(config: MysqlConfig, input: PositionInput): Promise<PositionChecks> {
  const { family, state, stored } = input;
  const { plan, check } = await planFor(config, input);
  const head = state.files.at(-1)!;
  const from = plan?.from?.dump ?? { file: head.name, position: head.bytes };
  const refusal = await tryDump(config, family, from);
  const user = config['database.user'];
  const snapshot = plan === null || plan.snapshot !== 'none';
  if (refusal !== null && refusal.code !== 'source.position_lost') {
    return { checks: [failed(REPLICATION, refusal), ...(check === null ? [] : [check])], snapshot };
  }
  const replication = ok(REPLICATION, `${user} may replicate`);
  if (refusal !== null && stored !== null) {
    const isMendable = config['snapshot.mode'] === 'when_needed';
    const lost = isMendable ? again(refusal) : failed(STORED, refusal);
    return { checks: [replication, lost], snapshot: snapshot || isMendable };
  }
  return { checks: [replication, ...(check === null ? [] : [check])], snapshot };
}

/** What a start would do. The schema history is in the log and not looked at. */
async function planFor(
  config: MysqlConfig,
  { family, state, stored }: PositionInput,
): Promise<{ readonly plan: StartPlan | null; readonly check: PreflightCheck | null }> {
  try {
    const position = stored === null ? null : parseOffset(stored);
    const isKnown = position !== null && isFileKnown(position, state);
    const plan = planStart({
      stored: position,
      server: state,
      family,
      mode: config['snapshot.mode'],
      hasHistory: true,
      capturesSource: sourceFilter(config),
      fileBegan: isKnown ? await readFileBegin({ config, family, file: position.file }) : null,
    });
    if (stored === null) return { plan, check: null };
    return { plan, check: plan.reason === null ? ok(STORED, 'the server has what follows it') : again(plan.reason) };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { plan: null, check: failed(STORED, error) };
  }
}

/** Short, as what is looked for is the first one. */
const HEARTBEAT_MS = 500;
/**
 * Whether the server sends what follows a position: best known by asking for it, for a moment and with another server id, so
 * that no reader is disturbed. Null: it does.
 */
async function tryDump(config: DumpConfig, family: ServerFamily, from: DumpStart): Promise<TailraceError | null> {
  let hasFormat = false;
  try {
    await readDump(
      {
        config: { ...config, 'database.server.id': trialServerId() },
        family,
        from,
        heartbeatMs: HEARTBEAT_MS,
      },
      (bytes, start) => {
        // The events before this one are there for every position; the one behind, or a heartbeat, is what was asked for.
        if (hasFormat) return true;
        hasFormat = bytes[start + 4] === EVENT_TYPE.formatDescription;
        return null;
      },
    );
    return null;
  } catch (error) {
    if (error instanceof TailraceError) return error;
    throw error;
  }
}

function ok(name: string, message: string): PreflightCheck {
  return { name, status: 'ok', message, remedy: null };
}

function again({ message }: TailraceError): PreflightCheck {
  return { name: STORED, status: 'warning', message: `${message}; the tables will be read again`, remedy: null };
}

function failed(name: string, { message, remedy }: TailraceError): PreflightCheck {
  return { name, status: 'error', message, remedy: remedy ?? null };
}
