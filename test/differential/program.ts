import type { Client } from 'pg';
import type { Random } from '../crash/random.ts';
import { NOTE_PREFIX, type Note } from './fold.ts';

interface Column {
  readonly name: string;
  readonly type: string;
}

interface TableModel {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  readonly identity: 'default' | 'full' | 'nothing' | 'index';
  readonly identityIndex: readonly string[];
  readonly kind: 'table' | 'partitioned' | 'partition';
  /** Of a partition that is attached. */
  readonly root: string | null;
}

/** What an operation does, and what the model is when the server has accepted it. */
interface Step {
  readonly sql: readonly string[];
  /** Tables that are new or other than before, by their names before (null: new). */
  readonly changed?: readonly {
    readonly was: string | null;
    readonly now: TableModel;
    readonly columns?: ColumnOrigins;
  }[];
  readonly dropped?: readonly string[];
  /** Cannot be taken back, or not be used in the same transaction. */
  readonly alone?: boolean;
}

/** Names before by names now, where they differ; null: the values are not known any more. */
type ColumnOrigins = Readonly<Record<string, string | null>>;

const TABLE_NAMES = ['alpha', 'beta', 'Gamma Ray', 'delta', 'epsilon'];
const COLUMN_NAMES = ['a', 'b', 'c', 'D "quoted"', 'e'];
/** Type -> a literal of it. */
const VALUES: Readonly<Record<string, (random: Random) => string>> = {
  integer: (random) => String(random.integer(-5, 5)),
  bigint: (random) => `${random.integer(-9, 9)}00000000000000007`,
  'varchar(20)': (random) => `'${'é"x'.repeat(random.integer(0, 5))}'`,
  text: (random) => `'t${random.integer(0, 99)}'`,
  /** Out of line: text(9000) is no type, it stands for a text column with STORAGE EXTERNAL. */
  'text STORAGE EXTERNAL': (random) =>
    random.next() < 0.7 ? `repeat(md5('${random.integer(0, 99)}'), ${random.integer(70, 300)})` : `'short'`,
  'bytea STORAGE EXTERNAL': (random) =>
    `decode(repeat(md5('${random.integer(0, 99)}'), ${random.integer(1, 300)}), 'hex')`,
  'numeric(10,2)': (random) => `${random.integer(-999, 999)}.${random.integer(10, 99)}`,
  numeric: (random) => `${random.integer(-999, 999)}.${random.integer(0, 9999)}`,
  boolean: (random) => String(random.next() < 0.5),
  timestamptz: (random) => `'2024-02-${random.integer(10, 28)} 10:00:00.${random.integer(0, 999)}+01'`,
  date: (random) => `'2024-03-${random.integer(10, 28)}'`,
  mood: (random) => `'${random.pick(['sad', 'happy'])}'`,
  'integer[]': (random) => `'{${random.integer(0, 9)},NULL}'`,
  'double precision': (random) => `${random.integer(-99, 99)}.5e${random.integer(-9, 20)}`,
};
const TYPES = Object.keys(VALUES);
/** Casts that keep the JSON of a value, so that a key survives them. */
const FAITHFUL: Readonly<Record<string, string>> = { integer: 'bigint', 'varchar(20)': 'text' };

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A seeded program of DDL and DML in transactions. It keeps a model of the tables, and tells the stream of its DDL by notes. */
export class Program {
  readonly statements: string[] = [];
  refused = 0;
  done = 0;
  readonly #random: Random;
  readonly #client: Client;
  /** Partitions appear under their root's name: a partition may then only come and go empty. */
  readonly #viaRoot: boolean;
  #tables = new Map<string, TableModel>();
  #nextId = 1;
  #labels = 0;
  #labelsInUse = 0;

  constructor(random: Random, client: Client, viaRoot: boolean) {
    this.#random = random;
    this.#client = client;
    this.#viaRoot = viaRoot;
  }

