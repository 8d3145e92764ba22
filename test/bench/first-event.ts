import type { TestPostgres } from '../services/postgres.ts';
import { connectorOf, createSlot, withDatabase } from './scene.ts';
import { median } from './statistics.ts';
import { MeasuredRun } from './tailrace.ts';
import { createOrderLines, orderLineValues, PUBLICATION } from './workload.ts';

const DATABASE = 'bench_first_event';
const SLOT = 'bench_first_event';

/** Milliseconds from the start of `tailrace run`, on a slot and a log that exist, to a waiting change being durable in the log. */
export async function measureFirstEvent(server: TestPostgres, repeats: number): Promise<number> {
  return withDatabase(server, DATABASE, async (client) => {
    await createOrderLines(client);
    await createSlot(client, SLOT);
    const config = connectorOf(server, { database: DATABASE, slot: SLOT, publication: PUBLICATION });
    let first: MeasuredRun | null = null;
    const times: number[] = [];
    try {
      for (let i = 0; i <= repeats; i++) {
        await client.query(`INSERT INTO order_lines SELECT ${orderLineValues(`${10_000_000 + i}::bigint`)}`);
        const run: MeasuredRun = new MeasuredRun({ config, ...(first === null ? {} : { logPath: first.logPath }) });
        const { seconds } = await run.until(i + 1);
        await run.stop();
        if (first === null) first = run;
        else {
          times.push(seconds * 1000);
          run.remove();
        }
      }
    } finally {
      first?.remove();
    }
    return median(times);
  });
}
