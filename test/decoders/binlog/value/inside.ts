/** Calls a value function on bytes in the middle of a longer buffer: it must mind its range, not the buffer. */
export function inside<T>(value: Uint8Array | string, parse: (bytes: Buffer, start: number, end: number) => T): T {
  const content = typeof value === 'string' ? Buffer.from(value, 'hex') : value;
  const bytes = Buffer.concat([Buffer.from('ff7f00', 'hex'), content, Buffer.from('0180ff', 'hex')]);
  return parse(bytes, 3, 3 + content.length);
}
