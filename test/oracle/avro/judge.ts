import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureDebianPackages, Unavailable } from '../../services/debian.ts';
import { adopt, cacheFolder } from '../../services/unpacked-debian.ts';
import { fetchJars } from '../oracle.ts';

export type Judgement = { readonly avro: string; readonly hex: string } | { readonly error: string };

/** Apicurio's converter, whose AvroData is a copy of Confluent's (which is not on Maven Central), and Avro itself. */
const ARTIFACTS = ['io.apicurio:apicurio-registry-utils-converter:3.0.9', 'org.apache.avro:avro:1.12.0'];

/**
 * What AvroData makes of Connect records, each given as JsonConverter writes it with its schema.
 * @throws Unavailable without Java 17, Maven, or the jars.
 */
export async function judgeAvro(
  records: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly Judgement[]> {
  const [own, connect] = await Promise.all([fetchAvroJars(), fetchJars('postgres-mysql')]);
  const classPath = [join(own, '*'), join(connect, '*')].join(':');
  const args = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const jvm = spawn('java', ['-cp', classPath, join(import.meta.dirname, 'AvroJudge.java'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let answers = '';
  let complaints = '';
  jvm.stdout.setEncoding('utf8').on('data', (text: string) => {
    answers += text;
  });
  jvm.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const closed = new Promise((resolve, reject) => jvm.once('close', resolve).once('error', reject));
  jvm.stdin.end(records.map((record) => `${record}\n`).join(''));
  await closed;
  const lines = answers.split('\n').slice(0, -1);
  if (lines.length !== records.length)
    throw new Error(`${lines.length} answers to ${records.length} records: ${complaints}`);
  return lines.map((line) => JSON.parse(line) as Judgement);
}

async function fetchAvroJars(): Promise<string> {
  ensureDebianPackages(['openjdk-17-jdk-headless', 'maven'], '/usr/bin/mvn');
  const folder = join(cacheFolder(), 'avro-judge-3.0.9-1.12.0');
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    for (const artifact of ARTIFACTS) {
      // Without what they need: Connect and Jackson are among the oracle's jars, and the converter's parent is not to be had.
      await mvn('dependency:get', `-Dartifact=${artifact}`, '-Dtransitive=false');
      await mvn('dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${unfinished}`);
    }
    adopt(unfinished, folder);
  } catch (cause) {
    throw new Unavailable('the jars of the Avro judge could not be fetched from Maven Central', { cause });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

async function mvn(...args: string[]): Promise<void> {
  await promisify(execFile)('mvn', ['-q', '-B', ...args]);
}
