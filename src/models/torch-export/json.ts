/** Access to the parts of JSON from a file, of which nothing is believed. All throw `TorchExportError`. */
import { damaged } from './errors.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

/** `what` names the part in messages. */
export function record(value: unknown, what: string): JsonRecord {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonRecord;
  throw damaged(`${what} is not an object`);
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw damaged(`${what} is not a list`);
}

export function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw damaged(`${what} is not a text`);
}

/** An own property; undefined if there is none or it is null. */
export function part(owner: JsonRecord, key: string): unknown {
  return Object.hasOwn(owner, key) ? (owner[key] ?? undefined) : undefined;
}

/** The only pair of a union, as `{"as_int": 3}` is; null for an object of any other form. */
export function union(value: unknown): readonly [kind: string, content: unknown] | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const [first, ...others] = Object.entries(value);
  return first === undefined || others.length > 0 ? null : first;
}
