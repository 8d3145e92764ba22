import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const MUTANT_HOOK = new URL('./mutant-hook.ts', import.meta.url).href;

/** What is kept of a child's output for the report of a failure. */
const OUTPUT_TAIL = 4000;

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One `tailrace run` process, as an operator would start it. */
export class TailraceChild {
  readonly #process: ChildProcess;
  readonly startedMs = performance.now();
  readonly exited: Promise<ChildExit>;
  #exit: ChildExit | null = null;
  #output = '';

  constructor(configFiles: readonly string[], mutant: Mutant | null) {
    const hook = mutant === null ? [] : ['--import', MUTANT_HOOK];
    this.#process = spawn(process.execPath, [...hook, MAIN, 'run', ...configFiles], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(mutant === null ? {} : { TAILRACE_MUTANT: mutant }) },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_TAIL);
      });
    }
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Null while it runs. */
  get exit(): ChildExit | null {
    return this.#exit;
  }

  /** The last lines it wrote. */
  get output(): string {
    return this.#output;
  }

  /** It lives, but does nothing for so long. */
  async freeze(ms: number): Promise<void> {
    this.#process.kill('SIGSTOP');
    await sleep(ms);
    this.#process.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exited;
  }

  /** An orderly stop, as a service manager asks for it. */
  async stop(): Promise<ChildExit> {
    this.#process.kill('SIGTERM');
    return this.exited;
  }
}
