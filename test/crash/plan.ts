import type { Random } from './random.ts';

/** What goes on when the child is killed. */
export type Phase = 'snapshot' | 'big transaction' | 'load' | 'idle';

/** What happens to the database's server besides. */
export type ServerFault = 'fast restart' | 'crash restart' | 'backend terminated' | 'connections killed';

/** What happens to a log's brokers and the way to them, or to the child in a transaction of theirs. */
export type LogFault =
  | 'broker killed'
  | 'coordinator killed'
  | 'leaders moved'
  | 'network cut'
  | 'network silent'
  | 'network reset'
  | 'child frozen';

const LOG_FAULTS: ReadonlySet<string> = new Set<LogFault>([
  'broker killed',
  'coordinator killed',
  'leaders moved',
  'network cut',
  'network silent',
  'network reset',
  'child frozen',
]);

export function findFault(name: string, { server, log }: Faults): ServerFault | LogFault | null {
  return [...server, ...log].find((fault) => fault === name) ?? null;
}

export function isLogFault(fault: ServerFault | LogFault): fault is LogFault {
  return LOG_FAULTS.has(fault);
}

export interface PlannedKill {
  readonly phase: Phase;
  /**
   * What the delay counts from. `start`: the child's start, so that start-up itself is hit. `progress`: the first append
   * of this child. `phase`: the log shows the phase. A child that shows neither within some seconds is killed all the same.
   */
  readonly from: 'start' | 'progress' | 'phase';
  readonly delayMs: number;
  readonly fault: ServerFault | LogFault | null;
  /** The child must get over the fault and go on before it is killed. */
  readonly survives: boolean;
  readonly alterTable: boolean;
}

/** Start-up takes some 0.4 s on an idle machine, and several times that on a busy one. */
const LONGEST_FROM_START_MS = 1500;
const LONGEST_FROM_PROGRESS_MS = 600;
/** The phases worth waiting for are short. */
const LONGEST_FROM_PHASE_MS = 60;
/** Then a phase that was seen is not over yet. */
const SURE_IN_PHASE_MS = 10;

export interface Faults {
  readonly server: readonly ServerFault[];
  readonly log: readonly LogFault[];
  /** The only one that there is to be, and often. */
  readonly chosen?: ServerFault | LogFault;
}

/** Snapshot first, since it comes once; then everything else, mixed. */
export function planRound(kills: number, random: Random, faults: Faults): PlannedKill[] {
  const snapshots = Math.max(1, Math.round(kills * 0.25));
  const others: Phase[] = [];
  for (let i = 0; i < kills - snapshots; i++) {
    // By turns, so that a short run has each of them.
    others.push((['big transaction', 'load', 'big transaction', 'load', 'load', 'idle'] as const)[i % 6]!);
  }
  // The first one is in the midst of the snapshot whatever chance says: once it is complete, it is not read again. And one
  // is in the midst of a big transaction.
  const first = planPhase('snapshot', 1, random);
  const big = others.length === 0 ? [] : planPhase('big transaction', 1, random);
  const rest = [
    ...Array.from({ length: snapshots - 1 }, () => 'snapshot' as const),
    ...random.shuffle(others.slice(1)),
  ];
  return [...first, ...rest.map((phase) => planKill(phase, random, faults)), ...big];
}

/** Kills in the midst of one phase: what a mutant is caught by. */
export function planPhase(phase: Phase, kills: number, random: Random, alterTable = false): PlannedKill[] {
  const from = phase === 'big transaction' || phase === 'snapshot' ? 'phase' : 'progress';
  return Array.from({ length: kills }, () => ({
    phase,
    from,
    delayMs: random.integer(0, from === 'phase' ? SURE_IN_PHASE_MS : LONGEST_FROM_PROGRESS_MS),
    fault: null,
    survives: false,
    alterTable,
  }));
}

function planKill(phase: Phase, random: Random, faults: Faults): PlannedKill {
  const isShort = phase === 'snapshot' || phase === 'big transaction';
  const from = random.next() < 0.3 ? 'start' : isShort && random.next() < 0.7 ? 'phase' : 'progress';
  const longestMs = { start: LONGEST_FROM_START_MS, progress: LONGEST_FROM_PROGRESS_MS, phase: LONGEST_FROM_PHASE_MS };
  const fault = planFault(random, faults);
  return {
    phase,
    from,
    delayMs: random.integer(0, longestMs[from]),
    fault,
    survives: fault !== null && isLogFault(fault) && random.next() < 0.6,
    alterTable: phase === 'load' && random.next() < 0.3,
  };
}

/** A log that has faults has them more often than its database: they are what is new about it. */
function planFault(random: Random, { server, log, chosen }: Faults): PlannedKill['fault'] {
  if (chosen !== undefined) return random.next() < 0.8 ? chosen : null;
  if (log.length > 0 && random.next() < 0.5) return random.pick(log);
  return random.next() < 0.25 ? random.pick(server) : null;
}
