import type { TestPostgres } from '../services/postgres.ts';
import { timePgRecvlogical } from './postgres-programs.ts';
import { connectorOf, createSlot, walEnd, withDatabase } from './scene.ts';
import { median } from './statistics.ts';
import { MeasuredRun, type Usage } from './tailrace.ts';
import type { ProgramTimes } from './time-program.ts';
import { createOrderLines, PUBLICATION, recordsOfMixedChanges, writeMixedChanges } from './workload.ts';

export interface StreamFigures {
  readonly pgRecvlogical: ProgramTimes;
  readonly plain: Usage;
  /** With `schemas.enable` in keys and values; null when not asked for. */
  readonly schemas: Usage | null;
}

export interface StreamOptions {
  readonly changes: number;
  readonly repeats: number;
  readonly schemas: boolean;
  readonly nodeArgs: readonly string[];
}

const DATABASE = 'bench_stream';
const SCHEMAS_ON = { 'key.converter.schemas.enable': 'true', 'value.converter.schemas.enable': 'true' };

/**
 * The same WAL is read by pg_recvlogical into /dev/null and by tailrace into its log, in turns, each over a slot of its
 * own that was made before the load. Both count from the start of the process, tailrace until its log holds everything.
 */
export async function measureStream(server: TestPostgres, options: StreamOptions): Promise<StreamFigures> {
  const { changes, repeats, schemas, nodeArgs } = options;
  return withDatabase(server, DATABASE, async (client) => {
    await createOrderLines(client);
    const runs = Array.from({ length: repeats }, (_, i) => i);
    for (const i of runs) {
      for (const reader of ['reference', 'plain', 'schemas']) await createSlot(client, `${reader}_${i}`);
    }
    await writeMixedChanges(client, changes);
    const endLsn = await walEnd(client);
    const tailrace = async (slot: string, config: Record<string, string>): Promise<Usage> => {
      const run = new MeasuredRun({
        config: { ...connectorOf(server, { database: DATABASE, slot, publication: PUBLICATION }), ...config },
        nodeArgs,
      });
      try {
        return await run.until(recordsOfMixedChanges(changes));
      } finally {
        await run.stop();
        run.remove();
      }
    };
    const reference: ProgramTimes[] = [];
    const plain: Usage[] = [];
    const withSchemas: Usage[] = [];
    for (const i of runs) {
      const slot = `reference_${i}`;
      reference.push(await timePgRecvlogical(server, { database: DATABASE, slot, publication: PUBLICATION, endLsn }));
      plain.push(await tailrace(`plain_${i}`, {}));
      if (schemas) withSchemas.push(await tailrace(`schemas_${i}`, SCHEMAS_ON));
    }
    return {
      pgRecvlogical: {
        seconds: median(reference.map(({ seconds }) => seconds)),
        cpuSeconds: median(reference.map(({ cpuSeconds }) => cpuSeconds)),
      },
      plain: medianUsage(plain),
      schemas: schemas ? medianUsage(withSchemas) : null,
    };
  });
}

/** Each figure's own median, and the worst peak. */
export function medianUsage(usages: readonly Usage[]): Usage {
  const of = (pick: (usage: Usage) => number) => median(usages.map(pick));
  return {
    seconds: of((usage) => usage.seconds),
    secondsSinceFirst: of((usage) => usage.secondsSinceFirst),
    cpuSeconds: of((usage) => usage.cpuSeconds),
    peakRssMb: Math.max(...usages.map((usage) => usage.peakRssMb)),
  };
}
