import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../decoders/change.ts';
import type { TableMapping } from '../../src/model/plugin.ts';
import { createPipeline } from '../../src/pipeline/create-pipeline.ts';
import { decodeRecords } from '../../src/pipeline/decode-records.ts';
import { configOf, fakeSource } from './fake-source.ts';
import { rowChange, rowOf, tableOf } from './tables.ts';

const UNAVAILABLE = '__debezium_unavailable_value';

/** `id`, `n` without a placeholder for what is left out, and `body` with one. */
function peopleOf(columns: { readonly notNull?: boolean } = {}, defaultOfN?: number): TableMapping {
  const mapping = tableOf(
    { id: { type: 'int4' }, n: { type: 'int4', ...columns }, body: { type: 'text' } },
    ['id'],
    'full',
  );
  return {
    ...mapping,
    columns: mapping.columns.map((column) => {
      const { codec } = column;
      if (column.name === 'body') return column;
      return {
        ...column,
        codec: {
          schema:
            column.name === 'n' && defaultOfN !== undefined ? { ...codec.schema, default: defaultOfN } : codec.schema,
          missing: codec.missing,
          unavailable: null,
          read: (bytes, start, end) => codec.read(bytes, start, end),
          write: (sink, bytes, start, end) => codec.write(sink, bytes, start, end),
        },
      };
    }),
  };
}

type Value = Record<string, unknown>;

/** Key, and payload with the optional fields of its rows, of what a change gives under each plan; they must be equal. */
function recordsOf(mapping: TableMapping, change: Change, properties: Readonly<Record<string, string>> = {}) {
  const [compiled, structured] = (['compiled', 'structured'] as const).map((plan) => {
    const pipeline = createPipeline({
      config: configOf({ 'extended.headers.enabled': 'false', ...properties }),
      source: fakeSource([mapping]),
      connectorType: 'mysql',
      partitionsOf: () => 1,
      partitioner: () => 0,
      plan,
      clock: () => 1_700_000_000_000_000,
    });
    pipeline.resume(null);
    const { records, timestampMs } = pipeline.encode({ changes: [change], offset: {}, bytes: 1 });
    return records
      .flatMap((part) => decodeRecords(part, 0, timestampMs))
      .map(({ key, value }) => [key, value].map(String));
  });
  assert.deepEqual(compiled, structured);
  return compiled!.map(([key, value]) => {
    const parsed = JSON.parse(value!);
    const fields: readonly { readonly field: string; readonly optional: boolean }[] =
      parsed?.schema.fields[1].fields ?? [];
    return {
      key: JSON.parse(key!).payload as Value,
      before: parsed?.payload.before as Value | null,
      after: parsed?.payload.after as Value | null,
      optional: fields.filter((one) => one.optional).map(({ field }) => field),
    };
  });
}

test('a column that the new row leaves out is taken from the old row, also where it is NULL there', () => {
  const mapping = peopleOf();
  const before = rowOf(['1', null, 'long'], 'partial');
  const after = rowOf([undefined, undefined, undefined], 'partial');
  const [record] = recordsOf(mapping, rowChange(mapping, 'u', { before, after }));
  assert.deepEqual(record?.key, { id: 1 });
  assert.deepEqual(record?.after, { id: 1, n: null, body: 'long' });
  assert.deepEqual(record?.before, { id: 1, n: null, body: 'long' });
});

test('what no row tells is the placeholder, or null where the type has none; absent is not NULL', () => {
  const mapping = peopleOf({ notNull: true });
  const before = rowOf(['1', undefined, undefined], 'partial');
  const after = rowOf([undefined, '7', undefined], 'partial');
  const [update] = recordsOf(mapping, rowChange(mapping, 'u', { before, after }));
  assert.deepEqual(update?.before, { id: 1, n: null, body: UNAVAILABLE });
  assert.deepEqual(update?.after, { id: 1, n: 7, body: UNAVAILABLE });
  assert.deepEqual(update?.optional, ['n', 'body'], 'a consumer can read the null');
  const [insert] = recordsOf(mapping, rowChange(mapping, 'c', { after: rowOf(['1', undefined, null], 'partial') }));
  assert.deepEqual(insert?.after, { id: 1, n: null, body: null });
  const [gone] = recordsOf(mapping, rowChange(mapping, 'd', { before }));
  assert.deepEqual([gone?.key, gone?.before], [{ id: 1 }, { id: 1, n: null, body: UNAVAILABLE }]);
});

test('what no row tells is not the default of the column', () => {
  const mapping = peopleOf({}, 5);
  const before = rowOf(['1', undefined, undefined], 'partial');
  const after = rowOf([undefined, undefined, 'x'], 'partial');
  const [update] = recordsOf(mapping, rowChange(mapping, 'u', { before, after }));
  assert.deepEqual(update?.after, { id: 1, n: null, body: 'x' });
  assert.deepEqual(update?.before, { id: 1, n: null, body: UNAVAILABLE });
  const [whole] = recordsOf(mapping, rowChange(mapping, 'c', { after: rowOf(['1', null, 'x'], 'partial') }));
  assert.deepEqual(whole?.after, { id: 1, n: 5, body: 'x' }, 'a NULL is, as converters have it');
});

test('a whole row of a table whose rows are partial leaves the columns as they are', () => {
  const mapping = peopleOf({ notNull: true });
  const [record] = recordsOf(mapping, rowChange(mapping, 'c', { after: rowOf(['1', '2', 'x'], 'partial') }));
  assert.deepEqual(record?.optional, ['body']);
});

test('a key that the new row leaves out has not changed; one that it tells may have', () => {
  const mapping = peopleOf();
  const before = rowOf(['1', undefined, undefined], 'partial');
  const keys = (id: string | undefined) =>
    recordsOf(mapping, rowChange(mapping, 'u', { before, after: rowOf([id, '3', undefined], 'partial') })).map(
      ({ key }) => key.id,
    );
  assert.deepEqual(keys(undefined), [1]);
  assert.deepEqual(keys('1'), [1]);
  assert.deepEqual(keys('2'), [1, 1, 2]);
});

test('a chosen key that the old row leaves out cannot be compared: the change stays one record', () => {
  const mapping = peopleOf();
  const before = rowOf(['1', undefined, undefined], 'partial');
  const after = rowOf([undefined, undefined, 'b'], 'partial');
  const records = recordsOf(mapping, rowChange(mapping, 'u', { before, after }), {
    'message.key.columns': 'public\\.people:body',
  });
  assert.deepEqual(
    records.map(({ key }) => key),
    [{ body: 'b' }],
  );
});

test('skip.messages.without.change knows that what is left out did not change', () => {
  const mapping = peopleOf();
  const count = (before: readonly (string | undefined)[], after: readonly (string | undefined)[]): number =>
    recordsOf(mapping, rowChange(mapping, 'u', { before: rowOf(before, 'partial'), after: rowOf(after, 'partial') }), {
      'skip.messages.without.change': 'true',
    }).length;
  assert.equal(count(['1', '2', undefined], ['1', '2', undefined]), 0);
  assert.equal(count(['1', '2', undefined], ['1', '2', 'new']), 1);
  assert.equal(count(['1', undefined, undefined], [undefined, '2', undefined]), 1);
});
