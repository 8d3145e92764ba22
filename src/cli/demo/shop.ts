import type { Client } from 'pg';

/** One change that the shop made and that must arrive: table, operation and primary key, in commit order. */
export interface ShopChange {
  readonly table: string;
  readonly op: 'r' | 'c' | 'u' | 'd';
  readonly id: number;
}

const SCHEMA = `
  CREATE TABLE customers (
    id int PRIMARY KEY, name text NOT NULL, email text, vip boolean NOT NULL DEFAULT false,
    joined timestamptz NOT NULL DEFAULT now());
  CREATE TABLE products (
    id int PRIMARY KEY, name text NOT NULL, price numeric(10,2) NOT NULL, stock int NOT NULL, tags text[]);
  CREATE TABLE orders (
    id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, status text NOT NULL DEFAULT 'new',
    total numeric(10,2) NOT NULL DEFAULT 0, placed timestamptz NOT NULL DEFAULT now());
  CREATE TABLE order_lines (
    id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders, product_id int NOT NULL REFERENCES products,
    quantity int NOT NULL, price numeric(10,2) NOT NULL);
  ALTER TABLE customers REPLICA IDENTITY FULL;
  ALTER TABLE products REPLICA IDENTITY FULL;
  ALTER TABLE orders REPLICA IDENTITY FULL;
  ALTER TABLE order_lines REPLICA IDENTITY FULL;`;

const NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Leslie', 'Frances', 'Ken', 'Radia', 'Dennis'];
const PRODUCTS = ['Espresso machine', 'Café grinder', 'Kettle', 'Teapot 🫖', 'Mug', 'Filter papers', 'Scale', 'Tamper'];
const STATUSES = ['paid', 'packed', 'shipped', 'delivered'];

/** A small shop with live traffic on one connection, which remembers every change it committed. */
export class Shop {
  readonly #client: Client;
  readonly #random: () => number;
  readonly changes: ShopChange[] = [];
  #orders: number[] = [];
  #lines = new Map<number, number[]>();
  #nextOrder = 1;
  #nextLine = 1;
  #nextCustomer = NAMES.length + 1;
  #step = 0;

  constructor(client: Client, random: () => number) {
    this.#client = client;
    this.#random = random;
  }

  /** Tables and what they hold before the first change: what the snapshot reads. */
  async open(): Promise<void> {
    await this.#client.query(SCHEMA);
    for (const [i, name] of NAMES.entries()) {
      await this.#client.query('INSERT INTO customers (id, name, email) VALUES ($1, $2, $3)', [
        i + 1,
        name,
        `${name.toLowerCase()}@example.com`,
      ]);
      this.changes.push({ table: 'customers', op: 'r', id: i + 1 });
    }
    for (const [i, name] of PRODUCTS.entries()) {
      await this.#client.query('INSERT INTO products VALUES ($1, $2, $3, $4, $5)', [
        i + 1,
        name,
        (5 + i * 17.5).toFixed(2),
        100,
        ['kitchen', i % 2 === 0 ? 'new' : 'classic'],
      ]);
      this.changes.push({ table: 'products', op: 'r', id: i + 1 });
    }
  }

  /** The next piece of traffic; every tenth order somebody new registers, and once the schema changes. */
  async step(): Promise<void> {
    const step = this.#step++;
    if (step === 12) return this.#changeSchema();
    if (step % 10 === 4) return this.#register();
    if (step % 7 === 6 && this.#orders.length > 2) return this.#cancel();
    if (step % 3 === 2 && this.#orders.length > 0) return this.#advance();
    return this.#order();
  }

  async #order(): Promise<void> {
    const order = this.#nextOrder++;
    const customer = 1 + Math.floor(this.#random() * NAMES.length);
    const count = 1 + Math.floor(this.#random() * 3);
    const done: ShopChange[] = [{ table: 'orders', op: 'c', id: order }];
    const lines: number[] = [];
    await this.#transaction(async () => {
      await this.#client.query('INSERT INTO orders (id, customer_id) VALUES ($1, $2)', [order, customer]);
      for (let i = 0; i < count; i++) {
        const line = this.#nextLine++;
        const product = 1 + ((order * 3 + i) % PRODUCTS.length);
        await this.#client.query('INSERT INTO order_lines SELECT $1, $2, id, $3, price FROM products WHERE id = $4', [
          line,
          order,
          1 + i,
          product,
        ]);
        await this.#client.query('UPDATE products SET stock = stock - $1 WHERE id = $2', [1 + i, product]);
        lines.push(line);
        done.push({ table: 'order_lines', op: 'c', id: line }, { table: 'products', op: 'u', id: product });
      }
      await this.#client.query(
        `UPDATE orders SET total = (SELECT sum(price * quantity) FROM order_lines WHERE order_id = $1) WHERE id = $1`,
        [order],
      );
      done.push({ table: 'orders', op: 'u', id: order });
    });
    this.#orders.push(order);
    this.#lines.set(order, lines);
    this.changes.push(...done);
  }

  async #advance(): Promise<void> {
    const order = this.#orders[Math.floor(this.#random() * this.#orders.length)]!;
    const status = STATUSES[this.#step % STATUSES.length]!;
    await this.#client.query('UPDATE orders SET status = $1 WHERE id = $2', [status, order]);
    this.changes.push({ table: 'orders', op: 'u', id: order });
  }

  async #cancel(): Promise<void> {
    const order = this.#orders.shift()!;
    const lines = this.#lines.get(order)!;
    await this.#transaction(async () => {
      for (const line of lines) await this.#client.query('DELETE FROM order_lines WHERE id = $1', [line]);
      await this.#client.query('DELETE FROM orders WHERE id = $1', [order]);
    });
    for (const line of lines) this.changes.push({ table: 'order_lines', op: 'd', id: line });
    this.changes.push({ table: 'orders', op: 'd', id: order });
  }

  async #register(): Promise<void> {
    const id = this.#nextCustomer++;
    const name = `${NAMES[id % NAMES.length]} ${id}`;
    await this.#client.query('INSERT INTO customers (id, name) VALUES ($1, $2)', [id, name]);
    this.changes.push({ table: 'customers', op: 'c', id });
  }

  async #changeSchema(): Promise<void> {
    await this.#client.query('ALTER TABLE customers ADD COLUMN phone text');
    await this.#client.query('UPDATE customers SET phone = $1, vip = true WHERE id = 1', ['+44 20 7946 0000']);
    this.changes.push({ table: 'customers', op: 'u', id: 1 });
  }

  async #transaction(work: () => Promise<void>): Promise<void> {
    await this.#client.query('BEGIN');
    try {
      await work();
      await this.#client.query('COMMIT');
    } catch (error) {
      await this.#client.query('ROLLBACK');
      throw error;
    }
  }
}
