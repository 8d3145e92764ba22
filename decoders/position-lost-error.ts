/**
 * The server replays something else than what the resume position stands for. Going on would lose or repeat rows,
 * so it is fatal: the server, the slot or the stored offset is not the one that belongs to the others.
 */
export class PositionLostError extends Error {
  override readonly name = 'PositionLostError';

  constructor(message: string) {
    super(`position lost: ${message}`);
  }
}
