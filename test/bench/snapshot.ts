import type { TestPostgres } from '../services/postgres.ts';
import { timePsqlCopy } from './postgres-programs.ts';
import { connectorOf, connectTo, withDatabase } from './scene.ts';
import { median } from './statistics.ts';
import { medianUsage } from './stream.ts';
import { MeasuredRun, type Usage } from './tailrace.ts';
import { fillOrderLines, PUBLICATION } from './workload.ts';

export interface SnapshotFigures {
  readonly copySeconds: number;
  /** `secondsSinceFirst` is the snapshot itself: from its first batch to its last being durable. */
  readonly tailrace: Usage;
}

const DATABASE = 'bench_snapshot';
const SLOT = 'bench_snapshot';

/** The same rows by `psql -c "COPY ..."` to /dev/null and by a snapshot into the log, in turns. */
export async function measureSnapshot(
  server: TestPostgres,
  options: { rows: number; repeats: number; nodeArgs: readonly string[] },
): Promise<SnapshotFigures> {
  const { rows, repeats, nodeArgs } = options;
  return withDatabase(server, DATABASE, async (client) => {
    await fillOrderLines(client, 'order_lines', rows);
    await client.query(`CREATE PUBLICATION ${PUBLICATION} FOR TABLE order_lines`);
    await client.query('VACUUM (FREEZE, ANALYZE) order_lines');
    const copies: number[] = [];
    const usages: Usage[] = [];
    for (let i = 0; i < repeats; i++) {
      const copy = await timePsqlCopy(server, { database: DATABASE, query: 'SELECT * FROM order_lines' });
      copies.push(copy.seconds);
      const run = new MeasuredRun({
        config: {
          ...connectorOf(server, { database: DATABASE, slot: SLOT, publication: PUBLICATION }),
          'snapshot.mode': 'initial',
        },
        nodeArgs,
      });
      try {
        usages.push(await run.until(rows));
      } finally {
        await run.stop();
        run.remove();
      }
      await dropSlot(server, SLOT);
    }
    return { copySeconds: median(copies), tailrace: medianUsage(usages) };
  });
}

async function dropSlot(server: TestPostgres, slot: string): Promise<void> {
  const client = await connectTo(server, DATABASE);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query('SELECT pg_drop_replication_slot($1)', [slot]);
        return;
      } catch (error) {
        if (attempt === 100) throw error;
        await new Promise((wake) => setTimeout(wake, 50));
      }
    }
  } finally {
    await client.end();
  }
}
