import type { MysqlFamily } from '../../../services/shared-mysql.ts';

/** A number in [0, bound). */
export type Random = (bound: number) => number;

const CHARSETS = ['latin1', 'utf8mb4', 'utf8mb3', 'ucs2', 'ascii', 'binary'];

/** Types as people write them; the server calls many of them otherwise. */
const TYPES = [
  ...[
    'INT',
    'INTEGER UNSIGNED',
    'int(7)',
    'BIGINT',
    'INT8 UNSIGNED',
    'TINYINT',
    'TINYINT(1)',
    'BOOL',
    'SMALLINT ZEROFILL',
  ],
  ...[
    'MEDIUMINT UNSIGNED',
    'DECIMAL',
    'DEC(7)',
    'NUMERIC(10,4) UNSIGNED',
    'FIXED(6,2)',
    'FLOAT',
    'FLOAT(40)',
    'FLOAT(7,2)',
  ],
  ...[
    'DOUBLE',
    'DOUBLE PRECISION',
    'REAL',
    'BIT',
    'BIT(17)',
    'YEAR',
    'DATE',
    'TIME',
    'TIME(3)',
    'DATETIME',
    'DATETIME(6)',
  ],
  ...[
    'TIMESTAMP',
    'TIMESTAMP(2)',
    'CHAR',
    'CHARACTER(7)',
    'NCHAR(4)',
    'VARCHAR(20)',
    'NATIONAL VARCHAR(9)',
    'CHAR VARYING(8)',
  ],
  ...[
    'BINARY',
    'BINARY(9)',
    'VARBINARY(30)',
    'TINYTEXT',
    'TEXT',
    'TEXT(40)',
    'TEXT(90)',
    'TEXT(20000)',
    'MEDIUMTEXT',
    'LONGTEXT',
  ],
  ...[
    'LONG VARCHAR',
    'LONG VARBINARY',
    'TINYBLOB',
    'BLOB',
    'BLOB(200)',
    'BLOB(70000)',
    'LONGBLOB',
    'JSON',
    'GEOMETRY',
    'POINT',
  ],
  ...["ENUM('a','b','c d')", "SET('x','y')", "ENUM('it''s','q')", 'VARCHAR(255) BINARY'],
];
const OWN_TYPES: Readonly<Record<MysqlFamily, readonly string[]>> = {
  mysql: ['VECTOR(3)', 'VECTOR', 'GEOMCOLLECTION', 'VARCHAR(20000)'],
  mariadb: ['UUID', 'INET6', 'INET4', 'GEOMETRYCOLLECTION', 'VARCHAR(12) COMPRESSED'],
};

const TABLES = ['t1', 't2', '`T 3`'];
const TEXTS = /CHAR|TEXT|LONG V.*CHAR|ENUM|SET/;

/** Statements over few names in two databases; the server refuses many of them, which is all the same. */
export class RandomDdl {
  readonly #random: Random;
  readonly #family: MysqlFamily;
  readonly #databases: readonly [string, string];

  constructor(random: Random, family: MysqlFamily, databases: readonly [string, string]) {
    this.#random = random;
    this.#family = family;
    this.#databases = databases;
  }

