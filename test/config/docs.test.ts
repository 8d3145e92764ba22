import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderDocs } from '../../src/config/docs.ts';
import { mysqlDef, mysqlUnsupported } from '../../src/config/mysql.ts';
import { postgresDef, postgresUnsupported } from '../../src/config/postgres.ts';

test('docs/configuration.md is what the definitions say (npm run docs writes it)', () => {
  assert.equal(readFileSync('docs/configuration.md', 'utf8'), renderDocs());
});

test('no key is defined and unsupported at once, and none is listed twice', () => {
  for (const [def, unsupported] of [
    [postgresDef, postgresUnsupported],
    [mysqlDef, mysqlUnsupported],
  ] as const) {
    const keys = unsupported.map((entry) => entry.key);
    assert.deepEqual(
      keys.filter((key) => key in def),
      [],
    );
    assert.equal(new Set(keys).size, keys.length);
  }
});
