import type { TestPostgres } from '../services/postgres.ts';
import { connectorOf, createSlot, withDatabase } from './scene.ts';
import { MeasuredRun } from './tailrace.ts';
import { fillOrderLines, orderLineValues, PUBLICATION } from './workload.ts';

export interface MemoryFigures {
  /** MB of 10^6 bytes, the most that the process held. */
  readonly bigTransactionPeakRssMb: number;
  readonly manyTablesPeakRssMb: number;
}

const DATABASE = 'bench_memory';
const TABLES = 1000;
const ROWS_PER_TABLE = 20;

/** One transaction of many rows, then changes of 1,000 tables, which appear one after another and then mixed. */
export async function measureMemory(server: TestPostgres, transactionRows: number): Promise<MemoryFigures> {
  return withDatabase(server, DATABASE, async (client) => {
    await fillOrderLines(client, 'order_lines', 0);
    await client.query(`CREATE PUBLICATION ${PUBLICATION} FOR TABLE order_lines`);
    await createSlot(client, 'big_transaction');
    await client.query(
      `INSERT INTO order_lines SELECT ${orderLineValues('i')} FROM generate_series(1, ${transactionRows}) i`,
    );
    const bigTransactionPeakRssMb = await peakRssMb(server, 'big_transaction', PUBLICATION, transactionRows);

    await client.query(`DO $$ BEGIN
      FOR t IN 1..${TABLES} LOOP
        EXECUTE format('CREATE TABLE table_%s (LIKE order_lines INCLUDING ALL)', t);
        IF t % 100 = 0 THEN COMMIT; END IF;
      END LOOP; END $$`);
    await client.query('CREATE PUBLICATION many_tables FOR ALL TABLES');
    await createSlot(client, 'many_tables');
    await client.query(`DO $$ BEGIN
      FOR i IN 1..${ROWS_PER_TABLE} LOOP
        FOR t IN 1..${TABLES} LOOP
          EXECUTE format('INSERT INTO table_%s SELECT ${orderLineValues('i').replaceAll("'", "''").replaceAll('%', '%%')} FROM (SELECT %s::bigint AS i) AS one', t, i);
        END LOOP;
        COMMIT;
      END LOOP; END $$`);
    const manyTablesPeakRssMb = await peakRssMb(server, 'many_tables', 'many_tables', TABLES * ROWS_PER_TABLE);
    return { bigTransactionPeakRssMb, manyTablesPeakRssMb };
  });
}

async function peakRssMb(server: TestPostgres, slot: string, publication: string, records: number): Promise<number> {
  const run = new MeasuredRun({ config: connectorOf(server, { database: DATABASE, slot, publication }) });
  try {
    return (await run.until(records)).peakRssMb;
  } finally {
    await run.stop();
    run.remove();
  }
}
