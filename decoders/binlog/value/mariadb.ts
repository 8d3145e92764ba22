import { parseBinary } from './binary.ts';

const GROUPS = 8;

/**
 * MariaDB's UUID as 8-4-4-4-12 hexadecimal digits: 16 bytes, zero bytes at the end left out. In the binlog its parts are in
 * the order of the text, unlike on disk.
 */
export function parseUuid(bytes: Buffer, start: number, end: number): string {
  const hex = parseBinary(bytes, start, end, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** MariaDB's INET4 in dotted form: 4 bytes, zero bytes at the end left out. */
export function parseInet4(bytes: Buffer, start: number, end: number): string {
  return parseBinary(bytes, start, end, 4).join('.');
}

/**
 * MariaDB's INET6: 16 bytes, zero bytes at the end left out. The text is the server's (Inet6::to_string in
 * plugin/type_inet/sql_type_inet.cc): the first of the longest runs of zero groups becomes `::`, and addresses with an IPv4 in
 * their end have it dotted.
 */
export function parseInet6(bytes: Buffer, start: number, end: number): string {
  const address = parseBinary(bytes, start, end, 16);
  const groups = Array.from({ length: GROUPS }, (_, i) => address.readUInt16BE(2 * i));
  const gap = longestZeroRun(groups);
  const isMapped = gap.length === 5 && groups[5] === 0xffff;
  if (gap.start === 0 && (gap.length === 6 || isMapped)) {
    return `::${isMapped ? 'ffff:' : ''}${address.subarray(12).join('.')}`;
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return gap.length === 0 ? hex(0, GROUPS) : `${hex(0, gap.start)}::${hex(gap.start + gap.length, GROUPS)}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; ) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - start > longest.length) longest = { start, length: end - start };
    start = end + 1;
  }
  return longest;
}
