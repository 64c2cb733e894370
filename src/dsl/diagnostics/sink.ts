import type { Diagnostic, SourceRange } from './diagnostic.ts';
import type { DiagnosticCode } from './explain.ts';

interface Extra {
  readonly related?: readonly { readonly message: string; readonly at: SourceRange }[] | undefined;
  readonly fix?: string | undefined;
  /**
   * What makes two diagnostics of one code at one place the same, instead of the message: a mistake in a template is told
   * once however many cells it is in, although each cell would quote another value.
   */
  readonly same?: string;
}

/** Nobody reads more, and a file of mistakes alone would have tens of thousands, each looked up among many names. */
const mostDiagnostics = 100;

/** Ends a step that has found as many mistakes as are told. */
class TooManyDiagnostics extends Error {}

/** What the step gives, or undefined where its sink was full before its end. */
export function untilTooMany<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof TooManyDiagnostics) return undefined;
    throw error;
  }
}

/** Collects the diagnostics of one load: nothing is told twice. */
export class DiagnosticSink {
  readonly #byKey = new Map<string, Diagnostic>();
  #errors = 0;

  get failed(): boolean {
    return this.#errors > 0;
  }

  /** Errors so far: compare before and after a step to learn whether the step found one. */
  get errorCount(): number {
    return this.#errors;
  }

  get diagnostics(): readonly Diagnostic[] {
    return [...this.#byKey.values()];
  }

  /** Whether a mistake inside of a range is told already, so that what follows from it need not be. */
  hasErrorIn({ file, start, end }: SourceRange): boolean {
    return [...this.#byKey.values()].some(
      ({ at, severity }) => severity === 'error' && at.file === file && at.start >= start && at.end <= end,
    );
  }

  /** Throws, to `untilTooMany`, after the last one that is told. */
  error(code: DiagnosticCode, at: SourceRange, message: string, extra: Extra = {}): void {
    this.#errors++;
    this.#add({ code, severity: 'error', message, at, ...detailsOf(extra) }, extra.same ?? message);
    if (this.#byKey.size < mostDiagnostics) return;
    const end = `nothing more is looked at after ${mostDiagnostics} mistakes`;
    this.#add({ code: 'too-many-mistakes', severity: 'error', message: end, at }, end);
    throw new TooManyDiagnostics(end);
  }

  warn(code: DiagnosticCode, at: SourceRange, message: string, extra: Extra = {}): void {
    this.#add({ code, severity: 'warning', message, at, ...detailsOf(extra) }, extra.same ?? message);
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
