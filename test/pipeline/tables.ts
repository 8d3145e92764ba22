import {
  ABSENT_VALUE,
  NULL_VALUE,
  type Row,
  type RowChange,
  type Table,
  UNCHANGED_VALUE,
} from '../../decoders/change.ts';
import type { PgTx } from '../../decoders/pgoutput/tx.ts';
import type { ColumnMapping, TableMapping } from '../../src/model/plugin.ts';
import { type ColumnChoices, codecOf } from '../sources/postgres/types/codec-fixture.ts';
import { TX } from './fake-source.ts';

export interface ColumnSpec extends ColumnChoices {
  readonly type: string;
  readonly length?: number;
}

/** `public.people` with these columns by name; `key` names the primary key. */
export function tableOf(
  columns: Readonly<Record<string, ColumnSpec>>,
  key: readonly string[] = [],
  identity: Table['replicaIdentity'] = 'default',
): TableMapping {
  const names = Object.keys(columns);
  const table: Table = {
    id: 1,
    namespace: 'public',
    name: 'people',
    columns: names.map((name) => ({ name, type: 0, modifier: -1, identity: key.includes(name) })),
    replicaIdentity: identity,
  };
  return {
    table,
    collectionId: 'public.people',
    topicParts: ['public', 'people'],
    columns: Object.entries(columns).map(([name, { type, length, ...choices }], index): ColumnMapping => {
      const codec = codecOf(type, { notNull: key.includes(name), ...choices });
      return { index, name, codec, sourceType: { name: type, length: length ?? null, scale: null } };
    }),
    primaryKey: key.map((name) => names.indexOf(name)),
  };
}

/** A value's text, null for NULL, undefined for what was not sent, or is left out of a partial image. */
export type Texts = readonly (string | null | undefined)[];

export function rowOf(texts: Texts, image: Row['image'] = 'full'): Row {
  const spans = new Int32Array(2 * texts.length);
  const parts: Buffer[] = [];
  let at = 0;
  texts.forEach((text, i) => {
    if (typeof text !== 'string') {
      spans[2 * i] = text === null ? NULL_VALUE : image === 'partial' ? ABSENT_VALUE : UNCHANGED_VALUE;
      return;
    }
    const bytes = Buffer.from(text);
    parts.push(bytes);
    spans[2 * i] = at;
    at += bytes.length;
    spans[2 * i + 1] = at;
  });
  return { bytes: Buffer.concat(parts), spans, base: 0, image };
}

export function rowChange(
  { table }: TableMapping,
  op: RowChange['op'],
  rows: { readonly before?: Row; readonly after?: Row },
  tx: PgTx = TX,
): RowChange<PgTx> {
  const { before = null, after = null } = rows;
  return { kind: 'row', op, table, before, after, tx, ordinal: 0, at: 4500, snapshot: op === 'r' ? 'true' : 'false' };
}
