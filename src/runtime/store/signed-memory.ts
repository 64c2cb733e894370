import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeSideMemory } from './durable.ts';

/**
 * Side memories that decide more than how long something takes, such as which files are written. A cache may come from
 * elsewhere, so they are signed: the first line is a signature of the rest with a secret of this machine.
 */
export interface Seal {
  /** The secret; null if this machine has none, and nothing is then remembered. */
  readonly key: Uint8Array | null;
  /** The kind of the text and where it holds, so that a signature holds for nothing else. */
  readonly purpose: string;
}

/** Returns the text; null if the file is absent, was changed, or was not signed by this machine for this purpose. */
export function readSignedMemory(path: string, seal: Seal): string | null {
  if (seal.key === null) return null;
  try {
    const file = readFileSync(path, 'utf8');
    const text = file.slice(file.indexOf('\n') + 1);
    return isEqual(file.slice(0, -text.length - 1), sign(seal.key, seal.purpose, text)) ? text : null;
  } catch {
    return null;
  }
}

/** Writes a text that may be lost; nothing is written without a secret. */
export function writeSignedMemory(path: string, seal: Seal, text: string, mode?: number): void {
  if (seal.key === null) return;
  writeSideMemory(path, `${sign(seal.key, seal.purpose, text)}\n${text}`, mode);
}

/** A digest that only this machine can compute. */
export function sign(key: Uint8Array, purpose: string, text: string): string {
  return createHmac('sha256', key).update(`${purpose}\n`).update(text).digest('hex');
}

function isEqual(given: string, expected: string): boolean {
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}
