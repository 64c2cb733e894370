import { epochOfState } from '../../../training/state.ts';
import type { MetricsRow } from '../../../values/metrics.ts';
import { ValueError } from '../../../values/value-error.ts';
import { verifyValue } from '../../../values/verify.ts';

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

/**
 * Returns null unless the bytes are a checkpoint of a training of `epochs` epochs: one row for each completed
 * epoch, in order, and the state after the last of them.
 */
export function decodeCheckpoint(bytes: Uint8Array, epochs: number): TrainingCheckpoint | null {
  if (bytes.length < 4) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (4 + length > bytes.length) return null;
  const state = bytes.slice(4 + length);
  try {
    const history = {
      rows: JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as readonly MetricsRow[],
      warnings: [],
    };
    verifyValue(history, 'metrics', 'the checkpoint');
    const { rows } = history;
    if (rows.some(({ axes }, index) => axes['epoch'] !== index + 1)) return null;
    return rows.length <= epochs && rows.length === epochOfState(state) ? { rows, state } : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ValueError) return null;
    throw error;
  }
}
