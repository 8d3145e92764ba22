import type { GtidEvent, MariadbGtidEvent, MariadbGtidListEvent, PreviousGtidsEvent } from './event.ts';
import type { ServerFamily } from './format-description.ts';
import { formatGtid, GtidSet } from './gtid-set.ts';
import { decodeGtidSet } from './gtid-set-binary.ts';
import { formatMariadbGtid, MariadbGtidList } from './mariadb-gtid.ts';

/** The GTID of one transaction, and who began it: a server's UUID, or MariaDB's `domain-server`. */
export interface TransactionGtid {
  readonly text: string;
  readonly source: string;
  /** Takes up the transaction among those executed. */
  addTo(executed: ExecutedGtids): void;
}

/** The transactions up to a position, whatever the family calls them. Mutable: {@link TransactionGtid.addTo}. */
export type ExecutedGtids =
  | { readonly family: 'mysql'; readonly set: GtidSet }
  | { readonly family: 'mariadb'; readonly list: MariadbGtidList };

/** Throws DecodeError on what is no set of the family. The empty text is the empty set. */
export function parseExecutedGtids(family: ServerFamily, text: string): ExecutedGtids {
  return family === 'mysql' ? { family, set: GtidSet.parse(text) } : { family, list: MariadbGtidList.parse(text) };
}

export function formatExecutedGtids(executed: ExecutedGtids): string {
  return executed.family === 'mysql' ? executed.set.format() : executed.list.format();
}

/** Null of an anonymous transaction. */
export function gtidOf(event: GtidEvent | MariadbGtidEvent): TransactionGtid | null {
  if (event.kind === 'mariadb-gtid') {
    const { gtid } = event;
    return {
      text: formatMariadbGtid(gtid),
      source: `${gtid.domain}-${gtid.server}`,
      addTo: (executed) => {
        if (executed.family === 'mariadb') executed.list.add(gtid);
      },
    };
  }
  const { gtid } = event;
  if (gtid === null) return null;
  return {
    text: formatGtid(gtid),
    source: gtid.uuid,
    addTo: (executed) => {
      if (executed.family === 'mysql') executed.set.add(gtid);
    },
  };
}

/** What a file says was executed before it. */
export function gtidsBefore(event: PreviousGtidsEvent | MariadbGtidListEvent): ExecutedGtids {
  if (event.kind === 'previous-gtids') return { family: 'mysql', set: decodeGtidSet(event.encoded) };
  const list = new MariadbGtidList();
  for (const gtid of event.gtids) if (!list.has(gtid)) list.add(gtid);
  return { family: 'mariadb', list };
}
