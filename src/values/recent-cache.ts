/** Options of a `RecentCache`. The caches of a worker differ in their values, not in how they evict them. */

export interface RecentCacheOptions<V> {
  /** Largest total size, in the unit of the sizes. */
  readonly limit: number;
  /** Called for a value that is evicted. */
  readonly dispose?: (value: V) => void;
}

/** Values by key, within a limit on their total size. The least recently used ones are evicted first. */
export class RecentCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly size: number }>();
  readonly #options: RecentCacheOptions<V>;
  #total = 0;

  constructor(options: RecentCacheOptions<V>) {
    this.#options = options;
  }

  /** The value of a key, which counts as a use; undefined if it is not kept. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /**
   * Keeps a value and evicts others for it. Does nothing if the value is larger than the limit, or if its key
   * is kept already.
   */
  set(key: string, value: V, size = 1): void {
    if (size > this.#options.limit || this.#entries.has(key)) return;
    this.#entries.set(key, { value, size });
    this.#total += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#total <= this.#options.limit) break;
      this.delete(oldest);
    }
  }

  /** Evicts a value. */
  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#total -= entry.size;
    this.#options.dispose?.(entry.value);
  }

  /** Evicts all values. */
  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }
}

const identities = new WeakMap<object, number>();
let last = 0;

/**
 * A number that is unique to this object in this process. Values are never written to, so an object stands
 * for its content.
 */
export function identityOf(object: object): number {
  const known = identities.get(object);
  if (known !== undefined) return known;
  identities.set(object, ++last);
  return last;
}
