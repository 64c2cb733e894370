/** A place in a pipeline file. `line` and `column` count from 1; offsets are UTF-16 code units from 0. */
export interface SourceRange {
  /** Path as shown to the user: relative to the working directory if that is shorter. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A user's error as data, so that errors are collected, sorted and shown together. */
export interface Diagnostic {
  /** Stable kebab-case code; `ravelin explain CODE` has a page for each. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly at: SourceRange;
  readonly related?: readonly { readonly message: string; readonly at: SourceRange }[];
  readonly fix?: string;
}

/** A value with warnings, or diagnostics of which at least one is an error. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };
