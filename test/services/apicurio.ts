import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../src/cli/demo/postgres-server.ts';
import { ensureDebianPackages, Unavailable } from './debian.ts';
import { adopt, cacheFolder } from './unpacked-debian.ts';

/** A schema registry with Confluent's API, that this process started and will end. */
export interface TestRegistry extends AsyncDisposable {
  /** Base of Confluent's API. */
  readonly url: string;
  /** The last lines that it wrote. */
  log(): string;
}

const VERSION = '3.0.9';
const ARTIFACT = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`;
const host = '127.0.0.1';
/** It takes about 8 s on two idle cores. */
const START_MS = 300_000;
const LOG_CHARS = 16 * 1024;

/**
 * Apicurio Registry in memory; its schemas end with it.
 * @throws Unavailable where there is no Java 17 or Maven and none can be installed, or the registry cannot be had.
 */
export async function startApicurio(): Promise<TestRegistry> {
  const folder = await fetchApicurio();
  const [port, managementPort] = [await freePort(), await freePort()];
  const jvm = spawn('java', ['-Xmx512m', '-XX:+UseSerialGC', '-jar', `apicurio-registry-app-${VERSION}-runner.jar`], {
    cwd: folder,
    env: {
      ...process.env,
      QUARKUS_HTTP_HOST: host,
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_MANAGEMENT_HOST: host,
      QUARKUS_MANAGEMENT_PORT: String(managementPort),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [jvm.stdout, jvm.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_CHARS);
    });
  }
  const closed = new Promise<void>((resolve) => jvm.once('close', () => resolve()));
  const killAtExit = (): void => void jvm.kill('SIGKILL');
  process.on('exit', killAtExit);
  const stop = async (): Promise<void> => {
    jvm.kill('SIGKILL');
    await closed;
    process.off('exit', killAtExit);
  };
  const url = `http://${host}:${port}/apis/ccompat/v7`;
  const deadline = Date.now() + START_MS;
  while (!(await answers(`${url}/subjects`))) {
    if (jvm.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`Apicurio did not start:\n${log}`);
    }
    await sleep(200);
  }
  return { url, log: () => log, [Symbol.asyncDispose]: stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** Its runner and libraries, in a folder of the machine's cache. */
async function fetchApicurio(): Promise<string> {
  ensureDebianPackages(['openjdk-17-jdk-headless'], '/usr/bin/java');
  const folder = join(cacheFolder(), `apicurio-registry-${VERSION}`);
  if (existsSync(folder)) return folder;
  ensureDebianPackages(['maven'], '/usr/bin/mvn');
  const run = promisify(execFile);
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await run('mvn', ['-q', '-B', 'dependency:get', `-Dartifact=${ARTIFACT}`, '-Dtransitive=false']);
    await run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${unfinished}`]);
    const archive = join(unfinished, `apicurio-registry-app-${VERSION}-all.tar.gz`);
    await run('tar', ['-xzf', archive, '-C', unfinished]);
    rmSync(archive);
    adopt(unfinished, folder);
  } catch (cause) {
    throw new Unavailable('Apicurio Registry could not be fetched from Maven Central', { cause });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
