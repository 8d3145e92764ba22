import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../../src/cli/demo/postgres-server.ts';
import { adopt, type DebianTree } from './unpacked-debian.ts';

/** Server settings by option name; true is an option without a value, false leaves out one of the defaults. */
export type MysqldSettings = Readonly<Record<string, string | boolean>>;

export interface TestMysqldOptions {
  /** Laid over the defaults, e.g. `{ 'binlog-format': 'STATEMENT' }`. They hold until a restart is given others. */
  readonly settings?: MysqldSettings;
  /** Folder of the server, kept on disposal; without it a temporary one, removed on disposal. */
  readonly dir?: string;
}

/** A MySQL or MariaDB server that this process started and will end. */
export interface TestMysqld {
  /** Connection URL of the superuser, who may come from any host, password included: never print it. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly tree: DebianTree;
  /** The last lines that the server wrote to its standard error. */
  log(): string;
  /** Orderly shutdown. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
  /** Stops the server if it runs and starts it again on the same port and data, with `settings` laid over the ones before. */
  restart(settings?: MysqldSettings): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What differs between the two families. */
export interface MysqldProgram {
  readonly tree: DebianTree;
  /** Path of the server in the tree. */
  readonly server: string;
  /** Options that name places in the tree. */
  readonly places: MysqldSettings;
  readonly defaults: MysqldSettings;
  /** Creates the system tables in `dataDir`, and runs `accountSql` there: one statement a line. */
  initialise(dataDir: string, accountSql: string): void;
}

const user = 'root';
const host = '127.0.0.1';
/** An orderly shutdown takes a fraction of a second; a stuck one must not hold the test run. */
const shutdownMs = 20_000;
const logTailChars = 64 * 1024;

/** Defaults of both families: a binlog source's server, that writes to disk no more than a SIGKILL asks for. */
const commonDefaults: MysqldSettings = {
  'bind-address': host,
  'skip-name-resolve': true,
  'log-bin': 'binlog',
  'server-id': '1',
  'binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'binlog-row-metadata': 'FULL',
  'default-time-zone': '+00:00',
  'innodb-buffer-pool-size': '64M',
  'innodb-flush-log-at-trx-commit': '2',
  'sync-binlog': '0',
  'max-connections': '200',
};

/**
 * Starts a server on a free port with a copy of a data folder that is initialised once a machine. It ends with this
 * process, however that ends.
 * @throws Error with the server's own last words when it does not start.
 */
export async function startMysqld(program: MysqldProgram, options: TestMysqldOptions): Promise<TestMysqld> {
  const port = await freePort();
  const template = ensureTemplate(program);
  // From here until the server has its guard nothing is awaited: the exit of a signal handler would leave the folder behind.
  const dir = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'tailrace-my-')) : resolve(options.dir);
  const dataDir = join(dir, 'data');
  if (!existsSync(dataDir))
    cpSync(join(template, 'data'), dataDir, { recursive: true, mode: constants.COPYFILE_FICLONE });
  mkdirSync(join(dir, 'tmp'), { recursive: true });
  const password = readFileSync(join(template, 'password'), 'utf8').trim();
  const server = new Mysqld({ program, dir, dataDir, port, temporary: options.dir === undefined });
  await server.start(options.settings ?? {});
  return {
    url: `mysql://${user}:${password}@${host}:${port}/`,
    host,
    port,
    user,
    password,
    dataDir,
    socketPath: server.socketPath,
    tree: program.tree,
    log: () => server.log(),
    stop: () => server.stop('SIGTERM'),
    kill: () => server.stop('SIGKILL'),
    restart: async (settings = {}) => {
      await server.stop('SIGTERM');
      await server.start(settings);
    },
    [Symbol.asyncDispose]: () => server.dispose(),
  };
}

export function formatSettings(settings: MysqldSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (value === false) return [];
    return value === true ? `--${name}` : `--${name}=${value}`;
  });
}

