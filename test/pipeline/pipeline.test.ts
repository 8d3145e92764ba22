import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Table } from '../../decoders/change.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { Batch, EncodedBatch, TableMapping } from '../../src/model/plugin.ts';
import type { LogRecord } from '../../src/model/record.ts';
import { createPipeline } from '../../src/pipeline/create-pipeline.ts';
import { decodeRecords } from '../../src/pipeline/decode-records.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { configOf, fakeSource, TX } from './fake-source.ts';
import { rowChange, rowOf, tableOf } from './tables.ts';

const START_MICROS = 1_700_000_000_000_000;
/** Both plans keep every promise. */
const PLANS = ['compiled', 'structured'] as const;

class Scene {
  readonly pipeline: Pipeline;
  nowMicros = START_MICROS;
  elapsedMs = 7;
  readonly #schemas: boolean;

  constructor(
    mappings: readonly TableMapping[],
    properties: Readonly<Record<string, string>> = {},
    plan: (typeof PLANS)[number] = 'compiled',
  ) {
    this.#schemas = properties['value.converter.schemas.enable'] === 'true';
    this.pipeline = createPipeline({
      config: configOf({
        'key.converter.schemas.enable': 'false',
        'value.converter.schemas.enable': 'false',
        'extended.headers.enabled': 'false',
        ...properties,
      }),
      source: fakeSource(mappings),
      connectorType: 'postgresql',
      partitionsOf: () => 1,
      partitioner: () => 0,
      plan,
      clock: () => this.nowMicros,
      elapsedMs: () => this.elapsedMs,
    });
    this.pipeline.resume(null);
  }

  pass(ms: number): void {
    this.nowMicros += ms * 1000;
    this.elapsedMs += ms;
  }

  encode(changes: readonly Change[], rest: Partial<Batch> = {}): EncodedBatch {
    return this.pipeline.encode({ changes, offset: { lsn: 1 }, bytes: 1, ...rest });
  }

  records(changes: readonly Change[]): LogRecord[] {
    const encoded = this.encode(changes);
    const records = encoded.records.flatMap((part) => decodeRecords(part, 0, encoded.timestampMs));
    this.pipeline.release(encoded);
    return records;
  }

