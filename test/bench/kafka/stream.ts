import type { TestPostgres } from '../../services/postgres.ts';
import { timePgRecvlogical } from '../postgres-programs.ts';
import { createSlot, walEnd, withDatabase } from '../scene.ts';
import { median } from '../statistics.ts';
import { medianUsage } from '../stream.ts';
import type { Usage } from '../tailrace.ts';
import type { ProgramTimes } from '../time-program.ts';
import { createOrderLines, PUBLICATION, recordsOfMixedChanges, writeMixedChanges } from '../workload.ts';
import { type Engine, type KafkaScene, startPipe } from './engines.ts';
import { measurePipe } from './pipe.ts';

export interface KafkaStreamOptions {
  readonly changes: number;
  readonly repeats: number;
  readonly engines: readonly Engine[];
  readonly nodeArgs: readonly string[];
}

export interface KafkaStreamFigures {
  readonly pgRecvlogical: ProgramTimes;
  readonly usages: ReadonlyMap<Engine, Usage>;
}

const DATABASE = 'bench_kafka_stream';

/**
 * The same WAL is read by pg_recvlogical into /dev/null and by each engine into a topic of its own, in turns, each over a
 * slot of its own that was made before the load.
 */
export async function measureKafkaStream(
  scene: KafkaScene,
  server: TestPostgres,
  { changes, repeats, engines, nodeArgs }: KafkaStreamOptions,
): Promise<KafkaStreamFigures> {
  return withDatabase(server, DATABASE, async (client) => {
    await createOrderLines(client);
    const names = (i: number): [Engine, string][] =>
      engines.map((engine) => [engine, `${engine.replaceAll('-', '_')}_${i}`]);
    for (let i = 0; i < repeats; i++) {
      for (const slot of [`reference_${i}`, ...names(i).map(([, name]) => name)]) await createSlot(client, slot);
    }
    await writeMixedChanges(client, changes);
    const endLsn = await walEnd(client);
    const reference: ProgramTimes[] = [];
    const usages = new Map<Engine, Usage[]>(engines.map((engine) => [engine, []]));
    for (let i = 0; i < repeats; i++) {
      const slot = `reference_${i}`;
      reference.push(await timePgRecvlogical(server, { database: DATABASE, slot, publication: PUBLICATION, endLsn }));
      for (const [engine, name] of names(i)) {
        const topic = `${name}.public.order_lines`;
        await scene.createTopic(topic);
        {
          await using pipe = await startPipe(engine, { scene, server, database: DATABASE, name, nodeArgs });
          usages.get(engine)!.push(await measurePipe(pipe, scene.broker, topic, recordsOfMixedChanges(changes)));
        }
        await scene.deleteTopic(topic);
      }
    }
    return {
      pgRecvlogical: {
        seconds: median(reference.map(({ seconds }) => seconds)),
        cpuSeconds: median(reference.map(({ cpuSeconds }) => cpuSeconds)),
      },
      usages: new Map([...usages].map(([engine, all]) => [engine, medianUsage(all)])),
    };
  });
}
