/** Exit codes that scripts rely on. */
export const exitCodes = {
  ok: 0,
  cellFailed: 1,
  usage: 2,
  finishedWithFailures: 3,
  busy: 4,
  storage: 5,
  executor: 6,
  workPending: 10,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/**
 * The command was called with wrong arguments. The error is printed as one line, without a stack, and the
 * exit code is 2.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly fix: string | undefined;
  constructor(message: string, fix?: string) {
    super(message);
    this.fix = fix;
  }
}
