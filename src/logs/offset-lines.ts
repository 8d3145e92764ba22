import { TailraceError } from '../model/errors.ts';
import type { SourceOffset, SourcePartition } from '../model/log.ts';

/** A source offset on its way between logs. Null: it is removed. */
export interface TransferredOffset {
  readonly connector: string;
  readonly partition: SourcePartition;
  readonly offset: SourceOffset | null;
}

/**
 * Reads `{"connector","partition","offset"}`, a line each, or `{"offsets":[{"partition","offset"}]}` as Connect's REST API gives
 * it for `connector`. Throws `config.unreadable` with the line.
 */
export function parseOffsetLines(
  text: string,
  source: { readonly name: string; readonly connector: string | null },
): readonly TransferredOffset[] {
  const whole = parseJson(text);
  if (isObject(whole) && Array.isArray(whole.offsets)) return ofConnect(whole.offsets, source);
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const at = `${source.name}:${i + 1}`;
    const value = parseJson(line);
    if (isObject(value) && Array.isArray(value.offsets)) return ofConnect(value.offsets, source);
    if (!isObject(value) || typeof value.connector !== 'string') {
      throw unreadable(at, 'it is not {"connector": ..., "partition": {...}, "offset": {...}}');
    }
    return [toOffset(value.connector, value, at)];
  });
}

function ofConnect(
  entries: readonly unknown[],
  { name, connector }: { readonly name: string; readonly connector: string | null },
): readonly TransferredOffset[] {
  if (connector === null) {
    throw new TailraceError('config.invalid', `${name} is an answer of Connect, which does not name the connector`, {
      remedy: 'Name it with --connector <name>.',
    });
  }
  return entries.map((entry, i) => toOffset(connector, isObject(entry) ? entry : {}, `${name}: offset ${i + 1}`));
}

function toOffset(connector: string, value: Record<string, unknown>, at: string): TransferredOffset {
  const { partition, offset } = value;
  if (!isFlat(partition) || !Object.values(partition).every((one) => typeof one === 'string')) {
    throw unreadable(at, 'its partition is not a flat object of strings, such as {"server":"shop"}');
  }
  if (offset !== null && !isFlat(offset)) throw unreadable(at, 'its offset is neither a flat object nor null');
  return { connector, partition: partition as SourcePartition, offset: offset as SourceOffset | null };
}

function unreadable(at: string, reason: string): TailraceError {
  return new TailraceError('config.unreadable', `${at}: ${reason}`);
}

function isFlat(value: unknown): value is Record<string, unknown> {
  return isObject(value) && Object.values(value).every((one) => one === null || typeof one !== 'object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined where it is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
