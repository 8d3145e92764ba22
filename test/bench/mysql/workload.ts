import type { Connection } from 'mysql2/promise';

/** The order lines of the Postgres measurements, in MySQL's types. */
const COLUMNS = `
  id bigint PRIMARY KEY,
  order_id bigint NOT NULL,
  product_id int NOT NULL,
  quantity int NOT NULL,
  price decimal(10,2) NOT NULL,
  status varchar(20) NOT NULL,
  note varchar(200),
  placed_at datetime(6) NOT NULL`;

const VALUES = (id: string): string =>
  `${id}, ${id} DIV 3, ${id} % 5000, 1 + ${id} % 9, (${id} % 100000) / 100, 'new', IF(${id} % 4 = 0, 'leave it at the door, please', NULL), '2026-01-01' + INTERVAL ${id} * 1000 MICROSECOND`;

/** Rows that exist before the first change, so that updates and deletes always find one. */
const ROWS_BEFORE = 2000;

export const TRANSACTION_CHANGES = 100;

/** Of twenty transactions, or statements, fourteen insert, five update and one deletes. */
const KINDS = { update: 'c % 4 = 3 OR c % 20 = 0', delete: 'c % 20 = 19' };

export async function createOrderLines(client: Connection): Promise<void> {
  await client.query(`CREATE TABLE order_lines (${COLUMNS})`);
  await fill(client, 'order_lines', ROWS_BEFORE);
  await client.query('CREATE TABLE hundred (n int PRIMARY KEY)');
  await client.query(`INSERT INTO hundred VALUES ${Array.from({ length: 100 }, (_, n) => `(${n + 1})`).join(', ')}`);
}

/** Transactions of one statement that changes a hundred rows. */
export async function writeManyRowStatements(client: Connection, changes: number): Promise<void> {
  await client.query(`CREATE PROCEDURE write_many(transactions int)
    BEGIN
      DECLARE c int DEFAULT 0;
      DECLARE newest bigint DEFAULT (SELECT max(id) FROM order_lines);
      DECLARE oldest bigint DEFAULT (SELECT min(id) FROM order_lines);
      WHILE c < transactions DO
        IF ${KINDS.delete} THEN
          DELETE FROM order_lines WHERE id BETWEEN oldest AND oldest + 99;
          SET oldest = oldest + 100;
        ELSEIF ${KINDS.update} THEN
          UPDATE order_lines SET quantity = quantity + 1, status = IF(status = 'paid', 'new', 'paid')
            WHERE id BETWEEN newest - 199 AND newest - 100;
        ELSE
          INSERT INTO order_lines SELECT ${VALUES('(newest + n)')} FROM hundred;
          SET newest = newest + 100;
        END IF;
        SET c = c + 1;
      END WHILE;
    END`);
  await client.query('CALL write_many(?)', [changes / TRANSACTION_CHANGES]);
}

/** Transactions of a hundred statements that change a row each. */
export async function writeSingleRowStatements(client: Connection, changes: number): Promise<void> {
  await client.query(`CREATE PROCEDURE write_single(transactions int)
    BEGIN
      DECLARE t int DEFAULT 0;
      DECLARE c int;
      DECLARE newest bigint DEFAULT (SELECT max(id) FROM order_lines);
      DECLARE oldest bigint DEFAULT (SELECT min(id) FROM order_lines);
      WHILE t < transactions DO
        START TRANSACTION;
        SET c = 0;
        WHILE c < ${TRANSACTION_CHANGES} DO
          IF ${KINDS.delete} THEN
            DELETE FROM order_lines WHERE id = oldest;
            SET oldest = oldest + 1;
          ELSEIF ${KINDS.update} THEN
            UPDATE order_lines SET quantity = quantity + 1, status = 'paid' WHERE id = newest - (c * 13) % 500;
          ELSE
            SET newest = newest + 1;
            INSERT INTO order_lines VALUES (${VALUES('newest')});
          END IF;
          SET c = c + 1;
        END WHILE;
        COMMIT;
        SET t = t + 1;
      END WHILE;
    END`);
  await client.query('CALL write_single(?)', [changes / TRANSACTION_CHANGES]);
}

/** Records that these changes become: a delete brings its tombstone. */
export function recordsOfChanges(changes: number): number {
  return changes + changes / 20;
}

export async function fillOrderLines(client: Connection, rows: number): Promise<void> {
  await client.query(`CREATE TABLE order_lines (${COLUMNS})`);
  await fill(client, 'order_lines', rows);
  await client.query('ANALYZE TABLE order_lines');
}

async function fill(client: Connection, table: string, rows: number): Promise<void> {
  await client.query('SET SESSION cte_max_recursion_depth = 100000000');
  await client.query(`INSERT INTO ${table}
    WITH RECURSIVE ids (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM ids WHERE i < ${rows})
    SELECT ${VALUES('i')} FROM ids`);
}
