import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigValueError } from '../../src/config/config-def.ts';
import { parseJaas } from '../../src/config/jaas.ts';

test('a login module and its options are read as Kafka reads them', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['a.b.PlainLoginModule required username="alice" password="p";', { username: 'alice', password: 'p' }],
    ['PlainLoginModule REQUIRED\n  username=alice\n  password=p-1_$2.x ;', { username: 'alice', password: 'p-1_$2.x' }],
    ["PlainLoginModule required password='a\"b';", { password: 'a"b' }],
    ['PlainLoginModule required password="a\\"b\\\\c;d = e\\n\\101";', { password: 'a"b\\c;d = e\nA' }],
    ['PlainLoginModule required /* user="x" */ a="1" // b="2"\n c="/*3*/";', { a: '1', c: '/*3*/' }],
    ['PlainLoginModule required a = "1";  ', { a: '1' }],
    ['PlainLoginModule required oauth.client.id="x" empty="";', { 'oauth.client.id': 'x', empty: '' }],
    ['PlainLoginModule required;', {}],
  ];
  for (const [text, options] of cases) {
    const entry = parseJaas(text);
    assert.deepEqual(entry.options, options, text);
    assert.equal(entry.module, 'PlainLoginModule');
  }
});

test('what is no JAAS entry is told without showing any of it', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /does not begin with the class of a login module/],
    ['"x" required;', /does not begin with the class/],
    ['PlainLoginModule username="alice" password="secret";', /no 'required' after the login module/],
    ['PlainLoginModule required username="alice" password="secret"', /does not end in a semicolon/],
    ['PlainLoginModule required password="secret;', /a quote that is not closed/],
    ['PlainLoginModule required password=sec ret;', /has no ="value" after an option: values with blanks/],
    ['PlainLoginModule required password "secret";', /has no ="value" after password/],
    ['PlainLoginModule required password=secret== x="1";', /is not of the form name="value" after option password/],
    ['A required a="1"; B required b="secret";', /names more than one login module/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseJaas(text),
      (error) =>
        error instanceof ConfigValueError && message.test(error.message) && !/secret|sec ret/.test(error.message),
      text,
    );
  }
});
