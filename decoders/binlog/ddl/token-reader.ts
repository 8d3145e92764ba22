import type { TableName } from './statement.ts';
import { type SqlDialect, type Token, Tokenizer } from './tokens.ts';

/** The statement is of no form that we know. Never leaves this folder: the classifier turns it into `unknown`. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
}

/** A statement's tokens with look-ahead, and the small grammar that all statements share. Reads no further than asked. */
export class TokenReader {
  readonly text: string;
  readonly server: SqlDialect['server'];
  readonly #tokenizer: Tokenizer;
  readonly #defaultDatabase: string;
  readonly #tokens: Token[] = [];
  #index = 0;

  constructor(text: string, dialect: SqlDialect, defaultDatabase: string) {
    this.text = text;
    this.server = dialect.server;
    this.#tokenizer = new Tokenizer(text, dialect);
    this.#defaultDatabase = defaultDatabase;
  }

  peek(ahead = 0): Token {
    while (this.#tokens.length <= this.#index + ahead) {
      const last = this.#tokens.at(-1);
      this.#tokens.push(last?.kind === 'end' || last?.kind === 'broken' ? last : this.#tokenizer.next());
    }
    return this.#tokens[this.#index + ahead]!;
  }

  next(): Token {
    const token = this.peek();
    this.#index++;
    return token;
  }

  get mark(): number {
    return this.#index;
  }

  reset(mark: number): void {
    this.#index = mark;
  }

  /** Takes the words (or symbols) if they all come next, in this order. */
  accept(...words: readonly string[]): boolean {
    for (const [i, word] of words.entries()) {
      const token = this.peek(i);
      if (token.upper !== word || token.kind === 'quoted') return false;
    }
    this.#index += words.length;
    return true;
  }

  acceptAny(words: readonly string[]): string | null {
    return words.find((word) => this.accept(word)) ?? null;
  }

  expect(...words: readonly string[]): void {
    if (!this.accept(...words)) throw this.notUnderstood(words.join(' '));
  }

  notUnderstood(expected: string): NotUnderstood {
    const { kind, start, end } = this.peek();
    const found =
      kind === 'end' || kind === 'broken'
        ? 'the end'
        : JSON.stringify(this.text.slice(start, Math.min(end, start + 40)));
    return new NotUnderstood(`expected ${expected}, found ${found} at character ${start}`);
  }

  /** True at the end of the statement, a closing semicolon aside. */
  get isAtEnd(): boolean {
    let ahead = 0;
    while (this.peek(ahead).upper === ';') ahead++;
    return this.peek(ahead).kind === 'end';
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw this.notUnderstood('the end of the statement');
  }

  identifier(): string {
    const token = this.peek();
    if (token.kind !== 'word' && token.kind !== 'quoted') throw this.notUnderstood('a name');
    this.#index++;
    return token.value;
  }

  /** `table`, `database.table` or `.table`, with the default database where none is said. */
  tableName(): TableName {
    if (this.accept('.')) return { database: this.#defaultDatabase, name: this.identifier() };
    const first = this.identifier();
    return this.accept('.')
      ? { database: first, name: this.identifier() }
      : { database: this.#defaultDatabase, name: first };
  }

  /** The default database's name when none follows, as in ALTER DATABASE CHARACTER SET utf8mb4. */
  get defaultDatabase(): string {
    return this.#defaultDatabase;
  }

  /** Skips one balanced `( ... )`. */
  skipParentheses(): void {
    this.expect('(');
    for (let depth = 1; depth > 0; ) {
      const token = this.next();
      if (token.kind === 'end' || token.kind === 'broken') throw this.notUnderstood('a closing parenthesis');
      if (token.upper === '(') depth++;
      if (token.upper === ')') depth--;
    }
  }

  /** Skips to the next comma or closing parenthesis of this level, or to the end. */
  skipItem(): void {
    for (;;) {
      const { kind, upper } = this.peek();
      if (kind === 'broken') throw this.notUnderstood('a literal that ends');
      if (kind === 'end' || upper === ',' || upper === ')' || upper === ';') return;
      if (upper === '(') this.skipParentheses();
      else this.next();
    }
  }

  /** The text between the token at `mark` and the last one read. */
  textSince(mark: number): string {
    if (mark === this.#index) return '';
    return this.text.slice(this.#tokens[mark]!.start, this.#tokens[this.#index - 1]!.end);
  }
}
