import type { Client } from 'pg';

/** An order line of a shop: small rows of the usual types. */
const COLUMNS = `
  id bigint PRIMARY KEY,
  order_id bigint NOT NULL,
  product_id int NOT NULL,
  quantity int NOT NULL,
  price numeric(10,2) NOT NULL,
  status text NOT NULL,
  note text,
  placed_at timestamptz NOT NULL`;

const VALUES = (id: string): string =>
  `${id}, ${id} / 3, ${id} % 5000, 1 + ${id} % 9, (${id} % 100000) / 100.0, 'new', CASE WHEN ${id} % 4 = 0 THEN 'leave it at the door, please' END, timestamptz '2026-01-01' + ${id} * interval '1 millisecond'`;

/** Rows that exist before the first change, so that updates and deletes always find one. */
const ROWS_BEFORE = 2000;

export const TRANSACTION_CHANGES = 100;

export const PUBLICATION = 'bench';

export async function createOrderLines(client: Client): Promise<void> {
  await client.query(`CREATE TABLE order_lines (${COLUMNS})`);
  await client.query(`INSERT INTO order_lines SELECT ${VALUES('i')} FROM generate_series(1, ${ROWS_BEFORE}) i`);
  await client.query(`CREATE PUBLICATION ${PUBLICATION} FOR TABLE order_lines`);
}

/**
 * Mixed changes, each a statement of its own, in transactions of 100: of twenty changes fourteen insert, five update a
 * recent row and one deletes the oldest. Nothing waits for the disk here; what is measured comes later.
 */
export async function writeMixedChanges(client: Client, changes: number): Promise<void> {
  await client.query(`CREATE PROCEDURE write_mixed(transactions int) LANGUAGE plpgsql AS $$
    DECLARE
      newest bigint := ${ROWS_BEFORE};
      oldest bigint := 0;
    BEGIN
      FOR t IN 1..transactions LOOP
        FOR c IN 0..${TRANSACTION_CHANGES - 1} LOOP
          IF c % 20 = 19 THEN
            oldest := oldest + 1;
            DELETE FROM order_lines WHERE id = oldest;
          ELSIF c % 4 = 3 OR c % 20 = 0 THEN
            UPDATE order_lines SET quantity = quantity + 1, status = 'paid' WHERE id = newest - (c * 13) % 500;
          ELSE
            newest := newest + 1;
            INSERT INTO order_lines SELECT ${VALUES('newest')};
          END IF;
        END LOOP;
        COMMIT;
      END LOOP;
    END $$`);
  await client.query('SET synchronous_commit = off');
  await client.query(`CALL write_mixed(${changes / TRANSACTION_CHANGES})`);
  await client.query('RESET synchronous_commit');
}

/** Records that these changes become: a delete brings its tombstone. */
export function recordsOfMixedChanges(changes: number): number {
  return changes + changes / 20;
}

export async function fillOrderLines(client: Client, table: string, rows: number): Promise<void> {
  await client.query(`CREATE TABLE ${table} (${COLUMNS})`);
  await client.query(`INSERT INTO ${table} SELECT ${VALUES('i')} FROM generate_series(1, ${rows}) i`);
}

export { VALUES as orderLineValues };
