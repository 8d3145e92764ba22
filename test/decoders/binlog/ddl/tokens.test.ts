import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialectOf, type SqlDialect, Tokenizer } from '../../../../decoders/binlog/ddl/tokens.ts';

const MYSQL = dialectOf('mysql', 0n);
const MARIADB = dialectOf('mariadb', 0n);

function tokens(text: string, dialect: SqlDialect = MYSQL): string[] {
  const tokenizer = new Tokenizer(text, dialect);
  const found: string[] = [];
  for (;;) {
    const { kind, value } = tokenizer.next();
    if (kind === 'end') return found;
    found.push(`${kind}:${value}`);
    if (kind === 'broken') return found;
  }
}

test('identifiers, strings and quotes inside of them', () => {
  assert.deepEqual(tokens('a `b``c` "d""e" \'f\'\'g\''), ['word:a', 'quoted:b`c', 'string:d"e', "string:f'g"]);
  assert.deepEqual(tokens('"d""e\\n"', dialectOf('mysql', 4n)), ['quoted:d"e\\n']);
  assert.deepEqual(tokens("'a\\'b\\n\\0\\%\\q'"), ["string:a'b\n\0\\%q"]);
  assert.deepEqual(tokens("'a\\' b", dialectOf('mysql', 1n << 20n)), ['string:a\\', 'word:b']);
  assert.deepEqual(tokens('тест.`таб лица`'), ['word:тест', 'symbol:.', 'quoted:таб лица']);
  assert.deepEqual(tokens('`a\\`b'), ['quoted:a\\', 'word:b'], 'no backslash escapes in identifiers');
});

test('a name may begin with digits, and behind a dot it may be digits alone', () => {
  assert.deepEqual(tokens('1a 2e 0x1g db.123 db.1e5 a.b.9c'), [
    'word:1a',
    'word:2e',
    'word:0x1g',
    'word:db',
    'symbol:.',
    'word:123',
    'word:db',
    'symbol:.',
    'word:1e5',
    'word:a',
    'symbol:.',
    'word:b',
    'symbol:.',
    'word:9c',
  ]);
  assert.deepEqual(tokens('1 1.5 .5 1e5 1.5e-3 1e+2 0x1F 0b01 -7'), [
    'number:1',
    'number:1.5',
    'number:.5',
    'number:1e5',
    'number:1.5e-3',
    'number:1e+2',
    'number:0x1F',
    'number:0b01',
    'symbol:-',
    'number:7',
  ]);
});

test('comments are blanks; executable comments are code, those of MariaDB only there', () => {
  assert.deepEqual(tokens('a/* b */c -- d\n#e\nf--g\n--'), [
    'word:a',
    'word:c',
    'word:f',
    'symbol:-',
    'symbol:-',
    'word:g',
  ]);
  assert.deepEqual(tokens('DROP /*!40005 TEMPORARY */ TABLE /*!t*/'), [
    'word:DROP',
    'word:TEMPORARY',
    'word:TABLE',
    'word:t',
  ]);
  assert.deepEqual(tokens('a /*!100100 b /* c */ d */ e'), ['word:a', 'word:b', 'word:d', 'word:e']);
  assert.deepEqual(tokens('a /*M!100100 b */ c', MARIADB), ['word:a', 'word:b', 'word:c']);
  assert.deepEqual(tokens('a /*M!100100 b */ c', MYSQL), ['word:a', 'word:c']);
  assert.deepEqual(tokens("'/* a */' `-- b` /* 'c */ d"), ['string:/* a */', 'quoted:-- b', 'word:d']);
});

test('what never ends is broken, and the tokens end there', () => {
  for (const text of ["'a", "'a\\'", '"a', '`a', '/* a', '/*! a', "'a''", '/*!']) {
    assert.equal(tokens(text).at(-1), 'broken:', text);
  }
});
