import { memberSpans, type Span } from './json-spans.ts';
import type { OracleRecord } from './oracle.ts';

/** The first place where two lists of records part. */
export interface Difference {
  /** Index among the records of the topic. */
  readonly index: number;
  readonly topic: string;
  readonly key: string | null;
  readonly what: string;
  /** The texts around the first differing character. */
  readonly expected: string;
  readonly actual: string;
}

/**
 * Compares what Debezium published with what we did, character for character and in the order of each topic, but for what
 * must differ between two readers of one database: processing times, `source.version`, `runId`, and of snapshot rows the
 * time, the position and the transaction in which they were read. What is masked is masked in the text, digit by digit,
 * so that the order of fields and the forms of values stay compared. Heartbeats come by the clock: only the first one's
 * form is compared.
 */
export function compareRecords(expected: readonly OracleRecord[], actual: readonly OracleRecord[]): Difference | null {
  const topics = new Set([...expected, ...actual].map(({ topic }) => topic));
  for (const topic of topics) {
    const [theirs, ours] = [expected, actual].map((records) => comparable(records, topic)) as [
      OracleRecord[],
      OracleRecord[],
    ];
    for (let index = 0; index < Math.max(theirs.length, ours.length); index++) {
      const difference = compareOne(theirs[index], ours[index]);
      if (difference !== null) return { index, ...difference };
    }
  }
  return null;
}

function comparable(records: readonly OracleRecord[], topic: string): OracleRecord[] {
  const ofTopic = records.filter((record) => record.topic === topic);
  return ofTopic.filter((record, index) => index === 0 || !isHeartbeat(record));
}

function isHeartbeat({ key }: OracleRecord): boolean {
  return /"serverName":"[^"]*"\}\}?$/.test(key ?? '');
}

export function formatDifference(difference: Difference): string {
  const { index, topic, key, what, expected, actual } = difference;
  return `record ${index} of ${topic}, key ${key}: ${what}\n  Debezium: ${expected}\n  tailrace: ${actual}`;
}

type RecordDifference = Omit<Difference, 'index'>;

function compareOne(expected: OracleRecord | undefined, actual: OracleRecord | undefined): RecordDifference | null {
  if (expected === undefined && actual === undefined) return null;
  const { topic, key } = (expected ?? actual)!;
  const differs = (what: string, theirs: string, ours: string): RecordDifference => ({
    topic,
    key,
    what,
    expected: theirs,
    actual: ours,
  });
  if (actual === undefined) return differs('is missing', brief(expected!.value), '(no record)');
  if (expected === undefined) return differs('is one too many', '(no record)', brief(actual.value));
  const parts: [string, string | null, string | null][] = [
    ['key', key, actual.key],
    ['value', maskValue(expected.value), maskValue(actual.value)],
    ['headers', headerText(expected), headerText(actual)],
    ['partition', String(expected.partition), String(actual.partition)],
  ];
  for (const [what, theirs, ours] of parts) {
    // We name a partition for every record, Debezium only where its producer's partitioner must not choose.
    if (what === 'partition' && theirs === 'null') continue;
    const at = firstDifference(theirs ?? 'null (tombstone)', ours ?? 'null (tombstone)');
    if (at === null) continue;
    return differs(`${what} differs`, around(theirs ?? 'null', at.expected), around(ours ?? 'null', at.actual));
  }
  return null;
}

function headerText(record: OracleRecord): string {
  return JSON.stringify(
    record.headers.map(({ key, value }) => [key, key === '__debezium.context.runId' ? 'run' : value]),
  );
}

const processingTimes = ['ts_ms', 'ts_us', 'ts_ns'];
const snapshotRead = [...processingTimes, 'lsn', 'txId', 'sequence', 'xmin', 'file', 'pos'];

