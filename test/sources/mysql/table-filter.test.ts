import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRegexList } from '../../../src/config/regex-list.ts';
import { createTableFilter, type FilterConfig } from '../../../src/sources/mysql/table-filter.ts';

function filterOf(lists: Partial<Record<keyof FilterConfig, string>>) {
  const list = (key: keyof FilterConfig) => (lists[key] === undefined ? null : parseRegexList(lists[key]));
  return createTableFilter({
    'database.include.list': list('database.include.list'),
    'database.exclude.list': list('database.exclude.list'),
    'table.include.list': list('table.include.list'),
    'table.exclude.list': list('table.exclude.list'),
  });
}

test('every table but those of system databases is captured when no list narrows the choice', () => {
  const filter = filterOf({});
  assert.ok(filter.hasTable('shop', 'orders') && filter.hasDatabase('shop'));
  for (const database of ['mysql', 'information_schema', 'PERFORMANCE_SCHEMA', 'sys']) {
    assert.ok(!filter.hasTable(database, 'user') && !filter.hasDatabase(database), database);
  }
});

test('tables are matched as database.table, whole and in any case', () => {
  const filter = filterOf({ 'table.include.list': 'shop\\.orders,shop\\.item.*' });
  assert.ok(filter.hasTable('Shop', 'ORDERS') && filter.hasTable('shop', 'items'));
  assert.ok(!filter.hasTable('shop', 'orders2') && !filter.hasTable('eshop', 'orders'));
  assert.ok(!filterOf({ 'table.exclude.list': 'shop\\.orders' }).hasTable('shop', 'orders'));
});

test('a table is captured only if its database is', () => {
  const filter = filterOf({ 'database.include.list': 'shop', 'table.include.list': '.*\\.orders' });
  assert.ok(filter.hasTable('shop', 'orders') && !filter.hasTable('other', 'orders') && !filter.hasTable('shop', 'x'));
  assert.ok(filter.hasDatabase('shop') && !filter.hasDatabase('other'));
  assert.ok(!filterOf({ 'database.exclude.list': 'other' }).hasTable('other', 'orders'));
});

test('a list cannot choose a table of a system database', () => {
  assert.ok(!filterOf({ 'table.include.list': 'mysql\\.user' }).hasTable('mysql', 'user'));
});
