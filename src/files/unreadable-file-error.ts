/** A file is there and may be read, but it is not of the kind, or not in the form, that is needed. */
export class UnreadableFileError extends Error {
  override readonly name = 'UnreadableFileError';
  /** Path of the file, as it was given. */
  readonly file: string;
  readonly fix: string;
  constructor(file: string, message: string, fix: string) {
    super(message);
    this.file = file;
    this.fix = fix;
  }
}