  get tables(): readonly TableModel[] {
    return [...this.#tables.values()];
  }

  async setUp(): Promise<void> {
    await this.#run(`CREATE TYPE mood AS ENUM ('sad', 'happy')`);
    for (let i = 0; i < 3; i++) await this.#attempt(this.#createTable(), false);
    for (let i = 0; i < 8; i++) await this.#attempt(this.#insert(), false);
  }

  /** Tells what the tables are: where the fold begins. */
  async introduce(): Promise<void> {
    await this.#run('BEGIN');
    for (const table of this.tables) await this.#tell(noteOf(table, table.name, {}));
    await this.#run('COMMIT');
  }

  /** One transaction, or a statement outside of one, that may be rolled back. */
  async transaction(): Promise<void> {
    const random = this.#random;
    if (random.next() < 0.08) {
      await this.#run(
        `ALTER TYPE mood ADD VALUE 'label ${this.#labels++}'${random.next() < 0.3 ? ` BEFORE 'sad'` : ''}`,
      );
      this.#labelsInUse = this.#labels;
      return;
    }
    const before = new Map(this.#tables);
    await this.#run('BEGIN');
    await this.#steps(random.integer(1, 5), 0);
    if (random.next() < 0.12) {
      await this.#run('ROLLBACK');
      this.#tables = before;
    } else await this.#run('COMMIT');
  }

  async #steps(count: number, depth: number): Promise<void> {
    const random = this.#random;
    for (let i = 0; i < count; i++) {
      if (depth < 2 && random.next() < 0.12) {
        const before = new Map(this.#tables);
        const name = `nested${depth}`;
        await this.#run(`SAVEPOINT ${name}`);
        await this.#steps(random.integer(1, 3), depth + 1);
        if (random.next() < 0.5) {
          await this.#run(`ROLLBACK TO ${name}`);
          this.#tables = before;
        } else await this.#run(`RELEASE ${name}`);
        continue;
      }
      const step = this.#step();
      if (step !== null) await this.#attempt(step, true);
    }
  }

  #step(): Step | null {
    const random = this.#random;
    const dml: (() => Step | null)[] = [
      () => this.#insert(),
      () => this.#insert(),
      () => this.#insert(),
      () => this.#update(),
      () => this.#update(),
      () => this.#update(),
      () => this.#changeKey(),
      () => this.#changeKey(),
      () => this.#delete(),
    ];
    const ddl: (() => Step | null)[] = [
      () => this.#createTable(),
      () => this.#createPartitioned(),
      () => this.#dropTable(),
      () => this.#recreateTable(),
      () => this.#addColumn(),
      () => this.#addColumn(),
      () => this.#dropColumn(),
      () => this.#dropColumn(),
      () => this.#renameColumn(),
      () => this.#renameColumn(),
      () => this.#swapColumns(),
      () => this.#changeType(),
      () => this.#changeType(),
      () => this.#setNotNull(),
      () => this.#primaryKey(),
      () => this.#primaryKey(),
      () => this.#renameTable(),
      () => this.#identity(),
      () => this.#identity(),
      () => this.#truncate(),
      () => this.#detachOrAttach(),
    ];
    return random.pick(random.next() < 0.72 ? dml : ddl)();
  }

