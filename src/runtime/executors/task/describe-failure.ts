/** What a stage threw, as what the user is told. */
import type { TaskFailure } from '../../executor.ts';
import { StoreError } from '../../store/errors.ts';

/** What is said when memory ends, by TensorFlow, wasm modules and V8. The errors of `src/tensors/` have `outOfMemory`. */
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
 * Sorts what was thrown: a `StageError` is the user's to mend, lack of memory may pass with smaller batches, the rest is
 * our own mistake. `batch` is how many images the stage computed at a time; null where it does not work in batches.
 */
export function describeFailure(error: unknown, batch: number | null = null): TaskFailure {
  if (!(error instanceof Error)) return { code: 'stage', message: String(error) };
  const base = { message: error.message, ...(error.stack === undefined ? {} : { stack: fullStack(error) }) };
  if (error instanceof StoreError) return { ...base, code: 'storage', file: error.path };
  // By name: a plugin may bring its own copy of the class.
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
      fix: 'use fewer workers (`-j`), another backend, or a smaller `batchSize` where the stage has one',
    };
  }
  if ('syscall' in error)
    return { ...base, code: 'io', ...('path' in error ? { file: String(error.path) } : {}) };
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
