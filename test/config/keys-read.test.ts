import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mysqlDef } from '../../src/config/mysql.ts';
import { postgresDef } from '../../src/config/postgres.ts';

/** Keys that have one meaning here whatever they say: parsing them has decided already. */
const DECIDED = [
  'plugin.name',
  'tasks.max',
  'topic.naming.strategy',
  'key.converter',
  'value.converter',
  'header.converter',
  'snapshot.isolation.mode',
];

test('no key is accepted and then read by nobody', () => {
  const sources = globSync('src/**/*.ts')
    // The demo writes a configuration; it reads none.
    .filter((path) => !path.startsWith('src/config/') && !path.startsWith('src/cli/demo/'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const keys = new Set([...Object.keys(postgresDef), ...Object.keys(mysqlDef)]);
  const unread = [...keys].filter((key) => !sources.includes(`'${key}'`) && !sources.includes(`.${key}`));
  assert.deepEqual(unread.sort(), DECIDED.toSorted());
});
