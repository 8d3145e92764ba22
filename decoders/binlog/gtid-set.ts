import { DecodeError } from '../decode-error.ts';
import {
  addNumber,
  type Intervals,
  includesNumber,
  normalizeIntervals,
  ranges,
  subtractIntervals,
  uniteIntervals,
} from './gtid-intervals.ts';

/** One MySQL transaction identifier. */
export interface Gtid {
  /** Server UUID, lower case, with hyphens. */
  readonly uuid: string;
  /** MySQL 8.3+: up to 32 of `[a-z0-9_]`, not beginning with a digit; empty: no tag. */
  readonly tag: string;
  /** Transaction number, 1 to 2^63 - 2. */
  readonly gno: bigint;
}

const UUID_TEXT = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/;
const TAG_TEXT = /^[a-z_][a-z0-9_]{0,31}$/;
const GTID_TEXT = /^([0-9a-f-]{32,36}):(?:([a-z_][a-z0-9_]{0,31}):)?(\d{1,19})$/;
const INTERVAL_TEXT = /^(\d{1,19})(?:\s*-\s*(\d{1,19}))?$/;
/** GNO_END in sql/rpl_gtid.h is 2^63 - 1, exclusive. */
export const GNO_END = (1n << 63n) - 1n;

/**
 * A set of MySQL GTIDs: for each source (UUID, or UUID and tag) the transaction numbers that it holds.
 * {@link GtidSet.add} changes the set, everything else makes a new one or only looks.
 *
 * Text form (MySQL manual, "GTID Sets"):
 * ```
 * set:      [source_set] {"," [source_set]}
 * source_set: uuid ":" part {":" part}     part: interval | tag (for the intervals after it)
 * interval: n ["-" m]                      m < n is the empty interval
 * ```
 */
export class GtidSet {
  /** `uuid` or `uuid:tag` -> numbers; never an empty array. */
  readonly #sources: Map<string, bigint[]>;

  constructor() {
    this.#sources = new Map();
  }

  /**
   * Throws DecodeError (its offset counts characters) on anything that the server would not take, and on a UUID or tag
   * without a number, which the server takes for nothing.
   */
  static parse(text: string): GtidSet {
    const found = new Map<string, (readonly [bigint, bigint])[]>();
    let offset = 0;
    for (const sourceSet of text.split(',')) {
      if (sourceSet.trim() !== '') parseSourceSet(sourceSet, offset, found);
      offset += sourceSet.length + 1;
    }
    return GtidSet.fromRanges(found);
  }

  /** From half-open ranges by source (`uuid` or `uuid:tag`), in any order and overlapping as they may. */
  static fromRanges(bySource: ReadonlyMap<string, readonly (readonly [bigint, bigint])[]>): GtidSet {
    const set = new GtidSet();
    for (const [source, list] of bySource) set.#put(source, normalizeIntervals(list));
    return set;
  }

