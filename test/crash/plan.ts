import type { Random } from './random.ts';

/** What goes on when the child is killed. */
export type Phase = 'snapshot' | 'big transaction' | 'load' | 'idle';

/** What happens to the server besides. */
export type ServerFault = 'fast restart' | 'crash restart' | 'backend terminated';

export interface PlannedKill {
  readonly phase: Phase;
  /**
   * Milliseconds from the child's start (`load`, `idle`), or from the moment the phase was seen in the log (`snapshot`, `big
   * transaction`; a child that is not seen in it within its time is killed then).
   */
  readonly delayMs: number;
  /** `seen`: wait until the log shows the phase. `blind`: count from the start, so that start-up is hit as well. */
  readonly from: 'start' | 'seen';
  readonly fault: ServerFault | null;
  readonly alterTable: boolean;
}

/** From start-up, which takes some 0.4 s, well into streaming. */
const LONGEST_BLIND_MS = 1500;

/** Snapshot first, since it comes once; then everything else, mixed. */
export function planRound(kills: number, random: Random): PlannedKill[] {
  const snapshots = Math.max(1, Math.round(kills * 0.25));
  const others: Phase[] = [];
  for (let i = 0; i < kills - snapshots; i++) {
    // By turns, so that a short run has each of them.
    others.push((['big transaction', 'load', 'big transaction', 'load', 'load', 'idle'] as const)[i % 6]!);
  }
  const phases: Phase[] = [...Array.from({ length: snapshots }, () => 'snapshot' as const), ...random.shuffle(others)];
  return phases.map((phase) => planKill(phase, random));
}

function planKill(phase: Phase, random: Random): PlannedKill {
  const isSeen = (phase === 'snapshot' || phase === 'big transaction') && random.next() < 0.7;
  const fault =
    random.next() < 0.25 ? random.pick(['fast restart', 'crash restart', 'backend terminated'] as const) : null;
  return {
    phase,
    from: isSeen ? 'seen' : 'start',
    delayMs: isSeen ? random.integer(0, 60) : random.integer(0, LONGEST_BLIND_MS),
    fault,
    alterTable: phase === 'load' && random.next() < 0.3,
  };
}
