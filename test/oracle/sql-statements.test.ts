import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitStatements } from './sql-statements.ts';

test('a semicolon ends a statement, but not in quotes, names, comments and bodies', () => {
  const one = "INSERT INTO t VALUES (';', 'it''s;', 'back\\';slash')";
  const two = 'SELECT `a;``b`, "x;\\"y" /* ; */ -- ;\n FROM t # ;\n';
  const three = 'CREATE PROCEDURE p ()\nBEGIN\n  DO 1;\n  DO 2;\nEND';
  assert.deepEqual(splitStatements(`${one};\n${two};\nBEGIN;\nDO 3;\n${three};\n`, 'mysql'), [
    one,
    two.trim(),
    'BEGIN',
    'DO 3',
    three,
  ]);
});

test('Postgres has dollar quotes, and no backslashes', () => {
  const body = 'DO $x$ BEGIN PERFORM 1; END $x$';
  assert.deepEqual(splitStatements(`SELECT '\\';\n${body};`), ["SELECT '\\'", body]);
});

test('what follows the last semicolon must be empty', () => {
  for (const dialect of ['postgres', 'mysql'] as const) {
    assert.throws(() => splitStatements('SELECT 1; SELECT 2', dialect), /needs a semicolon/);
    assert.deepEqual(splitStatements('SELECT 1; -- done\n', dialect), ['SELECT 1']);
  }
});