  #put(source: string, intervals: bigint[]): void {
    if (intervals.length > 0) this.#sources.set(source, intervals);
  }

  get isEmpty(): boolean {
    return this.#sources.size === 0;
  }

  /** True when a source has a tag, which servers before 8.3 do not understand. */
  get isTagged(): boolean {
    for (const source of this.#sources.keys()) if (source.includes(':')) return true;
    return false;
  }

  /** How many transactions the set holds. */
  get size(): bigint {
    let count = 0n;
    for (const intervals of this.#sources.values()) for (const [start, end] of ranges(intervals)) count += end - start;
    return count;
  }

  /** Sources in the order of the text form, each with its numbers. */
  *sources(): Generator<{ readonly uuid: string; readonly tag: string; readonly intervals: Intervals }> {
    for (const source of [...this.#sources.keys()].sort()) {
      const [uuid, tag = ''] = source.split(':');
      yield { uuid: uuid!, tag, intervals: this.#sources.get(source)! };
    }
  }

  copy(): GtidSet {
    const set = new GtidSet();
    for (const [source, intervals] of this.#sources) set.#sources.set(source, [...intervals]);
    return set;
  }

  add(gtid: Gtid): void {
    const source = sourceKey(gtid);
    if (gtid.gno < 1n || gtid.gno >= GNO_END) throw new DecodeError(`transaction number ${gtid.gno} out of range`, 0);
    const intervals = this.#sources.get(source);
    if (intervals === undefined) this.#sources.set(source, [gtid.gno, gtid.gno + 1n]);
    else addNumber(intervals, gtid.gno);
  }

  has(gtid: Gtid): boolean {
    const intervals = this.#sources.get(sourceKey(gtid));
    return intervals !== undefined && includesNumber(intervals, gtid.gno);
  }

  /** True when every transaction of `other` is in this set: GTID_SUBSET(other, this). */
  contains(other: GtidSet): boolean {
    for (const [source, intervals] of other.#sources) {
      if (subtractIntervals(intervals, this.#sources.get(source) ?? []).length > 0) return false;
    }
    return true;
  }

  equals(other: GtidSet): boolean {
    return this.contains(other) && other.contains(this);
  }

  union(other: GtidSet): GtidSet {
    const set = this.copy();
    for (const [source, intervals] of other.#sources) {
      set.#put(source, uniteIntervals(this.#sources.get(source) ?? [], intervals));
    }
    return set;
  }

  /** The transactions of this set that `other` lacks: GTID_SUBTRACT(this, other). */
  subtract(other: GtidSet): GtidSet {
    const set = new GtidSet();
    for (const [source, intervals] of this.#sources) {
      set.#put(source, subtractIntervals(intervals, other.#sources.get(source) ?? []));
    }
    return set;
  }

  intersect(other: GtidSet): GtidSet {
    return this.subtract(this.subtract(other));
  }

  /** The transactions that began on the servers that are wanted, by UUID. */
  ofSources(isWanted: (uuid: string) => boolean): GtidSet {
    const set = new GtidSet();
    for (const [source, intervals] of this.#sources)
      if (isWanted(source.split(':')[0]!)) set.#put(source, [...intervals]);
    return set;
  }

  /** The server's normal form, on one line: sources ascending, ranges ascending and merged, a UUID said once for all its tags. */
  format(): string {
    let text = '';
    let current = '';
    for (const { uuid, tag, intervals } of this.sources()) {
      if (uuid !== current) text += `${text === '' ? '' : ','}${uuid}`;
      current = uuid;
      if (tag !== '') text += `:${tag}`;
      for (const [start, end] of ranges(intervals)) {
        text += end - start === 1n ? `:${start}` : `:${start}-${end - 1n}`;
      }
    }
    return text;
  }
}

/** `uuid:number` or `uuid:tag:number`. */
export function formatGtid(gtid: Gtid): string {
  return `${sourceKey(gtid)}:${gtid.gno}`;
}

/** The inverse of {@link formatGtid}; DecodeError on a set, an interval or anything else. */
export function parseGtid(text: string): Gtid {
  const match = GTID_TEXT.exec(text.toLowerCase());
  const gno = BigInt(match?.[3] ?? 0);
  if (match === null || gno < 1n || gno >= GNO_END) throw new DecodeError(`not a GTID: ${quote(text)}`, 0);
  return { uuid: parseUuid(match[1]!, 0), tag: match[2] ?? '', gno };
}

function sourceKey({ uuid, tag }: Pick<Gtid, 'uuid' | 'tag'>): string {
  return tag === '' ? uuid : `${uuid}:${tag}`;
}

function parseSourceSet(text: string, offset: number, found: Map<string, (readonly [bigint, bigint])[]>): void {
  const parts = text.split(':');
  const uuid = parseUuid(parts[0]!, offset);
  if (parts.length === 1) throw new DecodeError(`a GTID set needs an interval after ${uuid}`, offset + text.length);
  let source = uuid;
  let awaitsInterval = false;
  let at = offset + parts[0]!.length + 1;
  for (const part of parts.slice(1)) {
    const word = part.trim();
    const tag = word.toLowerCase();
    if (TAG_TEXT.test(tag)) {
      if (awaitsInterval) throw new DecodeError(`a GTID set needs an interval after the tag of ${source}`, at);
      source = `${uuid}:${tag}`;
      awaitsInterval = true;
    } else {
      const list = found.get(source) ?? [];
      list.push(parseInterval(word, at));
      found.set(source, list);
      awaitsInterval = false;
    }
    at += part.length + 1;
  }
  if (awaitsInterval) throw new DecodeError(`a GTID set needs an interval after ${source}`, offset + text.length);
}

function parseUuid(text: string, offset: number): string {
  const word = text.trim().toLowerCase();
  if (!UUID_TEXT.test(word)) throw new DecodeError(`not a server UUID: ${quote(word)}`, offset);
  const hex = word.replaceAll('-', '');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function parseInterval(text: string, offset: number): readonly [start: bigint, end: bigint] {
  const match = INTERVAL_TEXT.exec(text);
  if (match === null) throw new DecodeError(`neither an interval nor a tag: ${quote(text)}`, offset);
  const first = BigInt(match[1]!);
  const last = match[2] === undefined ? first : BigInt(match[2]);
  if (first < 1n || first >= GNO_END || last >= GNO_END) {
    throw new DecodeError(`transaction numbers go from 1 to ${GNO_END - 1n}, not ${quote(text)}`, offset);
  }
  return [first, last + 1n];
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
