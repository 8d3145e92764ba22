import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A Postgres server that this process started and will end. */
export interface PostgresServer {
  /** Connection URL of the superuser, password included: never print it. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly dataDir: string;
  /** The last lines that the server wrote to its standard error. */
  log(): string;
  /** Fast shutdown; becomes an immediate one when a client keeps the server from ending. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster and all its backends, as a power cut would. Linux only. */
  kill(): Promise<void>;
  /** Stops the server if it runs and starts it again on the same port and data. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface StartOptions {
  /** Folder that holds `initdb` and `postgres`. */
  readonly binDir: string;
  /** Folder of the cluster, kept on disposal; without it a temporary one, removed on disposal. */
  readonly dir?: string;
  /** A free port when absent. */
  readonly port?: number;
  /** Server settings, laid over the defaults of logical replication. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines for the top of pg_hba.conf, before the ones that initdb writes. */
  readonly hba?: readonly string[];
}

const superuser = 'postgres';
const host = '127.0.0.1';
/** A client that reads nothing keeps a fast shutdown waiting for ever: the walsender must first send it everything. */
const fastShutdownMs = 5_000;
const logTailBytes = 64 * 1024;

/** PostgreSQL refuses to run as root: root lends it the user postgres, or nobody. Null: run as we are. */
export function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = users.find((user) => user.startsWith('postgres:')) ?? users.find((user) => user.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error('PostgreSQL does not run as root, and /etc/passwd has neither postgres nor nobody to run it as');
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** A TCP port on the loopback interface that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => resolvePort(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/**
 * Starts a Postgres server ready for logical replication: creates the cluster when the folder has none, listens on the
 * loopback interface and on a socket in its folder. The server ends with this process, however that ends.
 * @throws Error with the server's own last words when it does not start.
 */
export async function startPostgresServer(options: StartOptions): Promise<PostgresServer> {
  const owner = serverUser();
  const port = options.port ?? (await freePort());
  // From here until the server has its guard nothing is awaited: the exit of a signal handler would leave the folder behind.
  const dir = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'tailrace-pg-')) : resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  if (owner !== null) chownSync(dir, owner.uid, owner.gid);
  const dataDir = join(dir, 'data');
  let password: string;
  try {
    password = initialise({ binDir: options.binDir, dir, dataDir, owner, hba: options.hba ?? [] });
  } catch (error) {
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  const settings = {
    listen_addresses: host,
    port: String(port),
    unix_socket_directories: dir,
    wal_level: 'logical',
    max_wal_senders: '40',
    max_replication_slots: '40',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...options.settings,
  };
  const cluster = new Cluster({
    binDir: options.binDir,
    dir,
    dataDir,
    owner,
    settings,
    temporary: options.dir === undefined,
  });
  await cluster.start();
  return {
    url: `postgresql://${superuser}:${password}@${host}:${port}/postgres`,
    host,
    port,
    user: superuser,
    password,
    dataDir,
    log: () => cluster.log(),
    stop: () => cluster.stop(),
    kill: () => cluster.kill(),
    restart: async () => {
      await cluster.stop();
      await cluster.start();
    },
    [Symbol.asyncDispose]: () => cluster.dispose(),
  };
}

type Owner = { readonly uid: number; readonly gid: number } | null;

function initialise(cluster: {
  binDir: string;
  dir: string;
  dataDir: string;
  owner: Owner;
  hba: readonly string[];
}): string {
  const passwordFile = join(cluster.dir, 'password');
  if (existsSync(join(cluster.dataDir, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8').trim();
  const password = randomBytes(16).toString('hex');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (cluster.owner !== null) chownSync(passwordFile, cluster.owner.uid, cluster.owner.gid);
  mkdirSync(cluster.dataDir, { recursive: true, mode: 0o700 });
  if (cluster.owner !== null) chownSync(cluster.dataDir, cluster.owner.uid, cluster.owner.gid);
  const initdb = spawnSync(
    join(cluster.binDir, 'initdb'),
    [
      '-D',
      cluster.dataDir,
      '-U',
      superuser,
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ].concat(['--auth-local=trust', '--auth-host=scram-sha-256']),
    { ...cluster.owner, cwd: cluster.dir, encoding: 'utf8' },
  );
  if (initdb.error) throw new Error(`initdb could not be run from ${cluster.binDir}`, { cause: initdb.error });
  if (initdb.status !== 0) throw new Error(`initdb failed in ${cluster.dataDir}:\n${initdb.stdout}${initdb.stderr}`);
  const hbaFile = join(cluster.dataDir, 'pg_hba.conf');
  writeFileSync(hbaFile, `${cluster.hba.join('\n')}\n${readFileSync(hbaFile, 'utf8')}`);
  return password;
}

interface ClusterOptions {
  readonly binDir: string;
  readonly dir: string;
  readonly dataDir: string;
  readonly owner: Owner;
  readonly settings: Readonly<Record<string, string>>;
  readonly temporary: boolean;
}

class Cluster {
  readonly #options: ClusterOptions;
  #postmaster: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #log = '';
  #guard: ChildProcess | null = null;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  log(): string {
    return this.#log;
  }

  start(): Promise<void> {
    const { binDir, dir, dataDir, owner, settings } = this.#options;
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#log = '';
    // A process group of its own: the terminal's Ctrl-C is for us, and we end the server in order.
    const postmaster = spawn(join(binDir, 'postgres'), ['-D', dataDir, ...args], {
      ...owner,
      cwd: dir,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#postmaster = postmaster;
    if (postmaster.pid !== undefined) this.#guard = guard(postmaster.pid, this.#options);
    return new Promise((ready, failed) => {
      postmaster.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-logTailBytes);
        if (!this.#log.includes('database system is ready to accept connections')) return;
        // From here on the server keeps nobody's event loop alive.
        hold(postmaster, false);
        ready();
      });
      this.#exited = new Promise((exited) => {
        postmaster.once('error', (cause) => {
          failed(new Error(`postgres could not be run from ${binDir}`, { cause }));
          exited();
        });
        postmaster.once('close', (code) => {
          if (this.#postmaster === postmaster) this.#postmaster = null;
          this.#guard?.kill('SIGKILL');
          failed(new Error(`Postgres in ${dataDir} ended with code ${code} before it was ready:\n${this.#log}`));
          exited();
        });
      });
    });
  }

  async stop(): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster === null) return this.#exited;
    hold(postmaster, true);
    postmaster.kill('SIGINT');
    const impatience = setTimeout(() => postmaster.kill('SIGQUIT'), fastShutdownMs);
    await this.#exited;
    clearTimeout(impatience);
  }

  async kill(): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster?.pid === undefined) return this.#exited;
    hold(postmaster, true);
    const backends = childrenOf(postmaster.pid);
    for (const pid of [postmaster.pid, ...backends]) killNow(pid);
    await this.#exited;
    // A backend that is still dying holds the shared memory, and the next postmaster would refuse to start.
    while (backends.some(isRunning)) await new Promise((wake) => setTimeout(wake, 5));
  }

  async dispose(): Promise<void> {
    await this.stop();
    if (this.#options.temporary) await rm(this.#options.dir, { recursive: true, force: true, maxRetries: 5 });
  }
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
const guardScript = `read _; kill -QUIT "$0"; n=0; while kill -0 "$0" && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done; [ -z "$1" ] || rm -rf "$1"`;

/** A shell that outlives us, also when we end by SIGKILL: its input is a pipe that only we hold open. */
function guard(pid: number, cluster: { readonly dir: string; readonly temporary: boolean }): ChildProcess {
  const shell = spawn('sh', ['-c', guardScript, String(pid), cluster.temporary ? cluster.dir : ''], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  (shell.stdin as Socket | null)?.unref();
  return shell;
}

/** From `pid (command) state ppid ...`; the command may hold spaces and parentheses. Null when the process is gone. */
function processState(pid: number): { code: string; parent: number } | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [code = '', parent] = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return { code, parent: Number(parent) };
  } catch {
    return null;
  }
}

/** Linux only. */
function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => processState(pid)?.parent === parent);
}

function isRunning(pid: number): boolean {
  const state = processState(pid);
  return state !== null && state.code !== 'Z';
}

/** Ends a process that may be gone already. */
function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
