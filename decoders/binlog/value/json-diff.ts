import { DecodeError } from '../../decode-error.ts';
import { BinlogCursor } from '../binlog-cursor.ts';
import { parseJson } from './json.ts';
import type { JsonArray, JsonMember, JsonObject, JsonValue } from './json-value.ts';

/** Operations of a partial update (enum_json_diff_operation in sql/json_diff.h). */
const OPERATIONS = ['replace', 'insert', 'remove'] as const;

export interface JsonDiff {
  readonly operation: (typeof OPERATIONS)[number];
  /** Where, from the root: keys of objects and indexes of arrays. */
  readonly path: readonly (string | number)[];
  /** Absent of a removal. */
  readonly value: JsonValue | null;
}

/**
 * The diffs of one column of a partial update row event:
 * `(operation:1 path-length:lenenc path [value-length:lenenc binary-json])*`
 * (Json_diff_vector::write_binary in sql/json_diff.cc).
 */
export function parseJsonDiffs(bytes: Buffer, start: number, end: number): JsonDiff[] {
  const cursor = new BinlogCursor(bytes, start, end);
  const diffs: JsonDiff[] = [];
  while (cursor.remaining > 0) {
    const at = cursor.position;
    const operation = OPERATIONS[cursor.uint8()];
    if (operation === undefined) throw new DecodeError(`json diff: no operation ${bytes[at]}`, at);
    const path = parsePath(cursor.lengthEncodedUtf8(), at);
    let value: JsonValue | null = null;
    if (operation !== 'remove') {
      const length = cursor.lengthEncoded();
      const valueStart = cursor.take(length);
      value = parseJson(bytes, valueStart, valueStart + length);
    }
    diffs.push({ operation, path, value });
  }
  return diffs;
}

/** `$`, then `.key`, `."quoted key"` or `[index]` for each step; in a diff a path has no wildcard (sql-common/json_path.cc). */
function parsePath(text: string, offset: number): (string | number)[] {
  const path: (string | number)[] = [];
  const step = /\[(\d+)\]|\.("(?:[^"\\]|\\.)*"|[^.[\]"*]+)/gy;
  if (!text.startsWith('$')) throw new DecodeError('json diff: a path begins with $', offset);
  step.lastIndex = 1;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (match === null) throw new DecodeError('json diff: a path that is none', offset);
    if (match[1] !== undefined) path.push(Number(match[1]));
    else path.push(match[2]!.startsWith('"') ? unquoted(match[2]!, offset) : match[2]!);
  }
  return path;
}

function unquoted(text: string, offset: number): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new DecodeError('json diff: a quoted key that is none', offset);
  }
}

/** The document after the diffs, in their order; `document` stays as it is. @throws DecodeError where one has no place in it. */
export function applyJsonDiffs(document: JsonValue, diffs: readonly JsonDiff[], offset = 0): JsonValue {
  return diffs.reduce((value, diff) => {
    if (diff.path.length > 0) return changed(value, diff, 0, offset);
    if (diff.operation !== 'replace') throw new DecodeError(`json diff: ${diff.operation} of the root`, offset);
    return diff.value!;
  }, document);
}

function changed(value: JsonValue, diff: JsonDiff, depth: number, offset: number): JsonValue {
  const step = diff.path[depth]!;
  if (typeof step === 'number' && value.kind === 'array') return changedArray(value, step, diff, depth, offset);
  if (typeof step === 'string' && value.kind === 'object') return changedObject(value, step, diff, depth, offset);
  throw misplaced(diff, offset);
}

function changedArray(array: JsonArray, index: number, diff: JsonDiff, depth: number, offset: number): JsonArray {
  const isLast = depth === diff.path.length - 1;
  if (isLast && diff.operation === 'insert') {
    // Beyond the end the server appends.
    return { kind: 'array', elements: array.elements.toSpliced(index, 0, diff.value!) };
  }
  const element = array.elements[index];
  if (element === undefined) throw misplaced(diff, offset);
  if (isLast && diff.operation === 'remove') return { kind: 'array', elements: array.elements.toSpliced(index, 1) };
  const next = isLast ? diff.value! : changed(element, diff, depth + 1, offset);
  return { kind: 'array', elements: array.elements.with(index, next) };
}

function changedObject(object: JsonObject, key: string, diff: JsonDiff, depth: number, offset: number): JsonObject {
  const isLast = depth === diff.path.length - 1;
  const { members } = object;
  const index = members.findIndex(([name]) => name === key);
  if (isLast && diff.operation === 'insert') {
    if (index !== -1) throw misplaced(diff, offset);
    const later = members.findIndex(([name]) => compareKeys(name, key) > 0);
    const member: JsonMember = [key, diff.value!];
    return { kind: 'object', members: members.toSpliced(later === -1 ? members.length : later, 0, member) };
  }
  if (index === -1) throw misplaced(diff, offset);
  if (isLast && diff.operation === 'remove') return { kind: 'object', members: members.toSpliced(index, 1) };
  const next = isLast ? diff.value! : changed(members[index]![1], diff, depth + 1, offset);
  return { kind: 'object', members: members.with(index, [key, next]) };
}

/** The server's order of keys: shorter ones first, then by bytes. */
function compareKeys(a: string, b: string): number {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length - right.length || left.compare(right);
}

function misplaced(diff: JsonDiff, offset: number): DecodeError {
  return new DecodeError(
    `json diff: ${diff.operation} at level ${diff.path.length} of a document without that place`,
    offset,
  );
}
