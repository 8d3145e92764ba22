/** Column values as the server prints them; null is SQL NULL. */
export type Columns = Readonly<Record<string, string | null>>;

/** What stands for a value that an update did not touch and the server did not log: test_decoding's word for it. */
export const UNCHANGED = 'unchanged-toast-datum';

/** Likewise, of a type that has no placeholder. */
export const ABSENT = 'absent';

export function isLogged(value: string | null | undefined): boolean {
  return value !== UNCHANGED && value !== ABSENT;
}

export interface TrueChange {
  /** `public.orders`, `shop.orders`. */
  readonly table: string;
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly position: bigint;
  /** Where the database tells of several changes together: the last position that this one can have. */
  readonly upTo?: bigint;
  /** The old row or as much of it as is logged, such as its key; null where the server logs none. */
  readonly old: Columns | null;
  /** Null for a delete. */
  readonly row: Columns | null;
}

/** What DDL does to rows without a change of any of them. */
export type TableEvent =
  | { readonly kind: 'emptied'; readonly table: string }
  | { readonly kind: 'renamed'; readonly from: string; readonly to: string };

export interface TrueTransaction {
  /** As the source block names it; null where the server has no name for it. */
  readonly id: string | null;
  /** Where it ends: what ends at or before a snapshot's position is in the snapshot. */
  readonly end: bigint;
  readonly changes: readonly TrueChange[];
  /** Of DDL, which has no other changes. */
  readonly tableEvents?: readonly TableEvent[];
}
