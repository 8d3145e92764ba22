export interface NameParts {
  readonly namespace: string | null;
  readonly name: string;
}

/** A schema's dotted name as Avro's name and the namespace before it. */
export function avroName(fullName: string, isScrubbed: boolean): NameParts {
  const dot = fullName.lastIndexOf('.');
  const name = fullName.slice(dot + 1);
  const namespace = dot === -1 ? null : fullName.slice(0, dot);
  if (!isScrubbed) return { namespace, name };
  return { namespace: namespace?.split('.').map(scrubName).join('.') ?? null, name: scrubName(name) };
}

/**
 * `scrub.invalid.names`: the name as Java's URLEncoder encodes it, what is then still invalid being an underscore; a digit in
 * front gets an `x` before it.
 */
export function scrubName(name: string): string {
  if (isAvroName(name) || name === '') return name;
  const scrubbed = name.replace(/[^A-Za-z0-9_]+/g, (run) =>
    [...Buffer.from(run)].map((byte) => (KEPT.has(byte) ? '_' : `_${hex(byte)}`)).join(''),
  );
  return /^[0-9]/.test(scrubbed) ? `x${scrubbed}` : scrubbed;
}

/** One character of the encoded text: `.`, `-`, `*` are kept by URLEncoder, a blank becomes `+`. */
const KEPT = new Set(Buffer.from('.-* '));

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}

/** Avro's own rule for the names of records and fields. */
export function isAvroName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}
