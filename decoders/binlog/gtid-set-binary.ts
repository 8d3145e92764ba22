import { DecodeError } from '../decode-error.ts';
import { ranges } from './gtid-intervals.ts';
import { GNO_END, GtidSet } from './gtid-set.ts';

/** Value of Gtid_format::tagged in the top byte (and then also the lowest) of the first word. */
const TAGGED = 1n;
const MAX_TAG_LENGTH = 32;

/**
 * The binary form of a GTID set in COM_BINLOG_DUMP_GTID and PREVIOUS_GTIDS_LOG_EVENT (`Gtid_set::encode`,
 * sql/rpl_gtid_set.cc), all integers little-endian:
 * ```
 * set:       header source{count}
 * header:    uint64   untagged: count; tagged (8.3+): 1 << 56 | count << 8 | 1
 * source:    uuid[16] tag? uint64 interval_count interval{interval_count}
 * tag:       only in a tagged set: uint8 length << 1, then the characters; empty for a source without a tag
 * interval:  uint64 first, uint64 end (exclusive)
 * ```
 * A set is written in the tagged form only if it has a tag: servers before 8.3 know only the other.
 */
export function encodeGtidSet(set: GtidSet): Buffer {
  const tagged = set.isTagged;
  const sources = [...set.sources()];
  const count = BigInt(sources.length);
  const parts: Buffer[] = [uint64(tagged ? (TAGGED << 56n) | (count << 8n) | TAGGED : count)];
  for (const { uuid, tag, intervals } of sources) {
    parts.push(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
    if (tagged) parts.push(Buffer.from([tag.length << 1]), Buffer.from(tag, 'latin1'));
    parts.push(uint64(BigInt(intervals.length / 2)));
    for (const [start, end] of ranges(intervals)) parts.push(uint64(start), uint64(end));
  }
  return Buffer.concat(parts);
}

/** The inverse of {@link encodeGtidSet} over exactly `[start, end)`; throws DecodeError on anything else than one set. */
export function decodeGtidSet(bytes: Buffer, start = 0, end = bytes.length): GtidSet {
  let at = start;
  const take = (length: number): number => {
    if (length > end - at) throw new DecodeError(`GTID set: need ${length} bytes, ${end - at} are left`, at);
    at += length;
    return at - length;
  };
  const header = bytes.readBigUInt64LE(take(8));
  const format = header >> 56n;
  if (format !== 0n && format !== TAGGED) throw new DecodeError(`GTID set of unknown format ${format}`, start);
  const tagged = format === TAGGED;
  if (tagged && (header & 0xffn) !== TAGGED) throw new DecodeError('GTID set with two formats in its header', start);
  const count = tagged ? (header >> 8n) & 0xffff_ffff_ffffn : header;

  const bySource = new Map<string, (readonly [bigint, bigint])[]>();
  for (let i = 0n; i < count; i++) {
    const uuid = formatUuid(bytes, take(16));
    const source = tagged ? uuid + decodeTag(bytes, take) : uuid;
    const list = bySource.get(source) ?? [];
    const intervalCount = bytes.readBigUInt64LE(take(8));
    let previousEnd = 0n;
    for (let j = 0n; j < intervalCount; j++) {
      const where = take(16);
      const first = bytes.readBigUInt64LE(where);
      const last = bytes.readBigUInt64LE(where + 8);
      // The server writes them ascending and merged, and refuses to read them otherwise.
      if (first <= previousEnd || last <= first || last > GNO_END) {
        throw new DecodeError(`GTID interval [${first}, ${last}) after ${previousEnd}`, where);
      }
      list.push([first, last]);
      previousEnd = last;
    }
    bySource.set(source, list);
  }
  if (at !== end) throw new DecodeError(`GTID set: ${end - at} bytes are left over`, at);
  return GtidSet.fromRanges(bySource);
}

function decodeTag(bytes: Buffer, take: (length: number) => number): string {
  const where = take(1);
  const length = bytes[where]! >> 1;
  // The lowest bit would announce a longer length, which no tag has.
  if ((bytes[where]! & 1) === 1 || length > MAX_TAG_LENGTH) {
    throw new DecodeError('GTID tag of more than 32 characters', where);
  }
  if (length === 0) return '';
  const from = take(length);
  const tag = bytes.toString('latin1', from, from + length);
  if (!/^[a-z_][a-z0-9_]*$/.test(tag)) throw new DecodeError(`not a GTID tag: ${JSON.stringify(tag)}`, from);
  return `:${tag}`;
}

/** Sixteen bytes from `at` as a UUID's text. */
function formatUuid(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
