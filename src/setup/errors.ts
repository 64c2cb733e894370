/** Something outside ravelin prevents the set-up; `fix` says what to do about it. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}
