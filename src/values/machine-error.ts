/** The machine is not set up as the work needs it. To try again does not help; `fix` says what does. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
  readonly fix: string;
  constructor(message: string, fix: string, cause?: unknown) {
    super(message, { cause });
    this.fix = fix;
  }
}
