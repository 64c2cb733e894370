/** Checks that the verifiers of values share. */
import { nameOfType } from './array-problems.ts';
import { canonicalJson, type Json } from './json.ts';
import { ValueError } from './value-error.ts';

/** Where a value comes from, for messages: `output 'images' of lab/blur`. */
export type Origin = string;

export type Fields = Readonly<Record<string, unknown>>;

export function verifyJson(value: unknown, name: string, origin: Origin): void {
  try {
    canonicalJson(value as Json);
  } catch (error) {
    throw new ValueError(
      `the ${name} of ${origin} cannot be written as JSON: ${(error as Error).message}`,
      'use finite numbers, texts, lists and plain objects only',
      error,
    );
  }
}

export function ensure(holds: boolean, message: string, fix: string): asserts holds {
  if (!holds) throw new ValueError(message, fix);
}

export function shown(value: unknown): string {
  if (typeof value === 'number' || value === undefined || value === null) return String(value);
  if (typeof value === 'string') return `the text '${value}'`;
  return Array.isArray(value) && value.length <= 8 ? `[${value.join(', ')}]` : nameOfType(value);
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => Number.isFinite(item));
}
