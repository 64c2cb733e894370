import { plural } from '../dashboard/format.ts';
import type { Diagnostic } from '../dsl/diagnostics/diagnostic.ts';
import { styledDiagnostics } from '../dsl/diagnostics/render.ts';
import type { SourceFile } from '../dsl/diagnostics/source.ts';
import { complainStyled } from './output.ts';

/** A pipeline has errors. The diagnostics go to the one place that prints them; the exit code is 2. */
export class DiagnosticsError extends Error {
  override readonly name = 'DiagnosticsError';
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: readonly SourceFile[];
  constructor(diagnostics: readonly Diagnostic[], sources: readonly SourceFile[]) {
    super(`${plural(diagnostics.length, 'error')} in the pipeline`);
    this.diagnostics = diagnostics;
    this.sources = sources;
  }
}

export function showDiagnostics({ diagnostics, sources }: DiagnosticsError): void {
  complainStyled(styledDiagnostics(diagnostics, sources));
}
