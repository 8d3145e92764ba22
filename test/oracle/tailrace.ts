import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseConnectorConfig } from '../../src/config/connector.ts';
import { openSqliteLog, type SqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { Append } from '../../src/model/log.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { Scrubber } from '../../src/observe/scrubber.ts';
import { decodeRecords } from '../../src/pipeline/decode-records.ts';
import { runConnectors } from '../../src/worker.ts';
import type { OracleEngine, OracleEngineOptions, OracleRecord } from './oracle.ts';

/** Where a connector's log lies while its scenario stops and starts it: beside the offset file it was given. */
const LOG_SUFFIX = '.tailrace.db';

/** What a source keeps for itself, which Debezium keeps in files or not at all. */
const STATE_TOPIC = /\.(schema-history|prepared-transactions)$/;

/** Starts tailrace as the oracle starts Debezium: the same properties, in this process, into an embedded log. */
export function startTailrace(plan: 'compiled' | 'structured'): (options: OracleEngineOptions) => OracleEngine {
  return (options) => new TailraceEngine(options, plan);
}

class TailraceEngine implements OracleEngine {
  readonly records: OracleRecord[] = [];
  readonly ended: Promise<string | null>;
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<() => void>();

  constructor(options: OracleEngineOptions, plan: 'compiled' | 'structured') {
    this.ended = this.#run(options, plan).finally(() => this.#wake());
  }

  async #run({ props, schemasEnable }: OracleEngineOptions, plan: 'compiled' | 'structured'): Promise<string | null> {
    const { 'offset.storage': _, 'offset.storage.file.filename': offsets, ...keys } = props;
    const folder = offsets === undefined ? mkdtempSync(join(tmpdir(), 'tailrace-oracle-')) : null;
    const path = resolve(folder === null ? `${offsets}${LOG_SUFFIX}` : join(folder, `log${LOG_SUFFIX}`));
    const { config, errors } = parseConnectorConfig({
      name: props['topic.prefix'] ?? 'oracle',
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      ...keys,
      'key.converter.schemas.enable': String(schemasEnable),
      'value.converter.schemas.enable': String(schemasEnable),
      'tailrace.log.path': path,
      'tailrace.http.listen': 'off',
    });
    if (config === null) return errors.map(({ key, message }) => `${key} ${message}`).join('; ');
    const log = openSqliteLog({ path, partitions: config['tailrace.log.partitions'] });
    try {
      await runConnectors([config], {
        logger: createLogger({
          level: process.env.LOG_LEVEL ?? 'silent',
          target: process.stderr,
          scrubber: new Scrubber(),
          color: false,
        }),
        signal: this.#stopping.signal,
        logs: new Map([[path, this.#recording(log)]]),
        plan,
      });
      return null;
    } catch (error) {
      return error instanceof TailraceError ? `${error.code}: ${error.message}` : String((error as Error).stack);
    } finally {
      await log.close();
      if (folder !== null) rmSync(folder, { recursive: true });
    }
  }

  /** The log itself, every append of which is also kept here in a readable form. */
  #recording(log: SqliteLog): SqliteLog {
    const append = async (request: Append): Promise<void> => {
      const records = request.records.flatMap((part) => decodeRecords(part, 0, request.timestampMs));
      await log.append(request);
      for (const { topic, partition, key, value, headers } of records) {
        if (STATE_TOPIC.test(topic)) continue;
        this.records.push({
          topic,
          partition,
          key: key?.toString() ?? null,
          value: value?.toString() ?? null,
          headers: headers.map((header) => ({
            key: header.key,
            value: header.value === null ? null : Buffer.from(header.value).toString(),
          })),
          sourceOffset: JSON.stringify(request.offset),
        });
      }
      this.#wake();
    };
    return new Proxy(log, {
      get(target, name) {
        if (name === 'append') return append;
        const member = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  async waitFor(predicate: (records: readonly OracleRecord[]) => boolean, idleMs = 20_000): Promise<void> {
    while (!predicate(this.records)) {
      const { promise, resolve: wake } = Promise.withResolvers<'woken' | 'idle'>();
      const timer = setTimeout(wake, idleMs, 'idle');
      const woken = (): void => wake('woken');
      this.#waiting.add(woken);
      const outcome = await promise;
      clearTimeout(timer);
      this.#waiting.delete(woken);
      if (outcome === 'idle') throw new Error(`${this.records.length} records came and then nothing for ${idleMs} ms`);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.ended;
  }
}