  /** A step that the server refuses is undone, as a program does that knows its errors. */
  async #attempt(step: Step, inTransaction: boolean): Promise<void> {
    if (inTransaction) await this.#run('SAVEPOINT step');
    else await this.#run('BEGIN');
    try {
      for (const statement of step.sql) await this.#run(statement);
    } catch (error) {
      this.statements.push(`-- refused: ${(error as Error).message}`);
      this.refused++;
      await this.#run(inTransaction ? 'ROLLBACK TO step' : 'ROLLBACK');
      return;
    }
    for (const table of step.dropped ?? []) {
      this.#tables.delete(table);
      await this.#tell({ kind: 'drop', table });
    }
    for (const { was, now, columns } of step.changed ?? []) {
      if (was !== null) this.#tables.delete(was);
      this.#tables.set(now.name, now);
      await this.#tell(noteOf(now, was, columns ?? {}));
    }
    this.done++;
    await this.#run(inTransaction ? 'RELEASE step' : 'COMMIT');
  }

  async #run(sql: string): Promise<void> {
    this.statements.push(`${sql};`);
    await this.#client.query(sql);
  }

  async #tell(note: Note): Promise<void> {
    await this.#run(
      `SELECT pg_logical_emit_message(true, '${NOTE_PREFIX}', '${JSON.stringify(note).replaceAll("'", "''")}')`,
    );
  }

  #any(fits: (table: TableModel) => boolean = () => true): TableModel | null {
    const tables = this.tables.filter(fits);
    return tables.length === 0 ? null : this.#random.pick(tables);
  }

  #value(type: string): string {
    if (type === 'mood' && this.#labelsInUse > 0 && this.#random.next() < 0.3) {
      return `'label ${this.#random.integer(0, this.#labelsInUse - 1)}'`;
    }
    return VALUES[type]!(this.#random);
  }

  #freeName(): string | null {
    const free = TABLE_NAMES.filter((name) => !this.#tables.has(name));
    return free.length === 0 ? null : this.#random.pick(free);
  }

  #newTable(name: string): { model: TableModel; sql: string } {
    const random = this.#random;
    const columns: Column[] = [
      { name: 'id', type: 'integer' },
      // Unique, and long enough to lie out of line while it still fits into an index.
      { name: 'code', type: 'code' },
      ...random
        .shuffle(COLUMN_NAMES)
        .slice(0, random.integer(1, 4))
        .map((column) => ({ name: column, type: random.pick(TYPES) })),
    ];
    const primaryKey = random.pick([['id'], ['id'], ['id'], ['code'], ['code', 'id'], ['id', columns[2]!.name], []]);
    const model: TableModel = {
      name,
      columns,
      primaryKey,
      identity: 'default',
      identityIndex: [],
      kind: 'table',
      root: null,
    };
    const keySql = primaryKey.length === 0 ? [] : [`PRIMARY KEY (${primaryKey.map(quote).join(', ')})`];
    const sql = `CREATE TABLE ${quote(name)} (${[...columns.map(columnSql), ...keySql].join(', ')})`;
    return { model, sql };
  }

  #createTable(): Step {
    const name = this.#freeName();
    if (name === null) return this.#insert();
    const { model, sql } = this.#newTable(name);
    return { sql: [sql], changed: [{ was: null, now: model }] };
  }

  #createPartitioned(): Step | null {
    if (this.#tables.has('part')) return null;
    const columns = [
      { name: 'id', type: 'integer' },
      { name: 'code', type: 'code' },
      { name: 'a', type: this.#random.pick(TYPES) },
    ];
    const root: TableModel = {
      name: 'part',
      columns,
      primaryKey: ['id'],
      identity: 'default',
      identityIndex: [],
      kind: 'partitioned',
      root: null,
    };
    const leaves = ['part_0', 'part_1'].map((name): TableModel => ({ ...root, name, kind: 'partition', root: 'part' }));
    const free = leaves.filter(({ name }) => !this.#tables.has(name));
    return {
      sql: [
        `CREATE TABLE part (${columns.map(columnSql).join(', ')}, PRIMARY KEY (id)) PARTITION BY HASH (id)`,
        ...free.map(
          ({ name }) => `CREATE TABLE ${name} PARTITION OF part FOR VALUES WITH (modulus 2, remainder ${name.at(-1)})`,
        ),
      ],
      changed: [root, ...free].map((now) => ({ was: null, now })),
    };
  }

  #insert(): Step {
    const random = this.#random;
    // Into a partition directly: also rows that the root would put elsewhere, which the server refuses.
    const table = this.#any(({ kind }) => kind !== 'partition' || random.next() < 0.3);
    if (table === null) return this.#createTable();
    if (table.primaryKey.length === 0 && random.next() < 0.2) {
      return { sql: [`INSERT INTO ${quote(table.name)} SELECT * FROM ${quote(table.name)} ORDER BY id LIMIT 1`] };
    }
    const rows = Array.from({ length: random.integer(1, random.next() < 0.1 ? 40 : 4) }, () => {
      const id = this.#nextId++;
      return `(${table.columns.map(({ name, type }) => this.#columnValue(name, type, id)).join(', ')})`;
    });
    return {
      sql: [
        `INSERT INTO ${quote(table.name)} (${table.columns.map(({ name }) => quote(name)).join(', ')}) VALUES ${rows.join(', ')}`,
      ],
    };
  }

  #columnValue(name: string, type: string, id: number): string {
    if (name === 'id') return String(id);
    if (name === 'code') return codeValue(id, this.#random);
    return this.#random.next() < 0.2 ? 'NULL' : this.#value(type);
  }

  #update(): Step | null {
    const random = this.#random;
    const table = this.#any();
    if (table === null) return null;
    const columns = table.columns.filter(({ name }) => name !== 'id' && name !== 'code');
    if (columns.length === 0) return null;
    const sets = random
      .shuffle(columns)
      .slice(0, random.integer(1, 2))
      .map(({ name, type }) => `${quote(name)} = ${this.#columnValue(name, type, 0)}`);
    return { sql: [`UPDATE ${quote(table.name)} SET ${sets.join(', ')} WHERE id % ${random.integer(1, 4)} = 0`] };
  }

  #changeKey(): Step | null {
    const random = this.#random;
    const table = this.#any();
    if (table === null) return null;
    const id = this.#nextId++;
    const set = random.pick([
      `id = ${id}`,
      `code = ${codeValue(id, random)}`,
      `id = ${id}, code = ${codeValue(id, random)}`,
    ]);
    return { sql: [`UPDATE ${quote(table.name)} SET ${set} WHERE id = ${this.#someId(table)}`] };
  }

  #someId(table: TableModel): string {
    return `(SELECT id FROM ${quote(table.name)} ORDER BY id OFFSET ${this.#random.integer(0, 6)} LIMIT 1)`;
  }

  #delete(): Step | null {
    const table = this.#any();
    if (table === null) return null;
    const where = this.#random.next() < 0.7 ? `id = ${this.#someId(table)}` : `id % ${this.#random.integer(3, 9)} = 0`;
    return { sql: [`DELETE FROM ${quote(table.name)} WHERE ${where}`] };
  }

  #truncate(): Step | null {
    const chosen = this.#random
      .shuffle(this.tables.filter(({ kind, root }) => !this.#viaRoot || kind === 'table' || root === null))
      .slice(0, this.#random.integer(1, 2));
    if (chosen.length === 0) return null;
    return { sql: [`TRUNCATE ${chosen.map(({ name }) => quote(name)).join(', ')}`] };
  }

  #dropTable(): Step | null {
    const table = this.#any(({ root }) => root === null);
    if (table === null) return null;
    return {
      sql: [`DROP TABLE ${quote(table.name)}`],
      dropped: [table.name, ...this.#leavesOf(table).map(({ name }) => name)],
    };
  }

  #recreateTable(): Step | null {
    const table = this.#any(({ kind }) => kind === 'table');
    if (table === null) return null;
    const { model, sql } = this.#newTable(table.name);
    return {
      sql: [`DROP TABLE ${quote(table.name)}`, sql],
      dropped: [table.name],
      changed: [{ was: null, now: model }],
    };
  }

  #leavesOf({ name }: TableModel): readonly TableModel[] {
    return this.tables.filter(({ root }) => root === name);
  }

  /** An ALTER TABLE, which reaches the partitions, too. */
  #alter(table: TableModel, sql: string, change: (table: TableModel) => TableModel, columns: ColumnOrigins = {}): Step {
    const changed = [table, ...this.#leavesOf(table)].map((one) => ({ was: one.name, now: change(one), columns }));
    return { sql: [`ALTER TABLE ${quote(table.name)} ${sql}`], changed };
  }

  #addColumn(): Step | null {
    const table = this.#any();
    if (table === null) return null;
    const free = COLUMN_NAMES.filter((name) => table.columns.every((column) => column.name !== name));
    if (free.length === 0) return null;
    const random = this.#random;
    const column = { name: random.pick(free), type: random.pick(TYPES) };
    const rest = random.pick([
      '',
      '',
      ` DEFAULT ${VALUES[column.type]!(random)}`,
      ` NOT NULL DEFAULT ${VALUES[column.type]!(random)}`,
    ]);
    return this.#alter(
      table,
      `ADD COLUMN ${columnSql(column)}${rest}`,
      (one) => ({ ...one, columns: [...one.columns, column] }),
      { [column.name]: null },
    );
  }

  #ordinaryColumn(): { table: TableModel; column: Column } | null {
    const table = this.#any();
    const columns = table?.columns.filter(({ name }) => name !== 'id' && name !== 'code') ?? [];
    return table === null || columns.length === 0 ? null : { table, column: this.#random.pick(columns) };
  }

  #dropColumn(): Step | null {
    const found = this.#ordinaryColumn();
    if (found === null) return null;
    const { table, column } = found;
    const drop = (one: TableModel): TableModel => ({
      ...one,
      columns: one.columns.filter(({ name }) => name !== column.name),
      // The key goes with its column.
      primaryKey: one.primaryKey.includes(column.name) ? [] : one.primaryKey,
    });
    return this.#alter(table, `DROP COLUMN ${quote(column.name)}`, drop);
  }

  #renameColumn(): Step | null {
    const found = this.#ordinaryColumn();
    if (found === null) return null;
    const { table, column } = found;
    const free = COLUMN_NAMES.filter((name) => table.columns.every((one) => one.name !== name));
    if (free.length === 0) return null;
    const to = this.#random.pick(free);
    return this.#alter(table, `RENAME COLUMN ${quote(column.name)} TO ${quote(to)}`, renaming({ [column.name]: to }), {
      [to]: column.name,
    });
  }

  #swapColumns(): Step | null {
    const found = this.#ordinaryColumn();
    const other = found?.table.columns.find(
      ({ name }) => name !== 'id' && name !== 'code' && name !== found.column.name,
    );
    if (found === null || other === undefined) return null;
    const { table, column } = found;
    const step = this.#alter(table, '', renaming({ [column.name]: other.name, [other.name]: column.name }), {
      [column.name]: other.name,
      [other.name]: column.name,
    });
    const rename = (from: string, to: string): string =>
      `ALTER TABLE ${quote(table.name)} RENAME COLUMN ${quote(from)} TO ${quote(to)}`;
    return { ...step, sql: [rename(column.name, 'swap'), rename(other.name, column.name), rename('swap', other.name)] };
  }

  #changeType(): Step | null {
    const random = this.#random;
    const table = this.#any();
    const column = table === null ? undefined : random.pick(table.columns.filter(({ name }) => name !== 'code'));
    if (table === null || column === undefined) return null;
    const inKey =
      table.primaryKey.includes(column.name) || table.identityIndex.includes(column.name) || column.name === 'id';
    const type = inKey ? FAITHFUL[column.type] : random.pick(TYPES);
    if (type === undefined || type === column.type) return null;
    const bare = bareType(type);
    const using = random.next() < 0.5 ? `${quote(column.name)}::text::${bare}` : `${quote(column.name)}::${bare}`;
    return this.#alter(
      table,
      `ALTER COLUMN ${quote(column.name)} TYPE ${bare} USING ${using}`,
      (one) => ({ ...one, columns: one.columns.map((it) => (it.name === column.name ? { ...it, type } : it)) }),
      inKey ? {} : { [column.name]: null },
    );
  }

  #setNotNull(): Step | null {
    const found = this.#ordinaryColumn();
    if (found === null) return null;
    const { table, column } = found;
    const value = VALUES[column.type]!(this.#random);
    const alter = `ALTER TABLE ${quote(table.name)} ALTER COLUMN ${quote(column.name)}`;
    if (this.#random.next() < 0.3) return { sql: [`${alter} DROP NOT NULL`] };
    return {
      sql: [
        `UPDATE ${quote(table.name)} SET ${quote(column.name)} = ${value} WHERE ${quote(column.name)} IS NULL`,
        `${alter} SET DEFAULT ${value}`,
        `${alter} SET NOT NULL`,
      ],
    };
  }

  #primaryKey(): Step | null {
    const random = this.#random;
    const table = this.#any(({ kind }) => kind === 'table');
    if (table === null) return null;
    const drop = `ALTER TABLE ${quote(table.name)} DROP CONSTRAINT ${quote(`${table.name}_pkey`)}`;
    const add = (key: readonly string[]): string =>
      `ALTER TABLE ${quote(table.name)} ADD CONSTRAINT ${quote(`${table.name}_pkey`)} PRIMARY KEY (${key.map(quote).join(', ')})`;
    const isDropped = random.next() < 0.4 && table.primaryKey.length > 0;
    const primaryKey = isDropped
      ? []
      : random.pick([
          ['id'],
          ['id', 'code'],
          ['code'],
          ['id', random.pick(table.columns).name].filter((name, i, all) => all.indexOf(name) === i),
        ]);
    return {
      sql: [...(table.primaryKey.length > 0 ? [drop] : []), ...(isDropped ? [] : [add(primaryKey)])],
      changed: [{ was: table.name, now: { ...table, primaryKey } }],
    };
  }

  #renameTable(): Step | null {
    const table = this.#any(({ kind }) => kind === 'table');
    const name = this.#freeName();
    if (table === null || name === null) return null;
    // The constraint keeps the table's name, so that it can be dropped by it.
    const constraint =
      table.primaryKey.length === 0
        ? []
        : [`ALTER TABLE ${quote(name)} RENAME CONSTRAINT ${quote(`${table.name}_pkey`)} TO ${quote(`${name}_pkey`)}`];
    return {
      sql: [`ALTER TABLE ${quote(table.name)} RENAME TO ${quote(name)}`, ...constraint],
      changed: [{ was: table.name, now: { ...table, name } }],
    };
  }

  #identity(): Step | null {
    const random = this.#random;
    // A relation message of a root tells the root's identity, whatever its partitions send.
    const table = this.#any(({ kind }) => kind === 'table' || (kind === 'partition' && !this.#viaRoot));
    if (table === null) return null;
    const identity = random.pick(['default', 'full', 'full', 'full', 'nothing', 'index'] as const);
    const name = quote(table.name);
    if (identity !== 'index') {
      return {
        sql: [`ALTER TABLE ${name} REPLICA IDENTITY ${identity}`],
        changed: [{ was: table.name, now: { ...table, identity, identityIndex: [] } }],
      };
    }
    const columns = random.pick([['id'], ['code'], ['code', 'id']]);
    const index = `identity_${this.#nextId++}`;
    return {
      sql: [
        `CREATE UNIQUE INDEX ${index} ON ${name} (${columns.join(', ')})`,
        `ALTER TABLE ${name} REPLICA IDENTITY USING INDEX ${index}`,
      ],
      changed: [{ was: table.name, now: { ...table, identity, identityIndex: columns } }],
    };
  }

  #detachOrAttach(): Step | null {
    const root = this.#tables.get('part');
    const leaf = this.#any(({ kind }) => kind === 'partition');
    if (leaf === null) return null;
    const empty = this.#viaRoot ? [`DELETE FROM ${leaf.name}`] : [];
    if (leaf.root !== null) {
      return {
        sql: [...empty, `ALTER TABLE part DETACH PARTITION ${leaf.name}`],
        changed: [{ was: leaf.name, now: { ...leaf, root: null } }],
      };
    }
    if (root === undefined) return null;
    const bounds = `FOR VALUES WITH (modulus 2, remainder ${leaf.name.at(-1)})`;
    return {
      sql: [...empty, `ALTER TABLE part ATTACH PARTITION ${leaf.name} ${bounds}`],
      changed: [{ was: leaf.name, now: { ...leaf, root: 'part', primaryKey: root.primaryKey } }],
    };
  }
}

