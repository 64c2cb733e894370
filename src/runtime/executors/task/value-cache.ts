import type { Value } from '../../../values/value.ts';

/**
 * Decoded values by the objects that they were read from, so that a worker decodes a model
 * once. The least recently used go first.
 */
export interface ValueCache {
  readonly get: (id: string) => Value | undefined;
  /**
   * `bytes` is the encoded size, which is close to the decoded one.
   * Values larger than the limit are not kept.
   */
  readonly set: (id: string, value: Value, bytes: number) => void;
}

export function createValueCache(limitBytes: number): ValueCache {
  const entries = new Map<string, { readonly value: Value; readonly bytes: number }>();
  let total = 0;
  return {
    get(id) {
      const entry = entries.get(id);
      if (entry === undefined) return undefined;
      entries.delete(id);
      entries.set(id, entry);
      return entry.value;
    },
    set(id, value, bytes) {
      if (bytes > limitBytes || entries.has(id)) return;
      entries.set(id, { value, bytes });
      total += bytes;
      for (const [oldest, entry] of entries) {
        if (total <= limitBytes) break;
        entries.delete(oldest);
        total -= entry.bytes;
      }
    },
  };
}