  next(): string {
    switch (this.#random(20)) {
      case 0:
      case 1:
      case 2:
        return this.#createTable();
      case 3:
        return `CREATE TABLE ${this.#one(['', 'IF NOT EXISTS '])}${this.#table()} LIKE ${this.#table()}`;
      case 4:
        return `DROP TABLE ${this.#one(['', 'IF EXISTS '])}${this.#table()}${this.#maybe(2) ? `, ${this.#table()}` : ''}`;
      case 5: {
        const [a, b] = [this.#table(), this.#table()];
        if (this.#maybe(2)) return `RENAME TABLE ${a} TO ${b}`;
        return `RENAME TABLE ${a} TO swap, ${b} TO ${a}, swap TO ${b}`;
      }
      case 6:
        return `ALTER DATABASE ${this.#one(this.#databases)} CHARACTER SET ${this.#one(CHARSETS)}`;
      case 7:
        return `CREATE ${this.#one(['', 'UNIQUE '])}INDEX i${this.#random(3)} ON ${this.#table()} (${this.#column()})`;
      case 8:
        return `CREATE TABLE ${this.#table()} SELECT 1 AS a, 'x' AS b`;
      default:
        return this.#alterTable();
    }
  }

  #createTable(): string {
    const names = this.#shuffled(['a', 'b', 'c', 'd', 'e', 'F', 'g h']).slice(0, 1 + this.#random(6));
    const items = names.map((name) => `\`${name}\` ${this.#definition()}`);
    if (this.#maybe(2)) items.push(`PRIMARY KEY (\`${this.#one(names)}\`)`);
    else if (this.#maybe(3)) items.push(`UNIQUE KEY u (\`${this.#one(names)}\`)`);
    const options = this.#maybe(2) ? this.#charset(['CHARSET', 'DEFAULT CHARACTER SET', 'COLLATE']) : '';
    const versioned = this.#family === 'mariadb' && this.#maybe(5) ? ' WITH SYSTEM VERSIONING' : '';
    const replace = this.#family === 'mariadb' && this.#maybe(3) ? 'OR REPLACE ' : '';
    const absent = replace === '' && this.#maybe(4) ? 'IF NOT EXISTS ' : '';
    return `CREATE ${replace}TABLE ${absent}${this.#table()} (${items.join(', ')})${options}${versioned}`;
  }

  #alterTable(): string {
    // MySQL sizes texts that the same statement defines and converts in ways of its own.
    if (this.#maybe(12)) return `ALTER TABLE ${this.#table()} CONVERT TO${this.#charset(['CHARACTER SET'])}`;
    // By itself: with a new name in another database MariaDB leaves the old table where it was.
    if (this.#family === 'mariadb' && this.#maybe(8)) {
      return `ALTER TABLE ${this.#table()} ${this.#one(['ADD', 'DROP'])} SYSTEM VERSIONING`;
    }
    const actions = Array.from({ length: 1 + this.#random(4) }, () => this.#action());
    return `ALTER TABLE ${this.#table()} ${actions.join(', ')}`;
  }

  #action(): string {
    const column = this.#column();
    switch (this.#random(17)) {
      case 0:
      case 1:
      case 2:
        return `ADD COLUMN ${column} ${this.#definition()}${this.#place()}`;
      case 3:
        return `ADD (${column} ${this.#definition()}, ${this.#column()} ${this.#definition()})`;
      case 4:
        return `DROP COLUMN ${column}`;
      case 5:
      case 6:
        return `MODIFY ${column} ${this.#definition()}${this.#place()}`;
      case 7:
      case 8:
        return `CHANGE ${column} ${this.#column()} ${this.#definition()}${this.#place()}`;
      case 9:
        return `RENAME COLUMN ${column} TO ${this.#column()}`;
      case 10:
        return `ALTER COLUMN ${column} DROP DEFAULT`;
      case 11:
        return this.#charset(['DEFAULT CHARSET', 'COLLATE']);
      case 12:
        return `ALTER COLUMN ${column} ${this.#one(['DROP DEFAULT', "SET DEFAULT '7'", 'SET DEFAULT NULL'])}`;
      case 13:
        return this.#one([`ADD PRIMARY KEY (${column})`, 'DROP PRIMARY KEY']);
      case 14:
        return `ADD UNIQUE (${column})`;
      case 15:
        return `RENAME TO ${this.#table()}`;
      default:
        return `ADD INDEX (${column})`;
    }
  }

  #definition(): string {
    const type = this.#one([...TYPES, ...OWN_TYPES[this.#family]]);
    let text = type;
    if (TEXTS.test(type) && !/^N|BINARY|COMPRESSED/.test(type) && this.#maybe(4)) {
      text += this.#charset(['CHARACTER SET', 'COLLATE']);
    }
    // MariaDB shows a default of a compressed column that it does not have.
    if (this.#maybe(3)) text += this.#one([type.endsWith('COMPRESSED') ? '' : ' NOT NULL', ' NULL']);
    if (/INT|DEC|CHAR\(|CHAR$|FLOAT|DOUBLE/.test(type) && this.#maybe(4))
      text += this.#one([" DEFAULT '7'", ' DEFAULT NULL']);
    if (this.#maybe(12)) text += ' COMMENT \'a "comment"\'';
    if (this.#maybe(15)) text += this.#one([' PRIMARY KEY', ' UNIQUE', ' AUTO_INCREMENT UNIQUE', ' INVISIBLE']);
    return text;
  }

  /** Of a set itself, or of one of its collations. */
  #charset(words: readonly string[]): string {
    const charset = this.#one(CHARSETS);
    const word = this.#one(words);
    return ` ${word} ${word === 'COLLATE' && charset !== 'binary' ? `${charset}_bin` : charset}`;
  }

  #place(): string {
    return this.#maybe(3) ? this.#one([' FIRST', ` AFTER ${this.#column()}`]) : '';
  }

  #table(): string {
    const name = this.#one(TABLES);
    return this.#maybe(6) ? `${this.#databases[1]}.${name}` : name;
  }

  #column(): string {
    return `\`${this.#one(['a', 'b', 'c', 'd', 'e', 'f', 'g h', 'x'])}\``;
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#random(values.length)]!;
  }

  #shuffled<T>(values: readonly T[]): T[] {
    return values
      .map((value) => ({ value, at: this.#random(1000) }))
      .sort((a, b) => a.at - b.at)
      .map(({ value }) => value);
  }

  /** Once in n. */
  #maybe(n: number): boolean {
    return this.#random(n) === 0;
  }
}
