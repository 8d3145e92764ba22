import type { MysqlFamily } from '../../services/shared-mysql.ts';
import type { Random } from '../random.ts';

/** Numbers that the load gives out: `n` tells changes apart, ids rows. MySQL has no sequences. */
export class Numbers {
  #n = 0;
  #orderId = 0;
  #itemId = 0;

  /** The first of `count` new ones. */
  n(count = 1): number {
    this.#n += count;
    return this.#n - count + 1;
  }

  orderId(count = 1): number {
    this.#orderId += count;
    return this.#orderId - count + 1;
  }

  itemId(count = 1): number {
    this.#itemId += count;
    return this.#itemId - count + 1;
  }

  get lastOrderId(): number {
    return this.#orderId;
  }

  get lastItemId(): number {
    return this.#itemId;
  }
}

/** Rows of `docs` that small transactions share. */
export const DOCS = 50;

/** A change or a few of them. */
export function randomStatement(writer: number, random: Random, numbers: Numbers): string {
  const n = numbers.n();
  const anOrder = numbers.lastOrderId - random.integer(0, 1500);
  const anItem = numbers.lastItemId - random.integer(0, 3000);
  const aDoc = random.integer(1, DOCS);
  const dice = random.next();
  if (dice < 0.25) {
    const total = random.integer(-99999, 99999) / 100;
    return `INSERT INTO orders (id, writer, n, status, total) VALUES (${numbers.orderId()}, ${writer}, ${n}, 'new', ${total})`;
  }
  if (dice < 0.45) {
    const count = random.integer(1, 12);
    const [id, first] = [numbers.itemId(count), numbers.n(count)];
    const rows = Array.from({ length: count }, (_, i) => `(${id + i}, ${anOrder}, ${first + i}, 'line ${i}')`);
    return `INSERT INTO items (id, order_id, n, note) VALUES ${rows.join(', ')}`;
  }
  if (dice < 0.62) return `UPDATE orders SET n = ${n}, status = 'paid', writer = ${writer} WHERE id = ${anOrder}`;
  if (dice < 0.68) return `UPDATE orders SET id = ${numbers.orderId()}, n = ${n} WHERE id = ${anOrder}`;
  if (dice < 0.74) return `DELETE FROM orders WHERE id = ${anOrder}`;
  if (dice < 0.78) return `DELETE FROM items WHERE id = ${anItem}`;
  if (dice < 0.82) return `UPDATE docs SET n = ${n} WHERE id = ${aDoc}`;
  if (dice < 0.84)
    return `UPDATE docs SET n = ${n}, body = REPEAT(SHA2('${random.next()}', 256), 45) WHERE id = ${aDoc}`;
  if (dice < 0.88) return `UPDATE docs SET n = ${n}, j = ${randomJsonEdit(random)} WHERE id = ${aDoc}`;
  if (dice < 0.91) return `UPDATE foreigners SET n = ${n} WHERE id = ${random.integer(1, 10)}`;
  if (dice < 0.96) return randomPartsStatement(random, n);
  return `INSERT INTO audit (writer, n, what) VALUES (${writer}, ${n}, ${random.next() < 0.3 ? 'NULL' : `'what ${dice}'`})`;
}

/** With binlog_row_value_options=PARTIAL_JSON only what it changes is logged. */
function randomJsonEdit(random: Random): string {
  const key = random.pick(['a', 'b', 'c']);
  const dice = random.next();
  if (dice < 0.5) return `JSON_SET(j, '$.${key}', '${random.integer(1, 9999)}')`;
  if (dice < 0.7) return `JSON_REPLACE(j, '$.list[1]', ${random.integer(1, 9999)}, '$.${key}', 'x')`;
  if (dice < 0.9) return `JSON_REMOVE(j, '$.${key}')`;
  return `JSON_SET(JSON_REMOVE(j, '$.${key}'), '$.list[0]', 'y', '$.deep.d', ${random.integer(1, 9)})`;
}

function randomPartsStatement(random: Random, n: number): string {
  const table = random.pick(['parts', 'parts', 'parts_twin']);
  const id = random.integer(1, 40);
  const dice = random.next();
  if (dice < 0.5) return `INSERT INTO ${table} (id, n, note) VALUES (${id}, ${n}, 'part ${id}')`;
  if (dice < 0.8) return `UPDATE ${table} SET n = ${n} WHERE id = ${id}`;
  return `DELETE FROM ${table} WHERE id = ${id}`;
}

/** Inserts, then updates of the same rows, then their deletion, then from the start. */
export type BigStep = 'insert' | 'update' | 'delete';

export function bigStatement(step: BigStep, rows: number, numbers: Numbers): string {
  const n = numbers.n(rows);
  switch (step) {
    case 'insert':
      return `INSERT INTO items (id, order_id, n, note) SELECT ${numbers.itemId(rows)} + i, -1, ${n} + i, 'big' FROM numbers WHERE i < ${rows}`;
    case 'update':
      return `UPDATE items SET n = n + ${n}, note = 'bigger' WHERE order_id = -1`;
    case 'delete':
      return 'DELETE FROM items WHERE order_id = -1';
    default:
      return step satisfies never;
  }
}

export type SessionMode = 'plain' | 'compressed' | 'partial json' | 'compressed partial json' | 'noblob' | 'minimal';

/** How a session logs what it does. A difference of JSON needs the old document, which the smaller images lack. */
export const SESSION_MODES: Readonly<Record<MysqlFamily, readonly SessionMode[]>> = {
  mysql: ['plain', 'compressed', 'partial json', 'compressed partial json', 'noblob', 'minimal'],
  mariadb: ['plain', 'noblob', 'minimal'],
};

export function sessionStatement(family: MysqlFamily, mode: SessionMode): string {
  const image = `binlog_row_image = ${mode === 'noblob' || mode === 'minimal' ? mode : 'full'}`;
  if (family === 'mariadb') return `SET SESSION ${image}`;
  const options = `binlog_row_value_options = ${mode.endsWith('partial json') ? 'PARTIAL_JSON' : "''"}`;
  const compression = `binlog_transaction_compression = ${mode.startsWith('compressed') ? 'ON' : 'OFF'}`;
  return `SET SESSION ${image}, SESSION ${options}, SESSION ${compression}`;
}
