import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { QueryEvent } from '../../../../decoders/binlog/event.ts';
import { binlogFixtureNames, readBinlogFile, readBinlogFixture } from '../../../../fixtures/binlog/fixture.ts';
import { walk } from '../binlog-file.ts';

const KINDS = [
  ...['begin', 'commit', 'xa', 'dml', 'no-table', 'create-database', 'drop-database'],
  ...['create-table', 'alter-table', 'drop-table', 'rename-table', 'truncate-table'],
];

function* queries(name: string): Generator<QueryEvent> {
  for (const file of readBinlogFixture(name).files) {
    for (const { event } of walk(readBinlogFile(file))) if (event.kind === 'query') yield event;
  }
}

test('every statement in the recorded binlogs is understood, and every table whose columns changed is named', () => {
  const kinds = new Set<string>();
  for (const name of binlogFixtureNames()) {
    const { family, steps } = readBinlogFixture(name);
    const named = new Set<string>();
    for (const { query, status, database } of queries(name)) {
      const text = query.toString('utf8');
      const statement = classifyStatement(text, dialectOf(family, status.sqlMode ?? 0n), database);
      const context = `${name}: ${text.slice(0, 500)}`;
      kinds.add(statement.kind);
      assert.notEqual(statement.kind, 'unknown', context);
      if ('tables' in statement) for (const table of statement.tables ?? []) named.add(table.name);
      if (statement.kind === 'create-table')
        assert.ok(statement.definition !== null || statement.like !== null, context);
      if (statement.kind === 'alter-table') assert.notEqual(statement.actions, null, context);
    }
    for (const step of steps) {
      for (const table of Object.keys(step.columns ?? {})) {
        assert.ok(named.has(table.split('.').at(-1)!), `${name}: ${table} of ${step.sql}`);
      }
    }
  }
  assert.deepEqual(
    KINDS.filter((kind) => !kinds.has(kind)),
    [],
    `kinds seen: ${[...kinds].join(' ')}`,
  );
});
