import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';

const MAIN = resolve('src/main.ts');
/** A process that has not ended by itself then hangs: it is killed, and its outcome says so. */
const HANG_MS = 60_000;

export interface ProcessOutcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** `tailrace <args>` as an operator starts it. It ends with this process at the latest. */
export class TailraceProcess {
  readonly ended: Promise<ProcessOutcome>;
  readonly #child: ChildProcess;
  readonly #written = { stdout: '', stderr: '' };
  #waiters: (() => void)[] = [];
  #outcome: ProcessOutcome | null = null;

  constructor(args: readonly string[], { cwd, env = {} }: ProcessOptions = {}) {
    this.#child = spawn(process.execPath, [MAIN, ...args], {
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    const kill = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', kill);
    const hang = setTimeout(kill, HANG_MS);
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#written[name] += text;
        this.#wake();
      });
    }
    this.ended = new Promise((done, failed) => {
      this.#child.once('error', failed);
      this.#child.once('close', (exitCode) => {
        process.removeListener('exit', kill);
        clearTimeout(hang);
        this.#outcome = { exitCode, ...this.#written };
        this.#wake();
        done(this.#outcome);
      });
    });
  }

  get stderr(): string {
    return this.#written.stderr;
  }

  /** The first match of what it says on standard error after its first `from` characters. Rejects when it ends without that. */
  says(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return this.#match('stderr', pattern, from);
  }

  /** The same of its standard output. */
  writes(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#match('stdout', pattern, 0);
  }

  async #match(output: 'stdout' | 'stderr', pattern: RegExp, from: number): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#written[output].slice(from));
      if (match !== null) return match;
      if (this.#outcome !== null) throw new Error(`it ended without saying ${pattern}:\n${this.#outcome.stderr}`);
      await new Promise<void>((wake) => this.#waiters.push(wake));
    }
  }

  /** An orderly stop, as a service manager asks for it. */
  stop(): Promise<ProcessOutcome> {
    this.#child.kill('SIGTERM');
    return this.ended;
  }

  kill(): Promise<ProcessOutcome> {
    this.#child.kill('SIGKILL');
    return this.ended;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

export function tailrace(args: readonly string[], options: ProcessOptions = {}): Promise<ProcessOutcome> {
  return new TailraceProcess(args, options).ended;
}

/** A folder that goes with the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-cli-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type ConnectorKeys = Readonly<Record<string, string | number | boolean | null>>;

/** Writes a connector's configuration for the database of a URL, in a folder of its own under `folder`, and returns its path. */
export function writeConnector(folder: string, url: string, keys: ConnectorKeys & { readonly name: string }): string {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const own = join(folder, keys.name);
  mkdirSync(own, { recursive: true });
  const { name, ...rest } = keys;
  const database = pathname.slice(1);
  const config = {
    'database.hostname': hostname,
    'database.port': port,
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    ...(protocol === 'mysql:' ? { 'database.include.list': database } : postgresKeys(name, database)),
    'topic.prefix': 'p',
    'key.converter.schemas.enable': false,
    'value.converter.schemas.enable': false,
    'tailrace.log.path': join(own, 'log.tailrace.db'),
    'tailrace.http.listen': 'off',
    ...rest,
  };
  const path = join(own, `${name}.json`);
  writeFileSync(path, JSON.stringify({ name, config }, null, 2));
  return path;
}

function postgresKeys(name: string, database: string): ConnectorKeys {
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.dbname': database,
    'plugin.name': 'pgoutput',
    'slot.name': `s_${name}`,
    'publication.name': `p_${name}`,
    'publication.autocreate.mode': 'filtered',
  };
}
