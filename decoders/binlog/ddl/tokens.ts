/** What the reading of SQL text depends on; a QUERY_EVENT tells the `sql_mode` in its status variables. */
export interface SqlDialect {
  readonly server: 'mysql' | 'mariadb';
  /** ANSI_QUOTES: a double-quoted word is an identifier, not a string. */
  readonly ansiQuotes: boolean;
  /** NO_BACKSLASH_ESCAPES: a backslash in a string is a backslash. */
  readonly noBackslashEscapes: boolean;
}

/** Bits of `sql_mode` (sql/query_options.h in MySQL, sql/sql_class.h in MariaDB; the same in both). */
const MODE_ANSI_QUOTES = 1n << 2n;
const MODE_NO_BACKSLASH_ESCAPES = 1n << 20n;

export function dialectOf(server: SqlDialect['server'], sqlMode: bigint): SqlDialect {
  return {
    server,
    ansiQuotes: (sqlMode & MODE_ANSI_QUOTES) !== 0n,
    noBackslashEscapes: (sqlMode & MODE_NO_BACKSLASH_ESCAPES) !== 0n,
  };
}

/**
 * - `word`: an unquoted identifier or keyword; `quoted`: an identifier in quotes; their `value` is the name
 * - `string`: a string literal, `value` is its content; `number`: a numeric literal
 * - `symbol`: one character of anything else
 * - `broken`: a literal or comment that never ends: the server would have refused it
 * - `end`: nothing more
 */
export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'broken' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly value: string;
  /** Of a word its upper case, for keywords; of a symbol the symbol; else empty. */
  readonly upper: string;
  /** Characters `[start, end)` of the text. */
  readonly start: number;
  readonly end: number;
}

const WORD = /[0-9A-Za-z$_\u0080-\uffff]+/y;
const HEX_OR_BITS = /^0(?:x[0-9A-Fa-f]+|b[01]+)$/;
const SIGNED_DIGIT = /^[+-]\d/;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
/** An executable comment begins so; a version of five or six digits may follow. */
const EXECUTABLE_COMMENT = /\/\*(M?)!(\d{5,6})?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the server takes every control character for a blank
const BLANK = /[\u0000- \u007f]+/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const DASH_COMMENT_FOLLOW = /[\u0000- ]/;

/**
 * Splits the text of one statement as the servers' lexers do (sql/sql_lex.cc), a token at a time.
 *
 * The content of an executable comment (`/*! ... *\/`, in MariaDB also `/*M! ... *\/`) is read whatever its version: the
 * server overwrites the `!` of those that it did not execute before it writes the statement to its binlog.
 */
export class Tokenizer {
  readonly text: string;
  readonly #dialect: SqlDialect;
  #position = 0;
  #isInExecutableComment = false;
  /** The previous token was an identifier, and `.` followed it directly: what follows is a name, also if it looks like a number. */
  #expectsNamePart = false;

  constructor(text: string, dialect: SqlDialect) {
    this.text = text;
    this.#dialect = dialect;
  }

  next(): Token {
    const broken = this.#skipBlanks();
    const start = this.#position;
    if (broken) return this.#token('broken', '', start, this.text.length);
    if (start >= this.text.length) {
      return this.#token(this.#isInExecutableComment ? 'broken' : 'end', '', start, start);
    }
    const char = this.text[start]!;
    if (char === '`') return this.#quoted(start, '`', 'quoted');
    if (char === '"') return this.#quoted(start, '"', this.#dialect.ansiQuotes ? 'quoted' : 'string');
    if (char === "'") return this.#quoted(start, "'", 'string');

    const word = this.#match(WORD);
    if (!this.#expectsNamePart && (char === '.' || isDigit(char)) && (word === '' || this.#isNumber(word))) {
      const literal = HEX_OR_BITS.test(word) ? word : this.#match(NUMBER);
      if (literal !== '') return this.#token('number', literal, start, start + literal.length);
    }
    if (word !== '') return this.#token('word', word, start, start + word.length);
    return this.#token('symbol', char, start, start + 1);
  }

  #token(kind: TokenKind, value: string, start: number, end: number): Token {
    this.#position = end;
    const namePart = kind === 'word' || kind === 'quoted';
    if (namePart && this.text[end] === '.') this.#expectsNamePart = true;
    else if (kind !== 'symbol' || value !== '.') this.#expectsNamePart = false;
    const upper = kind === 'word' ? value.toUpperCase() : kind === 'symbol' ? value : '';
    return { kind, value, upper, start, end };
  }

  /** Moves to the next token; true when a comment never ends. */
  #skipBlanks(): boolean {
    const text = this.text;
    for (;;) {
      this.#position += this.#match(BLANK).length;
      const at = this.#position;
      if (
        text[at] === '#' ||
        (text.startsWith('--', at) && (at + 2 >= text.length || DASH_COMMENT_FOLLOW.test(text[at + 2]!)))
      ) {
        const newline = text.indexOf('\n', at);
        this.#position = newline === -1 ? text.length : newline + 1;
      } else if (this.#isInExecutableComment && text.startsWith('*/', at)) {
        this.#isInExecutableComment = false;
        this.#position = at + 2;
      } else if (text.startsWith('/*', at)) {
        EXECUTABLE_COMMENT.lastIndex = at;
        const executable = EXECUTABLE_COMMENT.exec(text);
        if (executable !== null && (executable[1] === '' || this.#dialect.server === 'mariadb')) {
          this.#isInExecutableComment = true;
          this.#position = at + executable[0].length;
        } else {
          const close = text.indexOf('*/', at + 2);
          if (close === -1) return true;
          this.#position = close + 2;
        }
      } else {
        return false;
      }
      this.#expectsNamePart = false;
    }
  }

  /** Of a word that begins with a digit: a number, or the beginning of one. The servers take any other for a name. */
  #isNumber(word: string): boolean {
    if (/^\d+(?:[eE]\d+)?$/.test(word) || HEX_OR_BITS.test(word)) return true;
    return (
      /^\d+[eE]$/.test(word) &&
      SIGNED_DIGIT.test(this.text.slice(this.#position + word.length, this.#position + word.length + 2))
    );
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.text)?.[0] ?? '';
  }

  #quoted(start: number, quote: string, kind: 'quoted' | 'string'): Token {
    const text = this.text;
    const escapes = kind === 'string' && !this.#dialect.noBackslashEscapes;
    let value = '';
    let from = start + 1;
    for (let at = from; at < text.length; at++) {
      const char = text[at];
      if (char === '\\' && escapes) {
        value += text.slice(from, at) + unescapeCharacter(text[at + 1] ?? '');
        from = at + 2;
        at++;
      } else if (char === quote) {
        if (text[at + 1] !== quote) return this.#token(kind, value + text.slice(from, at), start, at + 1);
        value += text.slice(from, at + 1);
        from = at + 2;
        at++;
      }
    }
    return this.#token('broken', '', start, text.length);
  }
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9';
}

/** MySQL manual, "String Literals": any other character stands for itself; `\%` and `\_` keep their backslash. */
function unescapeCharacter(char: string): string {
  switch (char) {
    case '0':
      return '\0';
    case 'b':
      return '\b';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'Z':
      return '\u001a';
    case '%':
    case '_':
      return `\\${char}`;
    default:
      return char;
  }
}
