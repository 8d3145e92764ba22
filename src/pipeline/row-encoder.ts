import type { RowChange } from '../../decoders/change.ts';
import type { Struct } from '../model/schema.ts';

/** Takes the next place in the open transaction: the `transaction` struct of one event. */
export type NextInTransaction = () => Struct;

/** Encodes the row changes of one table version into the batch's output. */
export interface RowEncoder {
  /** False, and nothing is written, where the change holds a NULL in a column that is said to hold none. */
  encode(change: RowChange, nowMicros: number, nextInTransaction: NextInTransaction | null): boolean;
}