  /** Key and payload of each record. */
  values(changes: readonly Change[]): [key: unknown, value: Record<string, unknown> | null][] {
    return this.records(changes).map(({ key, value }) => {
      const parsed = value === null ? null : JSON.parse(value.toString());
      return [key === null ? null : JSON.parse(key.toString()), this.#schemas ? parsed.payload : parsed];
    });
  }
}

test('a batch without changes has no records, and its offset and marks go on', () => {
  const scene = new Scene([]);
  assert.deepEqual(scene.encode([], { offset: { lsn: 9 }, snapshot: 'begin' }), {
    records: [],
    offset: { lsn: 9 },
    timestampMs: START_MICROS / 1000,
    snapshot: 'begin',
  });
  assert.ok(!('snapshot' in scene.encode([])));
});

test('a heartbeat comes once in an interval, with changes or without, and never when it is off', () => {
  const scene = new Scene([], { 'heartbeat.interval.ms': '1000' });
  const off = new Scene([]);
  const beats = (afterMs: number): number => {
    scene.pass(afterMs);
    off.pass(afterMs);
    assert.deepEqual(off.records([]), []);
    return scene.records([]).length;
  };
  assert.deepEqual([0, 500, 600, 1, 500, 600, 60_000, 0].map(beats), [0, 0, 1, 0, 0, 1, 1, 0]);
});

test('heartbeats come in their interval whichever way the clock is set', () => {
  for (const setBy of [-3_600_000, 3_600_000]) {
    const scene = new Scene([], { 'heartbeat.interval.ms': '1000' });
    scene.nowMicros += setBy * 1000;
    assert.equal(scene.records([]).length, 0);
    scene.pass(1000);
    assert.equal(scene.records([]).length, 1);
  }
});

test('a heartbeat says when it was made, on the topic of heartbeats', () => {
  const scene = new Scene([], { 'heartbeat.interval.ms': '1000' });
  scene.pass(1000);
  scene.nowMicros += 999;
  const [record] = scene.records([]);
  assert.equal(record?.topic, '__debezium-heartbeat.shop');
  assert.equal(String(record?.key), '{"serverName":"shop"}');
  assert.equal(String(record?.value), `{"ts_ms":${START_MICROS / 1000 + 1000}}`);
});

test('a NULL in a whole row is never published as a default, whatever the catalog says by then', () => {
  const mapping = tableOf(
    {
      id: { type: 'int4' },
      note: { type: 'text', notNull: true, defaultExpression: "'x'::text" },
      n: { type: 'int4', notNull: true },
    },
    ['id'],
    'full',
  );
  for (const plan of PLANS) {
    const scene = new Scene([mapping], { 'value.converter.schemas.enable': 'true' }, plan);
    const insert = rowChange(mapping, 'c', { after: rowOf(['1', 'a', '5']) });
    const withNulls = rowChange(mapping, 'u', { before: rowOf(['1', null, '5']), after: rowOf(['1', 'b', null]) });
    const [first, second] = scene.values([insert, withNulls]).map(([, value]) => value);
    assert.deepEqual(first?.after, { id: 1, note: 'a', n: 5 });
    assert.deepEqual(second?.before, { id: 1, note: null, n: 5 });
    assert.deepEqual(second?.after, { id: 1, note: 'b', n: null });
    // From here on the schema allows it, so that a consumer can read it.
    const fields = (record: LogRecord): Record<string, { optional: boolean; default?: unknown }> => {
      const { schema } = JSON.parse(String(record.value));
      return Object.fromEntries(schema.fields[1].fields.map((field: { field: string }) => [field.field, field]));
    };
    const later = fields(scene.records([insert])[0]!);
    assert.deepEqual(
      [later.note?.optional, later.note?.default, later.n?.optional, later.id?.optional],
      [true, undefined, true, false],
    );
  }
});

test('what a key-only row lacks does not make a column optional', () => {
  const mapping = tableOf({ id: { type: 'int4' }, n: { type: 'int4', notNull: true } }, ['id']);
  for (const plan of PLANS) {
    const scene = new Scene([mapping], { 'value.converter.schemas.enable': 'true' }, plan);
    const [record] = scene.records([rowChange(mapping, 'd', { before: rowOf(['1', null], 'key') })]);
    const { schema, payload } = JSON.parse(String(record?.value));
    assert.equal(schema.fields[0].fields[1].optional, false);
    assert.deepEqual(payload.before, { id: 1, n: 0 });
  }
});

test('a key column that was not sent again is taken from the old key', () => {
  const mapping = tableOf({ code: { type: 'text' }, id: { type: 'int4' }, body: { type: 'text' } }, ['code', 'id']);
  for (const plan of PLANS) {
    const scene = new Scene([mapping], {}, plan);
    const before = rowOf(['long', '1', null], 'key');
    const same = scene.values([rowChange(mapping, 'u', { before, after: rowOf([undefined, '1', undefined]) })]);
    const unavailable = '__debezium_unavailable_value';
    assert.deepEqual(
      same.map(([key]) => key),
      [{ code: 'long', id: 1 }],
    );
    assert.deepEqual(same[0]![1]!.after, { code: 'long', id: 1, body: unavailable });
    const moved = scene.values([rowChange(mapping, 'u', { before, after: rowOf([undefined, '2', 'b']) })]);
    assert.deepEqual(
      moved.map(([key]) => key),
      [
        { code: 'long', id: 1 },
        { code: 'long', id: 1 },
        { code: 'long', id: 2 },
      ],
    );
  }
});

test('an unchanged value is taken from a whole old row, and is a placeholder without one', () => {
  const mapping = tableOf({ id: { type: 'int4' }, body: { type: 'text' }, more: { type: 'bytea' } }, ['id'], 'full');
  for (const plan of PLANS) {
    const scene = new Scene([mapping], {}, plan);
    const after = rowOf(['1', undefined, undefined]);
    const [, whole] = scene.values([rowChange(mapping, 'u', { before: rowOf(['1', 'long', null]), after })])[0]!;
    assert.deepEqual(whole?.after, { id: 1, body: 'long', more: null });
    const [, none] = scene.values([rowChange(mapping, 'u', { after })])[0]!;
    const placeholder = '__debezium_unavailable_value';
    assert.deepEqual(none?.after, {
      id: 1,
      body: placeholder,
      more: Buffer.from(placeholder).toString('base64'),
    });
  }
});

test('skip.messages.without.change leaves out what changed no captured column, where the old row tells', () => {
  const mapping = tableOf({ id: { type: 'int4' }, kept: { type: 'text' }, left: { type: 'text' } }, ['id'], 'full');
  for (const plan of PLANS) {
    const properties = { 'skip.messages.without.change': 'true', 'column.exclude.list': 'public\\.people\\.left' };
    const scene = new Scene([mapping], properties, plan);
    const update = (before: (string | null)[], after: (string | null | undefined)[]): number =>
      scene.records([rowChange(mapping, 'u', { before: rowOf(before), after: rowOf(after) })]).length;
    assert.equal(update(['1', 'a', 'b'], ['1', 'a', 'c']), 0);
    assert.equal(update(['1', 'a', 'b'], ['1', undefined, 'c']), 0);
    assert.equal(update(['1', null, 'b'], ['1', null, 'b']), 0);
    assert.equal(update(['1', 'a', 'b'], ['1', 'aa', 'b']), 1);
    assert.equal(update(['1', null, 'b'], ['1', '', 'b']), 1);
    assert.equal(update(['1', 'a', 'b'], ['2', 'a', 'b']), 3, 'a changed key is a change');
    // Without a whole old row nobody can tell.
    const after = rowOf(['1', 'a', 'b']);
    assert.equal(scene.records([rowChange(mapping, 'u', { after })]).length, 1);
    assert.equal(
      scene.records([rowChange(mapping, 'u', { before: rowOf(['1', null, null], 'key'), after })]).length,
      1,
    );
  }
});

test('skipped operations give no records; of a changed key the halves go one by one', () => {
  const mapping = tableOf({ id: { type: 'int4' } }, ['id'], 'full');
  const all: Change[] = [
    rowChange(mapping, 'c', { after: rowOf(['1']) }),
    rowChange(mapping, 'u', { before: rowOf(['1']), after: rowOf(['1']) }),
    rowChange(mapping, 'u', { before: rowOf(['1']), after: rowOf(['2']) }),
    rowChange(mapping, 'd', { before: rowOf(['2']) }),
    { kind: 'truncate', table: mapping.table, tx: TX, ordinal: 4, at: 4600 },
  ];
  const ops = (skipped: string): string =>
    new Scene([mapping], { 'skipped.operations': skipped })
      .values(all)
      .map(([, value]) => value?.op ?? 'tombstone')
      .join(' ');
  assert.equal(ops('none'), 'c u d tombstone c d tombstone t');
  assert.equal(ops('t'), 'c u d tombstone c d tombstone');
  assert.equal(ops('d'), 'c u c t');
  assert.equal(ops('c'), 'u d tombstone d tombstone t');
  assert.equal(ops('u'), 'c d tombstone t');
  assert.equal(ops('c,u,d,t'), '');
});

test('a truncate has no key and no rows', () => {
  const mapping = tableOf({ id: { type: 'int4' } }, ['id']);
  const scene = new Scene([mapping], { 'skipped.operations': 'none' });
  const truncate: Change = { kind: 'truncate', table: mapping.table, tx: TX, ordinal: 0, at: 4600 };
  const [key, value] = scene.values([truncate])[0]!;
  assert.equal(key, null);
  const { op, before, after, source } = value as Record<string, Record<string, unknown>>;
  assert.deepEqual([op, before, after, source?.table, source?.lsn], ['t', null, null, 'people', 4600]);
});

test('a value that its type cannot hold names the column and not the value', () => {
  const mapping = tableOf({ id: { type: 'int4' }, amount: { type: 'numeric', modifier: ((5 << 16) | 2) + 4 } }, ['id']);
  for (const plan of PLANS) {
    const scene = new Scene([mapping], {}, plan);
    const secret = 'NaN';
    assert.throws(
      () => scene.records([rowChange(mapping, 'c', { after: rowOf(['1', secret]) })]),
      (error: TailraceError) => {
        assert.ok(error instanceof TailraceError);
        assert.equal(error.code, 'source.value');
        assert.match(error.message, /^public\.people\.amount \(numeric\): /);
        return error.remedy !== undefined;
      },
    );
  }
});

test('a new version of a table has its own fields, and the old one keeps its', () => {
  const old = tableOf({ id: { type: 'int4' }, a: { type: 'text' } }, ['id']);
  const fresh = tableOf({ id: { type: 'int4' }, b: { type: 'int4' } }, ['id']);
  const scene = new Scene([old, fresh]);
  const changes = [old, fresh, old].map((mapping) => rowChange(mapping, 'c', { after: rowOf(['1', '2']) }));
  assert.deepEqual(
    scene.values(changes).map(([, value]) => value?.after),
    [
      { id: 1, a: '2' },
      { id: 1, b: 2 },
      { id: 1, a: '2' },
    ],
  );
  assert.notEqual(old.table, fresh.table satisfies Table);
});
