/**
 * The transactions that a snapshot has seen, of those that the slot will still stream: a slot that existed before the
 * snapshot was taken begins earlier than it. Every transaction that the snapshot sees committed before `beforeLsn`.
 */
export interface SeenTransactions {
  /** pg_snapshot's text: `xmin:xmax:xid,xid...`, 64-bit transaction ids. */
  readonly snapshot: string;
  readonly beforeLsn: number;
}

/** Whether a snapshot has seen a committed transaction, by the 32-bit xid that the stream names. */
export function createVisibility(seen: SeenTransactions): (xid: number, commitLsn: number) => boolean {
  const [xmin = 0, xmax = 0] = seen.snapshot.split(':').map(Number);
  const list = seen.snapshot.split(':')[2] ?? '';
  const inProgress = new Set(list === '' ? [] : list.split(',').map(Number));
  return (xid, commitLsn) => {
    if (commitLsn >= seen.beforeLsn) return false;
    const full = nearest(xid, xmax);
    return full < xmin || (full < xmax && !inProgress.has(full));
  };
}

const XID_SPAN = 0x1_0000_0000;

/** The 64-bit transaction id that ends in `xid` and is nearest to `reference`: two that live at once are less than 2^31 apart. */
function nearest(xid: number, reference: number): number {
  const candidate = Math.floor(reference / XID_SPAN) * XID_SPAN + xid;
  if (candidate - reference > XID_SPAN / 2) return candidate - XID_SPAN;
  if (reference - candidate > XID_SPAN / 2) return candidate + XID_SPAN;
  return candidate;
}
