/** Where a text of a JSON document stands: between its quotes. */
interface Text {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
/** Below it a text is left as it is: what is cut are the large ones. */
const LEAST_KEPT_BYTES = 64;

/**
 * The JSON object with its longest texts cut so that it has at most `limit` bytes, each to the same length, a multiple of 4 (what is
 * left of base64 is base64). Names of fields stay. Null: it is no JSON object, or what is not text is too much.
 */
export function truncateJson(json: Buffer, limit: number): Buffer | null {
  if (json[0] !== OPEN_BRACE) return null;
  const texts = largeTexts(json);
  if (texts === null) return null;
  const cap = capFor(
    texts.map(({ start, end }) => end - start),
    json.length - limit,
  );
  if (cap === null) return null;
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { start, end } of texts) {
    if (end - start <= cap) continue;
    pieces.push(json.subarray(at, cutEnd(json, start, cap)));
    at = end;
  }
  pieces.push(json.subarray(at));
  return Buffer.concat(pieces);
}

/** The length to which the longest are to be cut to be `excess` less together; null when they are not enough. */
function capFor(lengths: readonly number[], excess: number): number | null {
  const sorted = lengths.toSorted((a, b) => b - a);
  let sum = 0;
  for (let i = 0; i < sorted.length; i++) {
    sum += sorted[i]!;
    const cap = Math.floor((sum - excess) / (i + 1) / 4) * 4;
    const next = sorted[i + 1] ?? 0;
    if (cap >= next && cap >= LEAST_KEPT_BYTES) return cap;
  }
  return null;
}

/** Null: it is not JSON. */
function largeTexts(json: Buffer): readonly Text[] | null {
  const texts: Text[] = [];
  for (let at = json.indexOf(QUOTE); at !== -1; ) {
    const start = at + 1;
    let end = start;
    while (end < json.length && json[end] !== QUOTE) end += json[end] === BACKSLASH ? 2 : 1;
    if (end >= json.length) return null;
    let after = end + 1;
    while (json[after]! <= 0x20) after++;
    if (end - start > LEAST_KEPT_BYTES && json[after] !== COLON) texts.push({ start, end });
    at = json.indexOf(QUOTE, end + 1);
  }
  return texts;
}

/** At most `cap` bytes of a text, no escape and no character in two. */
function cutEnd(json: Buffer, start: number, cap: number): number {
  let end = start;
  for (let at = start; at - start <= cap; ) {
    end = at;
    const byte = json[at]!;
    if (byte === BACKSLASH) at += json[at + 1] === 0x75 ? escapedBytes(json, at) : 2;
    else at += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  }
  return end;
}

/** `\uXXXX`, or two of them that are one character. */
function escapedBytes(json: Buffer, at: number): number {
  const isHighSurrogate = /^\\u[dD][89abAB]/.test(json.toString('latin1', at, at + 4));
  return isHighSurrogate && json[at + 6] === BACKSLASH ? 12 : 6;
}
