import { RecentCache } from '../../../values/recent-cache.ts';
import { isPerImageValue, type Value } from '../../../values/value.ts';

/** The inputs that a worker has read and keeps for its next tasks. */
export type KeptInputs = Pick<RecentCache<Value>, 'clear' | 'get' | 'set'>;

/** Models, recipes and patches are read by every shard of a cell. */
const sharedBytes = 256 << 20;
/**
 * A shard of images is read by the few cells that follow on it, if at all, and reading it again takes milliseconds. Keeping
 * more makes the memory of a worker grow with the number of images, and what is kept for a while is given back late: the
 * engine collects old buffers when there are another 64 MB of them.
 */
const perImageBytes = 8 << 20;

/** Inputs by key, the least recently used evicted first; shards of images and all else apart. */
export class InputCache implements KeptInputs {
  readonly #shared = new RecentCache<Value>({ limit: sharedBytes });
  readonly #perImage = new RecentCache<Value>({ limit: perImageBytes });

  get(key: string): Value | undefined {
    return this.#shared.get(key) ?? this.#perImage.get(key);
  }

  set(key: string, value: Value, size: number): void {
    (isPerImageValue(value) ? this.#perImage : this.#shared).set(key, value, size);
  }

  clear(): void {
    this.#shared.clear();
    this.#perImage.clear();
  }
}
