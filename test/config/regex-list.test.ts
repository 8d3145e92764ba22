import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileJavaRegex } from '../../src/config/java-regex.ts';
import { parseRegexList, splitRegexList } from '../../src/config/regex-list.ts';

/** Expression, names that java.util.regex.Pattern (CASE_INSENSITIVE, matches()) accepts, names that it refuses. */
const AS_JAVA: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['public.orders', ['public.orders', 'PUBLIC.ORDERS', 'public_orders'], ['public.orders2', 'my.public.orders']],
  ['public\\.orders', ['public.orders'], ['public_orders']],
  ['public\\..*', ['public.a', 'public.'], ['publicc.a']],
  ['a|b', ['a', 'b'], ['ab', 'xa', 'bx']],
  ['(inventory|sales)\\.t_\\d{1,3}', ['inventory.t_1', 'sales.T_123'], ['sales.t_1234']],
  ['public\\.(?!audit_).*', ['public.orders'], ['public.audit_log']],
  ['public\\.(?<!x)y', ['public.y'], ['public.z']],
  ['\\Qa.b$\\E\\.c', ['a.b$.c'], ['axb$.c']],
  ['(?i)public\\.(?i:T)', ['public.t'], ['public.u']],
  ['\\p{Alpha}+\\.\\p{Alnum}+', ['abc.d1'], ['a1.d']],
  ['[\\p{Lower}_]+', ['a_b'], ['a-b']],
  ['\\P{Digit}+', ['ab'], ['a1']],
  ['[\\w-.]+', ['a-b.c'], ['a b']],
  ['a\\_b\\-c\\#', ['a_b-c#'], ['ab-c#']],
  ['[]a]b', [']b', 'ab'], ['b']],
  ['[^]a]b', ['cb'], [']b']],
  ['a}b]', ['a}b]'], ['ab']],
  ['\\x41\\u0042\\x{43}', ['abc'], ['ab']],
  ['\\Aa\\z', ['a'], ['aa']],
  ['\\p{IsGreek}+', ['αβ'], ['ab']],
  ['\\p{L}\\p{Lu}?', ['ä'], ['1']],
  ['a.c', ['a😀c'.replace('😀', 'x'), 'a😀c'], ['ac']],
  ['a{2}?b{1,}', ['aab', 'aabb'], ['ab']],
];

for (const [expression, accepted, refused] of AS_JAVA) {
  test(`/${expression}/ matches what Java's matches`, () => {
    const pattern = compileJavaRegex(expression);
    for (const name of accepted) assert.ok(pattern.test(name), `${name} is to match ${pattern}`);
    for (const name of refused) assert.ok(!pattern.test(name), `${name} is not to match ${pattern}`);
  });
}

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['a*+b', /possessive quantifier '\*\+' has no counterpart here: use '\*'/],
  ['(?>a)b', /atomic group/],
  ['[a-z&&[^b]]', /intersection of classes '&&'/],
  ['[a[bc]]', /class inside another/],
  ['(?x)a b', /flags '\(\?x' have no counterpart/],
  ['(?-i)a', /flags/],
  ['\\Gx', /'\\G' has no counterpart/],
  ['a{b', /'\{' does not begin a repetition/],
  ['(a', /is not a regular expression: '\(a': Unterminated group/],
  ['*a', /is not a regular expression: '\*a': Nothing to repeat/],
  ['[a', /'\[' is not closed/],
  ['a\\', /ends in a backslash/],
];

for (const [expression, message] of REFUSED) {
  test(`/${expression}/ is refused with the reason`, () => {
    assert.throws(() => compileJavaRegex(expression), { name: 'ConfigValueError', message });
  });
}

test('a list is cut at commas but for escaped ones, and blanks and empty entries do not count', () => {
  assert.deepEqual(splitRegexList(' a\\.b , c{1\\,2}d,, \\d+,'), ['a\\.b', 'c{1,2}d', '\\d+']);
  const list = parseRegexList('a\\.b, c{1\\,2}d');
  assert.deepEqual(
    ['a.b', 'cd', 'ccd', 'cccd', 'a.b, cd'].map((name) => list.matches(name)),
    [true, true, true, false, false],
  );
});
