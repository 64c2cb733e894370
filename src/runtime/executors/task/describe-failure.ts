import { toUserError } from '../../../files/file-error.ts';
import { UnreadableFileError } from '../../../files/unreadable-file-error.ts';
import { MachineError } from '../../../values/machine-error.ts';
import { ValueError } from '../../../values/value-error.ts';
import type { TaskFailure } from '../../executor.ts';
import { StoreError } from '../../store/errors.ts';

/**
 * Messages of TensorFlow, wasm modules and V8 when memory runs out. Errors of
 * `src/tensors/` have `outOfMemory` instead.
 */
const memoryMessages = new RegExp(
  [
    'RESOURCE_EXHAUSTED',
    'OOM when allocating',
    'memory access out of bounds',
    'Aborted\\(OOM\\)',
    'could not allocate memory',
    'Cannot enlarge memory',
    'bad_alloc',
    'allocation failed',
    'out of memory',
    'Invalid typed array length',
  ].join('|'),
  'i',
);

/**
 * Describes what a stage threw: a `StageError` can be fixed by the user, lack of memory may pass with smaller
 * batches, and the rest is a bug of ours. `batch` is the number of images that the stage computed at a time;
 * null if it does not work in batches.
 */
export function describeFailure(error: unknown, batch: number | null = null): TaskFailure {
  if (!(error instanceof Error)) return { code: 'stage', message: String(error) };
  const base = { message: error.message, ...(error.stack === undefined ? {} : { stack: fullStack(error) }) };
  if (error instanceof StoreError)
    return {
      ...base,
      code: 'storage',
      file: error.path,
      ...(error.fix === undefined ? {} : { fix: error.fix }),
    };
  // Its name is compared, and not its class, because a plugin may bring its own copy of the class.
  if (error.name === 'StageError') {
    const { code, file, fix } = error as Error & { code?: TaskFailure['code']; file?: string; fix?: string };
    return {
      ...base,
      code: code ?? 'stage',
      ...(file === undefined ? {} : { file }),
      ...(fix === undefined ? {} : { fix }),
      ...(code === 'out-of-memory' && batch !== null ? { batch } : {}),
    };
  }
  if (error instanceof UnreadableFileError)
    return { ...base, code: 'bad-data', file: error.file, fix: error.fix };
  if (error instanceof ValueError || error instanceof MachineError)
    return { ...base, code: 'stage', fix: error.fix };
  if (isOutOfMemory(error)) {
    const unit = batch === 1 ? 'image' : 'images';
    return {
      ...base,
      code: 'out-of-memory',
      message:
        batch === null
          ? `out of memory: ${error.message}`
          : `out of memory with ${batch} ${unit} at a time: ${error.message}`,
      ...(batch === null ? {} : { batch }),
      fix: 'use fewer workers (`-j`), another backend, or a smaller `batchSize` if the stage has one',
    };
  }
  const problem = toUserError(error);
  if (problem !== null) {
    const { message, fix, path } = problem;
    return { ...base, message, fix, code: 'io', ...(path === null ? {} : { file: path }) };
  }
  if ('syscall' in error) return { ...base, code: 'io' };
  return { ...base, code: 'stage' };
}

function isOutOfMemory(error: Error): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as { outOfMemory?: unknown }).outOfMemory === true || memoryMessages.test(cause.message))
      return true;
  }
  return false;
}

function fullStack(error: Error): string {
  let text = error.stack ?? error.message;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    text += `\ncaused by ${cause.stack ?? cause.message}`;
  return text;
}
