import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { Position } from './offset.ts';
import { readServerState, type ServerState } from './server-state.ts';
import type { Session } from './session.ts';
import { hasExecuted } from './start-check.ts';

/** With semisynchronous replication seconds lie between the two: see {@link readCommittedState}. */
const COMMIT_WITHIN_MS = 5_000;
const COMMIT_POLL_MS = 100;

export interface CommittedStateInput {
  readonly session: Pick<Session, 'run'>;
  readonly family: ServerFamily;
  /** Where an earlier run has stopped. */
  readonly stored: Position | null;
  /** Milliseconds that never go back. */
  readonly clock?: () => number;
  readonly signal: AbortSignal;
}

/**
 * A server sends a transaction once its binlog has it, and counts it among the executed when its engines have committed it,
 * which is later: a reader that starts again in between knows more, and waits until the server has all of it. What it
 * never gets is for the caller to explain. Rejects with an AbortError once the signal aborts.
 */
export async function readCommittedState(input: CommittedStateInput): Promise<ServerState> {
  const { session, family, stored, clock = () => performance.now(), signal } = input;
  const deadline = clock() + COMMIT_WITHIN_MS;
  for (;;) {
    const server = await session.run('read the state of the server', (client) => readServerState(client, family));
    if (stored === null || hasExecuted(server, stored, family) || clock() > deadline) return server;
    await sleep(COMMIT_POLL_MS, undefined, { signal });
  }
}
