/** A failure that the user can correct. Anything else that a stage throws is reported as a bug. */
export class StageError extends Error {
  override readonly name = 'StageError';
  readonly code: 'bad-data' | 'out-of-memory' | 'io' | 'stage';
  readonly file: string | undefined;
  readonly fix: string | undefined;
  constructor(
    message: string,
    options: {
      code?: 'bad-data' | 'out-of-memory' | 'io' | 'stage';
      file?: string;
      fix?: string;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = options.code ?? 'stage';
    this.file = options.file;
    this.fix = options.fix;
  }
}

/** A stage is declared wrongly: an error of whoever wrote the declaration. */
export class DeclarationError extends TypeError {
  override readonly name = 'DeclarationError';
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}
