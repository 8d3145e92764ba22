import { ConfigValueError } from './config-def.ts';

/** The login module that a `sasl.jaas.config` names, with its options. */
export interface JaasEntry {
  /** The class as it is written, and its last part. */
  readonly className: string;
  readonly module: string;
  readonly options: Readonly<Record<string, string>>;
}

const FLAGS = ['required', 'requisite', 'sufficient', 'optional'];

interface Token {
  readonly kind: 'word' | 'text' | '=' | ';';
  readonly text: string;
}

/**
 * Reads `<login module> required <name>=<value> ... ;` as Kafka does (JaasConfig): values bare or in quotes with Java's
 * escapes, `//` and `/* *\/` comments. Throws {@link ConfigValueError}, whose message holds no option's value.
 */
export function parseJaas(source: string): JaasEntry {
  const tokens = tokenize(source);
  const className = tokens[0];
  if (className?.kind !== 'word') {
    throw new ConfigValueError(`does not begin with the class of a login module: ${EXAMPLE}`);
  }
  const flag = tokens[1];
  if (flag?.kind !== 'word' || !FLAGS.includes(flag.text.toLowerCase())) {
    throw new ConfigValueError(`has no 'required' after the login module: ${EXAMPLE}`);
  }
  const options: Record<string, string> = {};
  let at = 2;
  for (; at < tokens.length && tokens[at]!.kind !== ';'; at += 3) {
    const [name, equals, value] = tokens.slice(at, at + 3);
    const hasValue = value?.kind === 'word' || value?.kind === 'text';
    if (name!.kind !== 'word') {
      const last = Object.keys(options).at(-1);
      throw new ConfigValueError(
        `is not of the form name="value" after ${last === undefined ? flag.text : `option ${last}`}`,
      );
    }
    if (equals?.kind !== '=' || !hasValue) throw new ConfigValueError(`has no ="value" after ${nameOnly(name!.text)}`);
    options[name!.text] = value.text;
  }
  if (at >= tokens.length) throw new ConfigValueError('does not end in a semicolon');
  if (at < tokens.length - 1) throw new ConfigValueError('names more than one login module');
  return { className: className.text, module: className.text.replace(/^.*\./, ''), options };
}

const EXAMPLE = 'write org.apache.kafka.common.security.plain.PlainLoginModule required username="..." password="...";';

/** What stands where a name should be may be a piece of a password that was not quoted. */
function nameOnly(text: string): string {
  return /^(?:username|password|clientId|clientSecret|scope|serviceName|extension_\w+)$/.test(text)
    ? text
    : 'an option: values with blanks, quotes or semicolons are put in quotes';
}

const TOKEN = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|([;=])|"((?:\\[\s\S]|[^"\\])*)"|'((?:\\[\s\S]|[^'\\])*)'|([^\s;="']+)/y;

function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const match = TOKEN.exec(source);
    if (match === null) throw new ConfigValueError('has a quote that is not closed');
    const [, sign, double, single, word] = match;
    if (sign !== undefined) tokens.push({ kind: sign as ';' | '=', text: sign });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if ((double ?? single) !== undefined) tokens.push({ kind: 'text', text: unescapeText((double ?? single)!) });
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The escapes of java.io.StreamTokenizer: a letter, or up to three octal digits; any other character is itself. */
function unescapeText(text: string): string {
  return text.replace(/\\(?:([0-3]?[0-7]{1,2})|([\s\S]))/g, (_, octal: string | undefined, char: string | undefined) =>
    octal === undefined ? (ESCAPES[char!] ?? char!) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
