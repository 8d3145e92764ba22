import { ConfigValueError } from './config-def.ts';

/** POSIX and java.lang.Character classes of `\p{...}`, as the inside of a character class in JavaScript's `u` mode. */
const JAVA_CLASSES: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7F',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '!-\\/:-@\\[-`\\{-~',
  Graph: '!-~',
  Print: ' -~',
  Blank: ' \\t',
  Cntrl: '\\x00-\\x1F\\x7F',
  XDigit: '0-9a-fA-F',
  Space: ' \\t\\n\\x0B\\f\\r',
  javaLowerCase: '\\p{Lowercase}',
  javaUpperCase: '\\p{Uppercase}',
  javaWhitespace: '\\s',
  IsAlphabetic: '\\p{Alphabetic}',
  IsDigit: '\\p{Nd}',
  IsLetter: '\\p{L}',
};
const HORIZONTAL_SPACE = ' \\t\\u00A0\\u1680\\u180E\\u2000-\\u200A\\u202F\\u205F\\u3000';
const VERTICAL_SPACE = '\\n\\x0B\\f\\r\\x85\\u2028\\u2029';

/** Letters after a backslash that mean the same in both languages. */
const SAME_ESCAPES = new Set('dDwWtnrfbB');
const SYNTAX = new Set('^$\\.*+?()[]{}|/');

/**
 * A Java regular expression (java.util.regex.Pattern) as a JavaScript one that matches whole names without regard to case,
 * as Debezium's lists do. Throws {@link ConfigValueError} for what JavaScript cannot do or what is not a regular expression.
 */
export function compileJavaRegex(java: string): RegExp {
  const source = new Translator(java).translate();
  try {
    return new RegExp(`^(?:${source})$`, 'iu');
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^Invalid regular expression: .*\/[a-z]*: /s, '') : '';
    throw new ConfigValueError(`is not a regular expression: '${java}': ${reason}`);
  }
}

class Translator {
  readonly #java: string;
  #at = 0;
  #classDepth = 0;

  constructor(java: string) {
    this.#java = java;
  }

  translate(): string {
    let out = '';
    while (this.#at < this.#java.length) out += this.#next();
    if (this.#classDepth > 0) this.#fail("a '[' is not closed");
    return out;
  }

  #next(): string {
    const java = this.#java;
    const char = String.fromCodePoint(java.codePointAt(this.#at)!);
    this.#at += char.length;
    if (char === '\\') return this.#escape();
    if (this.#classDepth > 0) return this.#inClass(char);
    switch (char) {
      case '[':
        this.#classDepth = 1;
        if (java.startsWith('^', this.#at)) {
          this.#at++;
          return `[^${this.#leadingBracket()}`;
        }
        return `[${this.#leadingBracket()}`;
      case ']':
      case '}':
        return `\\${char}`;
      case '(':
        return this.#group();
      case '*':
      case '+':
      case '?':
        return this.#quantifier(char);
      case '{': {
        const bounds = /^\d+(?:,\d*)?\}/.exec(java.slice(this.#at));
        if (bounds === null) this.#fail("a '{' does not begin a repetition such as {2,5}");
        this.#at += bounds[0].length;
        return this.#quantifier(`{${bounds[0]}`);
      }
      default:
        return char;
    }
  }

  /** In Java a `]` right after `[` or `[^` is a literal. */
  #leadingBracket(): string {
    if (!this.#java.startsWith(']', this.#at)) return '';
    this.#at++;
    return '\\]';
  }

  #inClass(char: string): string {
    if (char === ']') {
      this.#classDepth = 0;
      return ']';
    }
    if (char === '[') this.#fail('a character class inside another has no counterpart here: write one class');
    if (char === '&' && this.#java.startsWith('&', this.#at)) {
      this.#fail("the intersection of classes '&&' has no counterpart here: write out the class");
    }
    // Beside a class such as \w a dash is a literal in Java and an error in JavaScript's `u` mode.
    const besideClass =
      /\\[dDwWsShv]$/.test(this.#java.slice(0, this.#at - 1)) || /^\\[dDwWsShv]/.test(this.#java.slice(this.#at));
    if (char === '-' && besideClass) return '\\-';
    return char;
  }

  #quantifier(text: string): string {
    if (this.#java.startsWith('+', this.#at)) {
      this.#fail(`the possessive quantifier '${text}+' has no counterpart here: use '${text}'`);
    }
    if (!this.#java.startsWith('?', this.#at)) return text;
    this.#at++;
    return `${text}?`;
  }

  #group(): string {
    const rest = this.#java.slice(this.#at);
    if (rest.startsWith('?>')) this.#fail("the atomic group '(?>' has no counterpart here: use '(?:'");
    const flags = /^\?([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])/.exec(rest);
    if (flags === null) return '(';
    const [whole, on = '', off = '', end] = flags;
    // Names are matched without regard to case, hold no line ends, and are ASCII or not by the same rule: i, u, s, m and d change nothing.
    if (off !== '' || /[^iusmd]/.test(on)) this.#fail(`the flags '(${whole.slice(0, -1)}' have no counterpart here`);
    this.#at += whole.length;
    return end === ':' ? '(?:' : '';
  }

  #escape(): string {
    const java = this.#java;
    const char = java[this.#at++];
    if (char === undefined) this.#fail('it ends in a backslash');
    const inClass = this.#classDepth > 0;
    if (SAME_ESCAPES.has(char)) return `\\${char}`;
    if (/[1-9]/.test(char)) return `\\${char}`;
    switch (char) {
      case 'Q': {
        const end = java.indexOf('\\E', this.#at);
        const quoted = java.slice(this.#at, end === -1 ? java.length : end);
        this.#at = end === -1 ? java.length : end + 2;
        return [...quoted].map(literal).join('');
      }
      case 'E':
        return '';
      case 'A':
        return '^';
      case 'z':
      case 'Z':
        return '$';
      case 'a':
        return '\\x07';
      case 'e':
        return '\\x1B';
      case 's':
        return '\\s';
      case 'S':
        return '\\S';
      case 'h':
        return inClass ? HORIZONTAL_SPACE : `[${HORIZONTAL_SPACE}]`;
      case 'v':
        return inClass ? VERTICAL_SPACE : `[${VERTICAL_SPACE}]`;
      case 'R':
        return `(?:\\r\\n|[${VERTICAL_SPACE}])`;
      case 'k':
        return '\\k';
      case '0':
        return this.#number(/^[0-3]?[0-7]{1,2}/, 8, 'an octal number');
      case 'x':
        return java.startsWith('{', this.#at)
          ? this.#braced()
          : this.#number(/^[0-9a-fA-F]{2}/, 16, 'two hexadecimal digits');
      case 'u':
        return this.#number(/^[0-9a-fA-F]{4}/, 16, 'four hexadecimal digits');
      case 'p':
      case 'P':
        return this.#characterClass(char === 'P');
      default:
        if (/[a-zA-Z]/.test(char)) this.#fail(`'\\${char}' has no counterpart here`);
        return inClass && char === '-' ? '\\-' : literal(char);
    }
  }

  #number(digits: RegExp, base: number, what: string): string {
    const match = digits.exec(this.#java.slice(this.#at));
    if (match === null) this.#fail(`${what} must follow '${this.#java.slice(this.#at - 2, this.#at)}'`);
    this.#at += match[0].length;
    return `\\u{${Number.parseInt(match[0], base).toString(16)}}`;
  }

  #braced(): string {
    const match = /^\{([0-9a-fA-F]+)\}/.exec(this.#java.slice(this.#at));
    if (match === null) this.#fail("a hexadecimal number in braces must follow '\\x'");
    this.#at += match[0].length;
    return `\\u{${match[1]}}`;
  }

  #characterClass(negated: boolean): string {
    const match = /^(?:\{\^?([^}]+)\}|([A-Za-z]))/.exec(this.#java.slice(this.#at));
    if (match === null) this.#fail("a class name must follow '\\p'");
    this.#at += match[0].length;
    const name = (match[1] ?? match[2])!;
    const known = JAVA_CLASSES[name];
    if (known === undefined) {
      const property = name.replace(/^Is(?=[A-Z])/, '');
      return `\\${negated ? 'P' : 'p'}{${/^[A-Z][a-z]{3,}$/.test(property) ? `Script=${property}` : property}}`;
    }
    if (this.#classDepth === 0) return `[${negated ? '^' : ''}${known}]`;
    if (negated) this.#fail(`'\\P{${name}}' inside a class has no counterpart here`);
    return known;
  }

  #fail(reason: string): never {
    throw new ConfigValueError(`holds a regular expression that cannot be used: '${this.#java}': ${reason}`);
  }
}

function literal(char: string): string {
  return SYNTAX.has(char) ? `\\${char}` : char;
}
