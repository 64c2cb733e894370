/**
 * A process that computes for a worker ended before it answered. Whether that passes is unknown, as when the worker
 * itself is lost.
 */
export class LostProcessError extends Error {
  override readonly name = 'LostProcessError';
  /** The guess, by how it ended. */
  readonly lossCause: 'crash' | 'out-of-memory';
  constructor(message: string, cause: 'crash' | 'out-of-memory') {
    super(message);
    this.lossCause = cause;
  }
}
