import type { ReadFile } from '../../runtime/stage.ts';
import {
  readSafetensorsHeader,
  SafetensorsError,
  safetensorsHeaderLength,
  type TensorEntry,
} from '../../values/safetensors.ts';

export interface SafetensorsHead {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The head of a safetensors file; null if it cannot be read before a run, or if it is a file of another kind. */
export function safetensorsHead(path: string, read: ReadFile): SafetensorsHead | null {
  const prefix = read(path, 8);
  if (prefix === null || prefix.length < 8) return null;
  try {
    const head = read(path, 8 + safetensorsHeaderLength(prefix));
    // Its end is judged by the run, which knows how long the file is.
    return head && readSafetensorsHeader(head, Number.MAX_SAFE_INTEGER);
  } catch (error) {
    if (error instanceof SafetensorsError || error instanceof RangeError) return null;
    throw error;
  }
}
