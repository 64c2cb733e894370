/**
 * Code that ravelin called returned something else than it promised, or wrote where it must not. The message
 * says what is wrong, and `fix` what to do.
 */
export class ValueError extends Error {
  override readonly name: string = 'ValueError';
  readonly fix: string;
  constructor(message: string, fix: string, cause?: unknown) {
    super(message, { cause });
    this.fix = fix;
  }
}

/** Code wrote into arrays that it was only given to read. Others read the same arrays, so they are damaged. */
export class WrittenInputError extends ValueError {
  override readonly name = 'WrittenInputError';
}
