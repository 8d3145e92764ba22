import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../decoders/change.ts';
import type { PgTx } from '../../decoders/pgoutput/tx.ts';
import type { SourceOffset } from '../../src/model/log.ts';
import { createPipeline } from '../../src/pipeline/create-pipeline.ts';
import { decodeRecords } from '../../src/pipeline/decode-records.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { configOf, fakeSource, TX } from '../pipeline/fake-source.ts';
import { rowChange, rowOf, tableOf } from '../pipeline/tables.ts';

const PEOPLE = tableOf({ id: { type: 'int4' } }, ['id'], 'full');
const PETS = {
  ...tableOf({ id: { type: 'int4' } }, ['id'], 'full'),
  collectionId: 'public.pets',
  topicParts: ['public', 'pets'],
};

function pipeline(from: SourceOffset | null, properties: Readonly<Record<string, string>> = {}): Pipeline {
  const made = createPipeline({
    config: configOf({
      'key.converter.schemas.enable': 'false',
      'value.converter.schemas.enable': 'false',
      'provide.transaction.metadata': 'true',
      ...properties,
    }),
    source: fakeSource([PEOPLE, PETS]),
    connectorType: 'postgresql',
    partitionsOf: () => 1,
    partitioner: () => 0,
  });
  made.resume(from);
  return made;
}

interface Run {
  /** Records of the transaction topic: status, id, counts. */
  readonly borders: readonly unknown[];
  /** `total_order/data_collection_order` of each change event. */
  readonly places: readonly string[];
  readonly offset: SourceOffset;
}

function run(through: Pipeline, changes: readonly Change[]): Run {
  const encoded = through.encode({ changes, offset: { lsn: 1 }, bytes: 1 });
  const records = encoded.records.flatMap((part) => decodeRecords(part, 0, 0)).filter(({ value }) => value !== null);
  const values = records.map(({ topic, value }) => ({ topic, value: JSON.parse(String(value)) }));
  return {
    borders: values
      .filter(({ topic }) => topic === 'shop.transaction')
      .map(({ value: { status, id, event_count, data_collections } }) => [
        status,
        id,
        event_count,
        data_collections?.map((one: Record<string, unknown>) => `${one.data_collection} ${one.event_count}`) ?? null,
      ]),
    places: values
      .filter(({ topic }) => topic !== 'shop.transaction')
      .map(({ value: { transaction } }) =>
        transaction === null ? 'none' : `${transaction.total_order}/${transaction.data_collection_order}`,
      ),
    offset: encoded.offset,
  };
}

const begin = (tx: PgTx): Change => ({ kind: 'begin', tx, at: 4100 });
const commit = (tx: PgTx): Change => ({ kind: 'commit', tx, at: 4900 });
const person = (id: number): Change => rowChange(PEOPLE, 'c', { after: rowOf([String(id)]) });
const pet = (id: number): Change => rowChange(PETS, 'c', { after: rowOf([String(id)]) });
const idOf = (tx: PgTx, at: number): string => `${tx.xid}:${at}`;

test('every event has its place in the transaction and among those of its table; the end counts them', () => {
  const { borders, places, offset } = run(pipeline(null), [begin(TX), person(1), pet(1), person(2), commit(TX)]);
  assert.deepEqual([...places].sort(), ['1/1', '2/1', '3/2']);
  assert.deepEqual(borders, [
    ['BEGIN', idOf(TX, 4500), null, null],
    ['END', idOf(TX, 4900), 3, ['public.people 2', 'public.pets 1']],
  ]);
  assert.deepEqual(offset, { lsn: 1 }, 'nothing is open');
});

test('a restart in the middle of a transaction counts on', () => {
  const first = run(pipeline(null), [begin(TX), person(1), pet(1)]);
  assert.deepEqual(first.offset, {
    lsn: 1,
    transaction_id: idOf(TX, 4500),
    'transaction_data_collection_order_public.people': 1,
    'transaction_data_collection_order_public.pets': 1,
  });
  // The source drops what was delivered, its begin too.
  const second = run(pipeline(first.offset), [pet(2), commit(TX)]);
  assert.deepEqual(second.places, ['3/2']);
  assert.deepEqual(second.borders, [['END', idOf(TX, 4900), 3, ['public.people 1', 'public.pets 2']]]);
  assert.deepEqual(second.offset, { lsn: 1 });
});

test('a transaction that was given up after a part is not counted into the next one', () => {
  const first = run(pipeline(null), [begin(TX), person(1), pet(1)]);
  const anew = pipeline(first.offset);
  assert.deepEqual(run(anew, [rowChange(PEOPLE, 'r', { after: rowOf(['1']) })]).borders, []);
  const next = { ...TX, xid: TX.xid + 1 };
  const { borders, places, offset } = run(anew, [begin(next), person(3), commit(next)]);
  assert.deepEqual(places, ['1/1']);
  assert.deepEqual(
    borders.map((border) => (border as unknown[]).slice(2)),
    [
      [null, null],
      [1, ['public.people 1']],
    ],
  );
  assert.deepEqual(offset, { lsn: 1 });
});

test('an offset of a complete transaction opens none', () => {
  const { borders, places } = run(pipeline({ lsn: 1, skip: 2 }), [begin(TX), person(1), commit(TX)]);
  assert.deepEqual(places, ['1/1']);
  assert.equal(borders.length, 2);
});

test('a transaction of which nothing is delivered has no borders', () => {
  const skipping = pipeline(null, { 'skipped.operations': 'c' });
  assert.deepEqual(run(skipping, [begin(TX), person(1), commit(TX)]), { borders: [], places: [], offset: { lsn: 1 } });
  assert.deepEqual(run(pipeline(null), [begin(TX), commit(TX)]).borders, []);
});

test('snapshot rows are in no transaction', () => {
  const row = rowChange(PEOPLE, 'r', { after: rowOf(['1']) });
  assert.deepEqual(run(pipeline(null), [row]), { borders: [], places: ['none'], offset: { lsn: 1 } });
});

test('messages count when they are part of a transaction, and only then', () => {
  const message = (transactional: boolean): Change => ({
    kind: 'message',
    transactional,
    prefix: 'p',
    content: Buffer.from('x'),
    tx: transactional ? TX : { ...TX, xid: 0 },
    ordinal: 0,
    at: 4500,
  });
  const { places, borders } = run(pipeline(null), [message(false), begin(TX), message(true), commit(TX)]);
  assert.deepEqual(places, ['none', '1/1']);
  assert.deepEqual(borders.at(-1), ['END', idOf(TX, 4900), 1, ['LOGICAL_DECODING_MESSAGE 1']]);
});

test('without the setting there is neither a place nor a topic', () => {
  const off = pipeline(null, { 'provide.transaction.metadata': 'false' });
  assert.deepEqual(run(off, [begin(TX), person(1), commit(TX)]), { borders: [], places: ['none'], offset: { lsn: 1 } });
});
