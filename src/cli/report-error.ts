import { exitCodes, type ExitCode, UsageError } from './exit-codes.ts';
import { complain } from './output.ts';

/** Last resort of every command: one clear sentence and the right exit code. Only our own mistakes show a stack. */
export async function reportError(error: unknown): Promise<ExitCode> {
  if (error instanceof UsageError) {
    complain(`error: ${error.message}${error.fix === undefined ? '' : `\n  fix: ${error.fix}`}`);
    return exitCodes.usage;
  }
  const { SetupError } = await import('../setup/errors.ts');
  if (error instanceof SetupError) {
    complain(`error: ${error.message}\n  fix: ${error.fix}`);
    return exitCodes.cellFailed;
  }
  const { DiagnosticsError, showDiagnostics } = await import('./diagnostics.ts');
  if (error instanceof DiagnosticsError) {
    showDiagnostics(error);
    return exitCodes.usage;
  }
  const { StoreError } = await import('../runtime/store/errors.ts');
  if (error instanceof StoreError) {
    complain(`error[${error.code}]: ${error.message}`);
    return exitCodes.storage;
  }
  // By name: the class comes with a package that a failure of anything else need not load.
  if (error instanceof Error && error.name === 'SchedulerError') {
    complain(`error: ${error.message}\n  fix: ravelin doctor slurm says what is missing`);
    return exitCodes.executor;
  }
  complain(
    `This is a mistake in ravelin, not in your pipeline; nothing that was computed is lost.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return exitCodes.cellFailed;
}
