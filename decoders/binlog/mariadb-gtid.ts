import { DecodeError } from '../decode-error.ts';

/** One MariaDB transaction identifier, `domain-server-sequence`. */
export interface MariadbGtid {
  /** uint32: transactions of one domain are ordered, those of different domains are not. */
  readonly domain: number;
  /** uint32: the server that wrote it first. */
  readonly server: number;
  /** uint64. */
  readonly sequence: bigint;
}

const GTID_TEXT = /^\s*(\d{1,10})-(\d{1,10})-(\d{1,20})\s*$/;
const MAX_UINT32 = 0xffff_ffff;
const MAX_UINT64 = (1n << 64n) - 1n;

export function parseMariadbGtid(text: string): MariadbGtid {
  const match = GTID_TEXT.exec(text);
  if (match !== null) {
    const gtid = { domain: Number(match[1]), server: Number(match[2]), sequence: BigInt(match[3]!) };
    if (gtid.domain <= MAX_UINT32 && gtid.server <= MAX_UINT32 && gtid.sequence <= MAX_UINT64) return gtid;
  }
  throw new DecodeError(`not a MariaDB GTID (domain-server-sequence): ${JSON.stringify(text.slice(0, 80))}`, 0);
}

export function formatMariadbGtid({ domain, server, sequence }: MariadbGtid): string {
  return `${domain}-${server}-${sequence}`;
}

/**
 * A MariaDB replication position, as in `gtid_slave_pos`: the last GTID of each domain.
 * {@link MariadbGtidList.add} changes it, the rest only looks. Within a domain sequence numbers are taken as
 * ascending, which `gtid_strict_mode` enforces and an ordinary topology keeps.
 */
export class MariadbGtidList {
  readonly #lastOfDomain = new Map<number, MariadbGtid>();

  /** Comma-separated GTIDs; where a domain has several (`gtid_binlog_state`), the highest stands. DecodeError otherwise. */
  static parse(text: string): MariadbGtidList {
    const list = new MariadbGtidList();
    if (text.trim() === '') return list;
    for (const part of text.split(',')) {
      const gtid = parseMariadbGtid(part);
      if (!list.has(gtid)) list.add(gtid);
    }
    return list;
  }

  get isEmpty(): boolean {
    return this.#lastOfDomain.size === 0;
  }

  copy(): MariadbGtidList {
    const list = new MariadbGtidList();
    for (const gtid of this.gtids()) list.add(gtid);
    return list;
  }

  /** The last GTID of each domain, by domain. */
  gtids(): readonly MariadbGtid[] {
    return [...this.#lastOfDomain.values()].sort((a, b) => a.domain - b.domain);
  }

  /** Moves the GTID's domain to it, whatever stood there: the order of the stream is the truth. */
  add(gtid: MariadbGtid): void {
    this.#lastOfDomain.set(gtid.domain, gtid);
  }

  /** True when the position is at this transaction or behind it. */
  has({ domain, sequence }: MariadbGtid): boolean {
    const last = this.#lastOfDomain.get(domain);
    return last !== undefined && sequence <= last.sequence;
  }

  /** True when in every domain of `other` this position is as far or farther. */
  contains(other: MariadbGtidList): boolean {
    return other.gtids().every((gtid) => this.has(gtid));
  }

  /** Those that began on the servers that are wanted, by `domain-server`. */
  ofSources(isWanted: (source: string) => boolean): MariadbGtidList {
    const list = new MariadbGtidList();
    for (const gtid of this.gtids()) if (isWanted(`${gtid.domain}-${gtid.server}`)) list.add(gtid);
    return list;
  }

  equals(other: MariadbGtidList): boolean {
    return this.format() === other.format();
  }

  format(): string {
    return this.gtids().map(formatMariadbGtid).join(',');
  }
}
