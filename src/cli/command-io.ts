import type { Environment } from '../config/config-providers.ts';
import type { Scrubber } from '../observe/scrubber.ts';

/** A stream that a person or a program reads. */
export interface Output {
  readonly isTTY: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
  /** Resolves when more can be written: awaiting it keeps a slow reader from filling our memory. */
  write(text: string): void | Promise<void>;
}

/** The world as a command sees it. */
export interface CommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Everything that is written to `stderr` has passed it. */
  readonly scrubber: Scrubber;
  /** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. Until it is called they end it by themselves. */
  interruption(): AbortSignal;
}

/** Whether to colour: NO_COLOR and FORCE_COLOR as no-color.org and Node have them, else whether a terminal reads. */
export function usesColor(output: Output, env: Environment): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return true;
  return output.isTTY && env.TERM !== 'dumb';
}
