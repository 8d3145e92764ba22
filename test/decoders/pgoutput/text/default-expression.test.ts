import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDefaultExpression } from '../../../../decoders/pgoutput/text/default-expression.ts';

test('literals are read whole, whatever they are quoted, cast or wrapped in', () => {
  const literals: [string, string][] = [
    ['5', '5'],
    ["'-3'::integer", '-3'],
    ['(0)::numeric', '0'],
    ['(-1.5)', '-1.5'],
    ['true', 'true'],
    ["'it''s'::character varying", "it's"],
    ["''''::text", "'"],
    ["''::text", ''],
    ["'a\nb'::text", 'a\nb'],
    ["'a::text'::text", 'a::text'],
    ["('abc'::character varying)::text", 'abc'],
    ["'abc'::character varying(10)", 'abc'],
    [`B'101'::"bit"`, '101'],
    [`'ok'::other."My Mood"`, 'ok'],
    ["'2020-02-02 03:04:05.6'::timestamp(3) without time zone", '2020-02-02 03:04:05.6'],
    ["'{1,2}'::integer[]", '{1,2}'],
    ["'now()'::text", 'now()'],
  ];
  for (const [expression, text] of literals) {
    assert.deepEqual(parseDefaultExpression(expression), { kind: 'literal', text }, expression);
  }
});

test('calls are functions, whose value only the server knows', () => {
  for (const expression of [
    'now()',
    "nextval('s.t_id_seq'::regclass)",
    "(now() + '1 day'::interval)",
    'CURRENT_TIMESTAMP',
    'CURRENT_TIMESTAMP(3)',
    'CURRENT_USER',
    'public.f(1, 2)',
    "timezone('utc'::text, now())",
  ]) {
    assert.deepEqual(parseDefaultExpression(expression), { kind: 'function' }, expression);
  }
});

test('other expressions are not guessed at', () => {
  for (const expression of [
    'NULL::character varying',
    "('a'::text || 'b'::text)",
    '(1 + 2)',
    "ARRAY['a'::text]",
    "(CURRENT_TIMESTAMP + '1 day'::interval)",
    '\'a\'::text COLLATE "C"',
    '',
  ]) {
    assert.equal(parseDefaultExpression(expression), null, expression);
  }
});