/** Runs a program of the tree to its end. @throws Error with what it wrote. */
export function runToEnd([program, ...args]: [string, ...string[]], input = ''): string {
  const ended = spawnSync(program, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (ended.status === 0) return ended.stdout;
  const words = ended.error?.message ?? `status ${ended.status}:\n${ended.stdout}${ended.stderr}`;
  throw new Error(`${program} ${args.join(' ')} failed: ${words}`);
}

/** Initialising takes seconds, a copy of the result a fraction of one. */
function ensureTemplate(program: MysqldProgram): string {
  const template = join(program.tree.cacheDir, 'template');
  if (existsSync(template)) return template;
  const unfinished = `${template}.${process.pid}`;
  try {
    mkdirSync(join(unfinished, 'data'), { recursive: true });
    const password = randomBytes(16).toString('hex');
    writeFileSync(join(unfinished, 'password'), `${password}\n`, { mode: 0o600 });
    program.initialise(
      join(unfinished, 'data'),
      [
        'FLUSH PRIVILEGES;',
        `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';`,
        `GRANT ALL ON *.* TO '${user}'@'%' WITH GRANT OPTION;`,
        '',
      ].join('\n'),
    );
    // It holds the server's UUID: each copy makes one of its own.
    rmSync(join(unfinished, 'data', 'auto.cnf'), { force: true });
    adopt(unfinished, template);
    return template;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

interface MysqldFolders {
  readonly program: MysqldProgram;
  readonly dir: string;
  readonly dataDir: string;
  readonly port: number;
  readonly temporary: boolean;
}

class Mysqld {
  readonly #folders: MysqldFolders;
  readonly socketPath: string;
  #settings: MysqldSettings = {};
  #process: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #guard: ChildProcess | null = null;
  #log = '';

  constructor(folders: MysqldFolders) {
    this.#folders = folders;
    this.socketPath = join(folders.dir, 'socket');
  }

  log(): string {
    return this.#log;
  }

  start(settings: MysqldSettings): Promise<void> {
    const { program, dir, dataDir, port, temporary } = this.#folders;
    this.#settings = { ...this.#settings, ...settings };
    const all = {
      ...program.places,
      ...rootUser(),
      datadir: dataDir,
      // A starting MariaDB deletes every temporary table's file that it finds there, also another server's.
      tmpdir: join(dir, 'tmp'),
      port: String(port),
      socket: this.socketPath,
      'pid-file': join(dir, 'pid'),
      ...commonDefaults,
      ...program.defaults,
      ...this.#settings,
    };
    const [path, ...args] = program.tree.command(program.server, '--no-defaults', ...formatSettings(all));
    this.#log = '';
    // A process group of its own: the terminal's Ctrl-C is for us, and we end the server in order.
    const server = spawn(path, args, { cwd: dir, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = server;
    if (server.pid !== undefined) this.#guard = guard(server.pid, temporary ? dir : '');
    return new Promise((ready, failed) => {
      server.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-logTailChars);
        if (!/ready for connections\..*port: [1-9]/s.test(this.#log)) return;
        // From here on the server keeps nobody's event loop alive.
        hold(server, false);
        ready();
      });
      this.#exited = new Promise((exited) => {
        server.once('error', (cause) => {
          failed(new Error(`${program.server} could not be run from ${program.tree.root}`, { cause }));
          exited();
        });
        server.once('close', (code) => {
          if (this.#process === server) this.#process = null;
          this.#guard?.kill('SIGKILL');
          failed(new Error(`${program.server} ended with code ${code} before it was ready:\n${this.#log}`));
          exited();
        });
      });
    });
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const server = this.#process;
    if (server === null) return this.#exited;
    hold(server, true);
    server.kill(signal);
    const impatience = setTimeout(() => server.kill('SIGKILL'), shutdownMs);
    await this.#exited;
    clearTimeout(impatience);
  }

  async dispose(): Promise<void> {
    const { dir, temporary } = this.#folders;
    // Nobody will read what a temporary server still has in memory.
    await this.stop(temporary ? 'SIGKILL' : 'SIGTERM');
    if (temporary) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Both servers refuse to run as root unless they are told to. */
export function rootUser(): MysqldSettings {
  return process.getuid?.() === 0 ? { user: 'root' } : {};
}

function hold(child: ChildProcess, alive: boolean): void {
  const stderr = child.stderr as Socket | null;
  if (alive) {
    child.ref();
    stderr?.ref();
  } else {
    child.unref();
    stderr?.unref();
  }
}

/** Waits for the end of its input, ends the server $0, and when that is gone removes the folder $1, if it has one. */
const guardScript = `read _; [ -z "$1" ] && kill -TERM "$0" || kill -KILL "$0"; n=0; while kill -0 "$0" && [ $n -lt 200 ]; do sleep 0.1; n=$((n+1)); done; [ -z "$1" ] || rm -rf "$1"`;

/** A shell that outlives us, also when we end by SIGKILL: its input is a pipe that only we hold open. */
function guard(pid: number, temporaryDir: string): ChildProcess {
  const shell = spawn('sh', ['-c', guardScript, String(pid), temporaryDir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  (shell.stdin as Socket | null)?.unref();
  return shell;
}
