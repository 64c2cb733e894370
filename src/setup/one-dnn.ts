/**
 * Whether TensorFlow computes with oneDNN. TensorFlow itself turns it on only on processors with AVX-512 VNNI,
 * BF16 or AMX, although convolutions are faster with it on others too. Both give other last bits, so the choice
 * is part of the numeric identity and is always made explicitly.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonFile } from '../files/read-json.ts';

/** The environment variable that TensorFlow reads; a user who sets it decides. */
export const oneDnnVariable = 'TF_ENABLE_ONEDNN_OPTS';

/** The measurement of a set-up, which is kept beside its build. */
export interface OneDnnMeasurement {
  /** Processor that it was made on. */
  readonly processor: string;
  /** Processor seconds of the same convolutions and their gradients, with oneDNN and without. */
  readonly with: number;
  readonly without: number;
}

/**
 * Whether to compute with oneDNN: what the environment says, or else what is faster by the measurement of the
 * set-up in `folder`, or else yes, because it was faster on every processor that was tried.
 */
export function usesOneDnn(folder: string | null): boolean {
  const set = process.env[oneDnnVariable];
  if (set !== undefined && set !== '') return !['0', 'false'].includes(set.toLowerCase());
  const measured = folder === null ? null : readMeasurement(folder);
  return measured === null || measured.with <= measured.without;
}

/** The measurement of the set-up in `folder`; null if there is none that can be read. */
export function readMeasurement(folder: string): OneDnnMeasurement | null {
  let content: unknown;
  try {
    content = readJsonFile(measurementFile(folder));
  } catch {
    return null;
  }
  if (typeof content !== 'object' || content === null) return null;
  const { processor, with: on, without: off } = content as Readonly<Record<string, unknown>>;
  return typeof processor === 'string' && isTime(on) && isTime(off)
    ? { processor, with: on, without: off }
    : null;
}

export function writeMeasurement(folder: string, measurement: OneDnnMeasurement): void {
  const file = measurementFile(folder);
  writeFileSync(`${file}.partial`, JSON.stringify(measurement));
  renameSync(`${file}.partial`, file);
}

function measurementFile(folder: string): string {
  return join(folder, 'one-dnn.json');
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && Number.isFinite(value);
}