function noteOf(table: TableModel, was: string | null, origins: ColumnOrigins): Note {
  const { name, columns, identity, identityIndex, primaryKey } = table;
  const key = identity === 'index' ? identityIndex : primaryKey;
  const origin = (column: string): string | null => (column in origins ? origins[column]! : column);
  return {
    kind: 'table',
    table: name,
    was,
    columns: columns.map((column) => ({ name: column.name, was: origin(column.name) })),
    identity,
    key,
  };
}

function renaming(names: Readonly<Record<string, string>>): (table: TableModel) => TableModel {
  const renamed = (name: string): string => names[name] ?? name;
  return (table) => ({
    ...table,
    columns: table.columns.map(({ name, type }) => ({ name: renamed(name), type })),
    primaryKey: table.primaryKey.map(renamed),
    identityIndex: table.identityIndex.map(renamed),
  });
}

function bareType(type: string): string {
  return type.split(' STORAGE')[0]!;
}

/** A `code` is text, of 2,100 characters at times: beyond what a row keeps in line, within what an index takes. */
function columnSql({ name, type }: Column): string {
  return `${quote(name)} ${type === 'code' ? 'text STORAGE EXTERNAL NOT NULL' : type}${name === 'id' ? ' NOT NULL' : ''}`;
}

function codeValue(id: number, random: Random): string {
  return random.next() < 0.5 ? `'code ${id}'` : `'code ${id} ' || repeat(md5('${id}'), 65)`;
}
