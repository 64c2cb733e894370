/** What a process keeps for later: the caches of a worker differ in what they hold, not in what they let go. */

export interface RecentCacheOptions<V> {
  /** Most that is kept, in the unit of the sizes. */
  readonly limit: number;
  /** Called for a value that is let go. */
  readonly dispose?: (value: V) => void;
}

/** Values by key, within a limit on their total size; the least recently used ones go first. */
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

  /** Keeps a value, and lets others go for it. A value that is larger than the limit, or whose key is known, is not kept. */
  set(key: string, value: V, size = 1): void {
    if (size > this.#options.limit || this.#entries.has(key)) return;
    this.#entries.set(key, { value, size });
    this.#total += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#total <= this.#options.limit) break;
      this.delete(oldest);
    }
  }

  /** Lets a value go. */
  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#total -= entry.size;
    this.#options.dispose?.(entry.value);
  }
}

const identities = new WeakMap<object, number>();
let last = 0;

/** A number that no other object of this process has: values are never written to, so that an object stands for its content. */
export function identityOf(object: object): number {
  const known = identities.get(object);
  if (known !== undefined) return known;
  identities.set(object, ++last);
  return last;
}
