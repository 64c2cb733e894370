import type { Json } from '../../values/json.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';

/** A YAML value that knows where each of its parts is written. Immutable, so that parts are shared freely. */
export type Located = LocatedScalar | LocatedTemplate | LocatedSequence | LocatedMap;

export type Scalar = string | number | boolean | null;

export interface LocatedScalar {
  readonly kind: 'scalar';
  readonly at: SourceRange;
  readonly value: Scalar;
  /** Text as written (`0.060`, `8/255`), without quotes. */
  readonly text: string;
  /** The place where the value was written, if `$(…)` put it in. */
  readonly origin?: SourceRange;
  /** Whether it is the value of an environment variable, which has no types: `5` is a text as well. */
  readonly fromEnvironment?: true;
}

/** A scalar that waits for the labels of a cell: `noise-$(axes.strength)`. */
export interface LocatedTemplate {
  readonly kind: 'template';
  readonly at: SourceRange;
  readonly text: string;
  readonly parts: readonly (string | { readonly axis: string; readonly at: SourceRange })[];
  /**
   * The value is not known because of an error, which is reported already. What depends on it is not judged.
   */
  readonly unknown?: true;
}

export function unknownValue(at: SourceRange, text: string): LocatedTemplate {
  return { kind: 'template', at, text, parts: [], unknown: true };
}

export function isUnknown(located: Located | undefined): boolean {
  return located?.kind === 'template' && located.unknown === true;
}

/** Whether a value or a part of it is not known. */
export function hasUnknown(located: Located): boolean {
  switch (located.kind) {
    case 'scalar':
      return false;
    case 'template':
      return located.unknown === true;
    case 'sequence':
      return located.items.some(hasUnknown);
    case 'map':
      return located.partial === true || [...located.entries.values()].some(({ value }) => hasUnknown(value));
  }
}

export interface LocatedSequence {
  readonly kind: 'sequence';
  readonly at: SourceRange;
  readonly items: readonly Located[];
  readonly origin?: SourceRange;
}

export interface LocatedMap {
  readonly kind: 'map';
  readonly at: SourceRange;
  readonly entries: ReadonlyMap<string, LocatedEntry>;
  readonly origin?: SourceRange;
  /**
   * Some entries are not known because of an error, which is reported already. What is not found here is not
   * reported as missing.
   */
  readonly partial?: true;
}

export interface LocatedEntry {
  readonly key: LocatedScalar;
  readonly value: Located;
}

export function isNull(located: Located | undefined): boolean {
  return located?.kind === 'scalar' && located.value === null;
}

export function emptyMap(at: SourceRange): LocatedMap {
  return { kind: 'map', at, entries: new Map() };
}

export function entryOf(located: Located | undefined, key: string): LocatedEntry | undefined {
  return located?.kind === 'map' ? located.entries.get(key) : undefined;
}

/** The value under a key; a key without a value (`with:`) is the same as no key. */
export function valueOf(located: Located | undefined, key: string): Located | undefined {
  const value = entryOf(located, key)?.value;
  return isNull(value) ? undefined : value;
}

/** The map under a key; undefined if the key is missing or its value is not a map. */
export function mapOf(located: Located | undefined, key: string): LocatedMap | undefined {
  const value = valueOf(located, key);
  return value?.kind === 'map' ? value : undefined;
}

/**
 * The map under a key, to look names up in. Undefined if the key is missing. If its value was refused, the map
 * is empty and partial.
 */
export function sectionOf(located: Located | undefined, key: string): LocatedMap | undefined {
  const value = valueOf(located, key);
  return value === undefined || value.kind === 'map' ? value : partialMap(value.at);
}

/** An empty map in the place of one that was refused. */
export function partialMap(at: SourceRange): LocatedMap {
  return { ...emptyMap(at), partial: true };
}

export function withoutKeys(map: LocatedMap, keys: readonly string[]): LocatedMap {
  const without = new Set(keys);
  return { ...map, entries: new Map([...map.entries].filter(([key]) => !without.has(key))) };
}

/**
 * Merges the patch over the base: maps merge key by key, everything else (lists too) is replaced. Every part
 * keeps the place at which it was written; the whole keeps that of the base.
 */
export function mergeLocated(base: Located, patch: Located): Located {
  if (patch.kind !== 'map') return patch;
  if (base.kind !== 'map') return isUnknown(base) ? { ...patch, partial: true } : patch;
  return mergeMaps(base, patch);
}

export function mergeMaps(base: LocatedMap, patch: LocatedMap): LocatedMap {
  if (patch.entries.size === 0) return patch.partial ? { ...base, partial: true } : base;
  const entries = new Map(base.entries);
  for (const [key, entry] of patch.entries) {
    const before = entries.get(key);
    const merges = before !== undefined && (before.value.kind === 'map' || isUnknown(before.value));
    entries.set(key, merges ? { key: entry.key, value: mergeLocated(before.value, entry.value) } : entry);
  }
  return { ...base, entries, ...(patch.partial && { partial: true }) };
}

/** The plain value. A template gives its text. */
export function plainOf(located: Located): Json {
  switch (located.kind) {
    case 'scalar':
      return located.value;
    case 'template':
      return located.text;
    case 'sequence':
      return located.items.map(plainOf);
    case 'map':
      return Object.fromEntries([...located.entries].map(([key, { value }]) => [key, plainOf(value)]));
  }
}

/** Names a value for messages: `'12'`, `a list`, `a map`. */
export function quote(located: Located): string {
  switch (located.kind) {
    case 'scalar':
      return located.value === null ? 'an empty value' : `'${shorten(located.text)}'`;
    case 'template':
      return `'${shorten(located.text)}'`;
    case 'sequence':
      return 'a list';
    case 'map':
      return 'a map';
  }
}

/**
 * Names a scalar for a message about a comparison of texts. A number that is written in another way than it
 * is compared shows both: `3.1 (3.10 without quotes is a number)`.
 */
export function quoteCompared({ value, text }: Pick<LocatedScalar, 'value' | 'text'>): string {
  if (value === null) return 'an empty value';
  if (typeof value === 'string' || String(value) === text) return `'${shorten(text)}'`;
  const what = typeof value === 'number' ? 'a number' : String(value);
  return `${String(value)} (${shorten(text)} without quotes is ${what})`;
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}

const sizes = new WeakMap<Located, number>();

/**
 * The number of values in a value, itself included; a long text counts once for every 64 characters. The size
 * of a shared part is computed once.
 */
export function sizeOf(located: Located): number {
  if (located.kind === 'scalar' || located.kind === 'template') return 1 + (located.text.length >> 6);
  const known = sizes.get(located);
  if (known !== undefined) return known;
  let size = 1;
  if (located.kind === 'map') for (const entry of located.entries.values()) size += sizeOf(entry.value);
  else for (const item of located.items) size += sizeOf(item);
  sizes.set(located, size);
  return size;
}
