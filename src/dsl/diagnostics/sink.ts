import type { Diagnostic, SourceRange } from './diagnostic.ts';
import type { DiagnosticCode } from './explain.ts';

interface Extra {
  readonly related?: readonly { readonly message: string; readonly at: SourceRange }[] | undefined;
  readonly fix?: string | undefined;
  /**
   * Two diagnostics with the same code, place and `same` (otherwise the same message) are one. So an error in
   * a template is reported once for all cells, although each cell would quote another value.
   */
  readonly same?: string;
  /** Leaves a warning out if there are errors, which may be its cause. */
  readonly ifSound?: boolean;
}

/**
 * Nobody reads more, and a file could have tens of thousands of errors, each with a search for the name that
 * was meant.
 */
const mostDiagnostics = 100;

/** Ends a step after the most errors that are reported. */
class TooManyDiagnostics extends Error {}

/** Runs a step. Returns undefined if it ended early because its sink was full. */
export function untilTooMany<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof TooManyDiagnostics) return undefined;
    throw error;
  }
}

/** Collects the diagnostics of one load, each once. */
export class DiagnosticSink {
  readonly #byKey = new Map<string, Diagnostic>();
  readonly #ifSound = new Set<Diagnostic>();
  #errors = 0;

  get failed(): boolean {
    return this.#errors > 0;
  }

  /** The number of errors so far. A step that raises it has found an error. */
  get errorCount(): number {
    return this.#errors;
  }

  get diagnostics(): readonly Diagnostic[] {
    const all = [...this.#byKey.values()];
    return this.failed ? all.filter((diagnostic) => !this.#ifSound.has(diagnostic)) : all;
  }

  /** Whether an error inside a range is reported already, so that its consequences need not be reported. */
  hasErrorIn({ file, start, end }: SourceRange): boolean {
    return [...this.#byKey.values()].some(
      ({ at, severity }) => severity === 'error' && at.file === file && at.start >= start && at.end <= end,
    );
  }

  /** Reports an error. Throws, to `untilTooMany`, after the last one that is reported. */
  error(code: DiagnosticCode, at: SourceRange, message: string, extra: Extra = {}): void {
    this.#errors++;
    this.#add({ code, severity: 'error', message, at, ...detailsOf(extra) }, extra.same ?? message);
    if (this.#byKey.size < mostDiagnostics) return;
    const end = `stopped after ${mostDiagnostics} errors and warnings; fix these first`;
    this.#add({ code: 'too-many-mistakes', severity: 'error', message: end, at }, end);
    throw new TooManyDiagnostics(end);
  }

  /** Reports a warning, unless there are too many to be read. A load with warnings alone succeeds. */
  warn(code: DiagnosticCode, at: SourceRange, message: string, extra: Extra = {}): void {
    if (this.#byKey.size >= mostDiagnostics) return;
    const diagnostic: Diagnostic = { code, severity: 'warning', message, at, ...detailsOf(extra) };
    if (extra.ifSound === true) this.#ifSound.add(diagnostic);
    this.#add(diagnostic, extra.same ?? message);
  }

  #add(diagnostic: Diagnostic, same: string): void {
    const { code, at } = diagnostic;
    const key = `${code}\0${at.file}\0${at.start}\0${at.end}\0${same}`;
    if (!this.#byKey.has(key)) this.#byKey.set(key, diagnostic);
  }
}

function detailsOf({ related, fix }: Extra): Pick<Diagnostic, 'related' | 'fix'> {
  return {
    ...(related !== undefined && related.length > 0 ? { related } : {}),
    ...(fix !== undefined ? { fix } : {}),
  };
}
