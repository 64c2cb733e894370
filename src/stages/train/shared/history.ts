import type { MetricsRow } from '../../../values/metrics.ts';

/**
 * The state from which a killed training resumes: the rows of the completed epochs, and the state of the
 * optimiser.
 */
export interface TrainingCheckpoint {
  readonly rows: readonly MetricsRow[];
  readonly state: Uint8Array;
}

/** Four bytes of little-endian length, the rows as JSON, then the state. */
export function encodeCheckpoint({ rows, state }: TrainingCheckpoint): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(rows));
  const bytes = new Uint8Array(4 + text.length + state.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  bytes.set(state, 4 + text.length);
  return bytes;
}

/** Returns null if the bytes are not a checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): TrainingCheckpoint | null {
  if (bytes.length < 4) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (4 + length > bytes.length) return null;
  try {
    const rows: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    // ravelin wrote the rows itself; the reader of the state checks the rest.
    return Array.isArray(rows) ? { rows: rows as MetricsRow[], state: bytes.slice(4 + length) } : null;
  } catch {
    return null;
  }
}
