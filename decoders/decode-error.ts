/**
 * Bytes that cannot be what their format says: truncated, corrupt, or of an unknown kind.
 * Always fatal for the task that met it, because a skipped event is a lost row.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** Byte offset, in the buffer that was being decoded, at which decoding stopped. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} (at byte ${offset})`);
    this.offset = offset;
  }
}
