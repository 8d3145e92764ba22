/**
 * Sets of transaction numbers as sorted, disjoint, non-adjacent half-open ranges in one flat array:
 * `[start0, end0, start1, end1, ...]` with `start < end` and `end_i < start_(i+1)`.
 * The numbers go up to 2^63 - 2, which is why they are bigints.
 */
export type Intervals = readonly bigint[];

/** Adds one number in place. In the order in which a server commits this touches only the last range. */
export function addNumber(intervals: bigint[], value: bigint): void {
  const last = intervals.length - 1;
  if (last < 0 || value > intervals[last]!) {
    intervals.push(value, value + 1n);
    return;
  }
  if (value === intervals[last]!) {
    intervals[last] = value + 1n;
    return;
  }
  const at = firstRangeEndingAtOrAfter(intervals, value);
  const start = intervals[at]!;
  const end = intervals[at + 1]!;
  if (value >= start && value < end) return;
  if (value === end) {
    if (intervals[at + 2] === value + 1n) intervals.splice(at + 1, 2);
    else intervals[at + 1] = value + 1n;
  } else if (value + 1n === start) {
    intervals[at] = value;
  } else {
    intervals.splice(at, 0, value, value + 1n);
  }
}

export function includesNumber(intervals: Intervals, value: bigint): boolean {
  // A range that ends at `value` does not hold it, but then none that follows does unless it starts right there.
  for (let at = firstRangeEndingAtOrAfter(intervals, value); at < intervals.length; at += 2) {
    if (intervals[at]! > value) return false;
    if (intervals[at + 1]! > value) return true;
  }
  return false;
}

/** Index of the first range whose (exclusive) end is `value` or more; the array's length if there is none. */
function firstRangeEndingAtOrAfter(intervals: Intervals, value: bigint): number {
  let low = 0;
  let high = intervals.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (intervals[2 * middle + 1]! < value) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}

/** Any ranges, in any order, overlapping or empty, to the normal form. */
export function normalizeIntervals(ranges: readonly (readonly [start: bigint, end: bigint])[]): bigint[] {
  const sorted = ranges.filter(([start, end]) => start < end).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const result: bigint[] = [];
  for (const [start, end] of sorted) {
    const last = result.length - 1;
    if (last < 0 || start > result[last]!) result.push(start, end);
    else if (end > result[last]!) result[last] = end;
  }
  return result;
}

export function uniteIntervals(a: Intervals, b: Intervals): bigint[] {
  return normalizeIntervals([...ranges(a), ...ranges(b)]);
}

export function subtractIntervals(a: Intervals, b: Intervals): bigint[] {
  const result: bigint[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let start = a[i]!;
    const end = a[i + 1]!;
    while (j < b.length && b[j + 1]! <= start) j += 2;
    for (let k = j; k < b.length && b[k]! < end; k += 2) {
      if (b[k]! > start) result.push(start, b[k]!);
      start = b[k + 1]!;
    }
    if (start < end) result.push(start, end);
  }
  return result;
}

export function* ranges(intervals: Intervals): Generator<readonly [start: bigint, end: bigint]> {
  for (let i = 0; i < intervals.length; i += 2) yield [intervals[i]!, intervals[i + 1]!];
}
