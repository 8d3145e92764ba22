/**
 * The log is sound, but what it says of a change to captured rows does not hold what the change was: a statement instead
 * of rows, a difference to a value that was not sent, a gap that the server itself reports. Going on would lose rows.
 */
export class UnreadableChangeError extends Error {
  override readonly name = 'UnreadableChangeError';
  /** What makes the server write such changes whole, or what to do about this one; a sentence. */
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}
