import { exitCodes, type ExitCode, UsageError } from './exit-codes.ts';
import { complain } from './output.ts';

/** Errors of the world and of the data that have a message for users: none of them is an error in ravelin. */
const foreseen: Readonly<Record<string, { readonly code: ExitCode; readonly fix?: string }>> = {
  StageError: { code: exitCodes.cellFailed },
  ValueError: { code: exitCodes.cellFailed },
  BackendError: { code: exitCodes.cellFailed },
  DamagedObjectError: {
    code: exitCodes.storage,
    fix: 'run the pipeline again; the damaged result is recomputed',
  },
};

/**
 * Last resort of every command: prints one clear sentence and returns the right exit code. Only errors of
 * ravelin itself show a stack.
 */
export async function reportError(error: unknown): Promise<ExitCode> {
  if (isTooManyFiles(error)) return reportTooManyFiles();
  try {
    return await explain(error);
  } catch (failure) {
    // The modules that know the error could not be loaded, which takes open files too.
    if (isTooManyFiles(failure)) return reportTooManyFiles();
    throw failure;
  }
}

function isTooManyFiles(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (['EMFILE', 'ENFILE'].includes((cause as NodeJS.ErrnoException).code ?? '')) return true;
  return false;
}

function reportTooManyFiles(): ExitCode {
  complain(
    'error: this process has reached the limit of open files\n  fix: raise the limit of this shell, for example with: ulimit -n 1024',
  );
  return exitCodes.storage;
}

async function explain(error: unknown): Promise<ExitCode> {
  if (error instanceof UsageError) {
    complain(`error: ${error.message}${error.fix === undefined ? '' : `\n  fix: ${error.fix}`}`);
    return exitCodes.usage;
  }
  const { UnreadableFileError } = await import('../files/unreadable-file-error.ts');
  if (error instanceof UnreadableFileError) {
    complain(`error: ${error.message}\n  fix: ${error.fix}`);
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
    complain(
      `error[${error.code}]: ${error.message}${error.fix === undefined ? '' : `\n  fix: ${error.fix}`}`,
    );
    return exitCodes.storage;
  }
  const { DamagedResultsError } = await import('./damaged-results.ts');
  if (error instanceof DamagedResultsError) {
    complain(`error[damaged]: ${error.message}\n  fix: ${error.fix}`);
    return exitCodes.storage;
  }
  // This compares the name, because the class comes with a package that other failures need not load.
  if (error instanceof Error && error.name === 'SchedulerError') {
    complain(`error: ${error.message}\n  fix: run 'ravelin doctor slurm' to see what is missing`);
    return exitCodes.executor;
  }
  // These are compared by name too, because plugins may bring copies of the classes.
  if (error instanceof Error && error.name in foreseen) {
    const { message } = error;
    const { code, fix } = foreseen[error.name]!;
    const own = (error as Error & { fix?: unknown }).fix;
    const shown = typeof own === 'string' ? own : fix;
    complain(`error: ${message}${shown === undefined ? '' : `\n  fix: ${shown}`}`);
    return code;
  }
  const { toUserError } = await import('../files/file-error.ts');
  const problem = toUserError(error);
  if (problem !== null) {
    complain(`error: ${problem.message}\n  fix: ${problem.fix}`);
    return exitCodes.storage;
  }
  complain(
    `This is an error in ravelin, not in your pipeline. Everything that was computed is kept.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return exitCodes.cellFailed;
}
