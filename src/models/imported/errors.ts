/** Kinds of problems of files with a network: damage, sizes beyond the limits, data in other files, and parts that are not supported. */
export type ImportProblem = 'damaged' | 'too-large' | 'external-data' | 'not-supported';

/** A file with a network cannot be read or converted. The message says what is wrong, but not in which file. */
export class ImportError extends Error {
  override readonly name: string = 'ImportError';
  readonly code: ImportProblem;
  readonly fix: string;
  constructor(code: ImportProblem, message: string, fix: string) {
    super(message);
    this.code = code;
    this.fix = fix;
  }
}
