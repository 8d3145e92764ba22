import { spawn } from 'node:child_process';

/** What a program took from its start to its end. */
export interface ProgramTimes {
  readonly seconds: number;
  /** User and system time. */
  readonly cpuSeconds: number;
}

/** The shell that waits for the program tells its CPU time on the last line. */
const TIMED = 'TIMEFORMAT="%U %S"; time "$0" "$@"';

/** Runs a program to its end; what it prints is thrown away. */
export function timeProgram(
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramTimes> {
  const startedMs = performance.now();
  const child = spawn('bash', ['-c', TIMED, program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const times = /(\d+\.\d+) (\d+\.\d+)\n$/.exec(errors);
      if (code !== 0 || times === null) reject(new Error(`${program} ended with ${code}: ${errors.trim()}`));
      else {
        const seconds = (performance.now() - startedMs) / 1000;
        resolve({ seconds, cpuSeconds: Number(times[1]) + Number(times[2]) });
      }
    });
  });
}