/** Masks the value of a record, with or without its schema around it. */
export function maskValue(value: string | null): string | null {
  if (value === null) return null;
  const outer = memberSpans(value, 0);
  const payload =
    outer?.has('schema') && outer.has('payload') ? outer.get('payload')! : { start: 0, end: value.length };
  const envelope = memberSpans(value, payload.start);
  if (envelope === null) return value;
  const masked: Span[] = [];
  const mask = (members: Map<string, Span>, names: readonly string[]): void => {
    for (const name of names) {
      const span = members.get(name);
      if (span !== undefined) masked.push(span);
    }
  };
  const sourceSpan = envelope.get('source');
  const isHeartbeat = envelope.size === 1 && envelope.has('ts_ms');
  // A transaction's begin and end have no source, and their ts_ms is the transaction's own.
  if (sourceSpan !== undefined || isHeartbeat || isMariadbBegin(value)) mask(envelope, processingTimes);
  const source = sourceSpan === undefined ? null : memberSpans(value, sourceSpan.start);
  if (source !== null) {
    const snapshot = source.get('snapshot');
    const isStreamed = snapshot === undefined || value.slice(snapshot.start, snapshot.end) === '"false"';
    if (!isStreamed) mask(source, snapshotRead);
    // Debezium leaves there what the last row before the statement had.
    else if (envelope.has('ddl')) mask(source, ['row']);
  }
  const version = source?.get('version');
  // Both in the order of Java's hash tables.
  const tables = envelope.has('ddl') ? source?.get('table') : undefined;
  const counts = envelope.get('data_collections');
  let text = '';
  let from = 0;
  const special = [version, tables, counts].filter((span) => span !== undefined);
  for (const span of [...masked, ...special].sort((a, b) => a.start - b.start)) {
    const piece = value.slice(span.start, span.end);
    text += value.slice(from, span.start);
    if (span === version) text += '"version"';
    else if (span === tables) text += sortNames(piece);
    else text += span === counts ? sortItems(piece) : piece.replaceAll(/\d+/g, '#');
    from = span.end;
  }
  return text + value.slice(from);
}

/** Debezium gives it the time of the event before, whichever that is. */
function isMariadbBegin(value: string): boolean {
  return /"status":"BEGIN","id":"\d+-\d+-\d+"/.test(value);
}

function sortNames(text: string): string {
  const names = JSON.parse(text) as string | null;
  return JSON.stringify(names === null ? null : names.split(',').sort().join(','));
}

function sortItems(text: string): string {
  const items = JSON.parse(text) as unknown[] | null;
  return JSON.stringify(items?.map((item) => JSON.stringify(item)).sort() ?? null);
}

interface Places {
  readonly expected: number;
  readonly actual: number;
}

/**
 * Where two texts part, or null. A number that Java before 19 prints with more digits than it needs equals its shortest
 * form here.
 */
function firstDifference(expected: string, actual: string): Places | null {
  let [i, j] = [0, 0];
  let inString = false;
  while (i < expected.length || j < actual.length) {
    if (expected[i] === actual[j]) {
      if (expected[i] === '"' && !(inString && isEscaped(expected, i))) inString = !inString;
      i++;
      j++;
      continue;
    }
    const [theirs, ours] = [numberAround(expected, i), numberAround(actual, j)];
    if (inString || !isLongerFormOf(theirs.text, ours.text)) return { expected: i, actual: j };
    i = theirs.end;
    j = ours.end;
  }
  return null;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

function numberAround(text: string, at: number): { text: string; end: number } {
  let [start, end] = [at, at];
  while (start > 0 && /[-+.\dE]/.test(text[start - 1]!)) start--;
  while (end < text.length && /[-+.\dE]/.test(text[end]!)) end++;
  return { text: text.slice(start, end), end };
}

const javaFloat = /^-?\d+\.\d+(E-?\d+)?$/;

function isLongerFormOf(theirs: string, ours: string): boolean {
  if (!javaFloat.test(theirs) || !javaFloat.test(ours) || theirs.length < ours.length) return false;
  if (Number(theirs) === Number(ours)) return true;
  // A float32 needs nine digits at most; with more of them the texts are doubles.
  const digits = theirs.replace(/E.*$/, '').replaceAll(/\D/g, '').length;
  return digits <= 9 && Math.fround(Number(theirs)) === Math.fround(Number(ours));
}

const contextChars = 120;

function around(text: string, at: number): string {
  const from = Math.max(0, at - contextChars);
  const to = Math.min(text.length, at + contextChars);
  return `${from > 0 ? '…' : ''}${text.slice(from, at)}⟦${text.slice(at, to)}⟧${to < text.length ? '…' : ''}`;
}

function brief(text: string | null): string {
  return text === null ? 'null' : text.slice(-2 * contextChars);
}
