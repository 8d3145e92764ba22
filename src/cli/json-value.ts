/** A JSON value whose integers are exact: those beyond 2^53 - 1 are bigints. */
export type ExactJson = null | boolean | number | bigint | string | readonly ExactJson[] | ExactJsonObject;
export interface ExactJsonObject {
  readonly [key: string]: ExactJson;
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** Parses JSON without rounding large integers; undefined for text that is not JSON. */
export function parseExactJson(text: string): ExactJson | undefined {
  const exact: Reviver = (_, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '') ? BigInt(source!) : value;
  try {
    return JSON.parse(text, exact as (this: unknown, key: string, value: unknown) => unknown) as ExactJson;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isJsonObject(value: ExactJson | undefined): value is ExactJsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The opposite: bigints are written as the numbers they were. */
export function formatExactJson(value: ExactJson): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(formatExactJson).join(',')}]`;
  if (isJsonObject(value)) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${formatExactJson(item)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value);
}
