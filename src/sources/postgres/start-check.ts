import { formatLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import type { Position } from './offset.ts';
import type { StreamPosition } from './replication-stream.ts';
import type { Server } from './server-identity.ts';
import { checkSlot, type SlotConfig, type SlotState } from './slot.ts';

export type StartConfig = SlotConfig & Pick<PostgresConfig, 'snapshot.mode'>;

export interface StartState {
  readonly stored: Position | null;
  readonly slot: SlotState | null;
  readonly server: Server;
  /** That the stored position is of another history than the server's. */
  readonly divergence: TailraceError | null;
}

/** What a start has to do. */
export interface StartPlan {
  /** Existing rows are read first. */
  readonly snapshot: boolean;
  /** Changes are read (after them). */
  readonly stream: boolean;
  /** `recreate`: drop the slot, which is lost, and make it anew. */
  readonly slot: 'use' | 'create' | 'recreate' | 'none';
  /** Where the stream goes on; null: where the slot is. */
  readonly from: StreamPosition | null;
  /** Why a snapshot is read although a position was stored. */
  readonly reason: TailraceError | null;
}

/**
 * Decides, from the snapshot mode, the stored position and the slot, what a start does. A position that the slot cannot
 * serve any more is an error and never skipped over, unless the mode says that the tables are to be read again then.
 */
export function planStart(state: StartState, config: StartConfig): StartPlan {
  const mode = config['snapshot.mode'];
  const { stored, slot } = state;
  if (stored === null || (stored.snapshot === 'unfinished' && stored.endLsn === null)) {
    return planFirst(slot, config);
  }
  if (mode === 'initial_only') {
    return { snapshot: stored.snapshot === 'unfinished', stream: false, slot: 'none', from: null, reason: null };
  }
  const loss = findLoss(state, config);
  const lost = state.divergence ?? loss;
  if (lost === null) {
    return {
      snapshot: mode === 'always' || stored.snapshot === 'unfinished',
      stream: true,
      slot: 'use',
      from: streamPosition(stored, slot),
      reason: null,
    };
  }
  if (mode !== 'when_needed' && mode !== 'always') throw lost;
  const isUsable = loss === null || loss.code === 'source.position_lost';
  const how = slot === null ? 'create' : isUsable ? 'use' : 'recreate';
  return { snapshot: true, stream: true, slot: how, from: null, reason: lost };
}

function planFirst(slot: SlotState | null, config: StartConfig): StartPlan {
  const mode = config['snapshot.mode'];
  if (mode === 'initial_only') return { snapshot: true, stream: false, slot: 'none', from: null, reason: null };
  if (slot !== null) checkSlot(slot, config);
  return {
    snapshot: mode !== 'no_data',
    stream: true,
    slot: slot === null ? 'create' : 'use',
    from: null,
    reason: null,
  };
}

function streamPosition(stored: Position, slot: SlotState | null): StreamPosition | null {
  const { skip, messageLsn, seen, previousEndLsn, snapshot } = stored;
  // A snapshot that no stream was to follow (initial_only) has no position but the LSN of its rows, and that was read after
  // its view was taken: what committed in between is before the one and not in the other.
  const isOfRows = snapshot === 'completed' && seen !== null && seen.beforeLsn === stored.endLsn;
  const endLsn = isOfRows ? (slot?.confirmedFlushLsn ?? null) : stored.endLsn;
  const lastCommitTimeMicros = snapshot === 'none' ? stored.commitTimeMicros : null;
  return endLsn === null ? null : { endLsn, skip, messageLsn, seen, previousEndLsn, lastCommitTimeMicros };
}

/** What stands between the stored position and the slot, if anything. Throws what no snapshot would mend. */
function findLoss({ stored, slot, server }: StartState, config: StartConfig): TailraceError | null {
  const name = config['slot.name'];
  const endLsn = stored?.endLsn ?? 0;
  const again = 'start with snapshot.mode=when_needed to read the tables again';
  if (slot === null) {
    return new TailraceError(
      'source.slot_missing',
      `replication slot ${name} does not exist, but a position at ${formatLsn(endLsn)} is stored: the changes since then were not kept`,
      {
        remedy: `If the changes since then do not matter, "tailrace offsets reset" starts anew; otherwise ${again}. After a failover, see slot.failover.`,
      },
    );
  }
  try {
    checkSlot(slot, config);
  } catch (error) {
    if (error instanceof TailraceError && error.code === 'source.slot_invalidated') return error;
    throw error;
  }
  if (server.walEndLsn < endLsn && server.isStandby) {
    throw new TailraceError(
      'source.connect',
      `the server is a standby that has replayed the WAL up to ${formatLsn(server.walEndLsn)}, the stored position is ${formatLsn(endLsn)}`,
      { remedy: 'It is tried again until the standby has caught up: check that it follows its primary.' },
    );
  }
  if (server.walEndLsn < endLsn) {
    return new TailraceError(
      'source.position_lost',
      `the stored position ${formatLsn(endLsn)} lies beyond the end of the server's WAL, ${formatLsn(server.walEndLsn)}: the server was restored from a backup`,
      { remedy: `Check database.hostname; after a restore, ${again}.` },
    );
  }
  const confirmed = slot.confirmedFlushLsn ?? 0;
  if (confirmed > endLsn) {
    return new TailraceError(
      'source.position_lost',
      `replication slot ${name} is at ${formatLsn(confirmed)}, past the stored position ${formatLsn(endLsn)}: it was recreated or read by another, and ${confirmed - endLsn} bytes of WAL between them will not be sent`,
      { remedy: `To fill the gap, ${again}; to accept it, set the offset with "tailrace offsets set".` },
    );
  }
  return null;
}
