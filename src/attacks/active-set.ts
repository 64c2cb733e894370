import type { AttackHooks } from './images.ts';

/** An iteration whose images end at different times. State is kept per slot, so no image affects another. */
export interface ActiveSetProcess {
  /** Image `index` starts in `slot`. */
  readonly enter: (slot: number, index: number) => void;
  /**
   * Advances the images in these slots by one iteration, writes the results of those that are done, and
   * returns their slots.
   */
  readonly step: (slots: Int32Array) => Promise<Iterable<number>>;
}

/**
 * Runs `count` images through an iteration, at most `capacity` at a time. When an image is done, the next
 * waiting one takes its slot, so that the batch stays full until no image is waiting.
 */
export async function runActiveSet(
  count: number,
  capacity: number,
  process: ActiveSetProcess,
  hooks: AttackHooks,
): Promise<void> {
  let waiting = 0;
  let done = 0;
  let active: number[] = [];
  const free = Array.from({ length: Math.min(count, capacity) }, (_, slot) => slot).reverse();
  while (done < count) {
    hooks.signal?.throwIfAborted();
    while (free.length > 0 && waiting < count) {
      const slot = free.pop()!;
      process.enter(slot, waiting++);
      active.push(slot);
    }
    const finished = [...(await process.step(Int32Array.from(active)))];
    if (finished.length === 0) continue;
    const left = new Set(finished);
    active = active.filter((slot) => !left.has(slot));
    free.push(...finished);
    done += finished.length;
    hooks.onProgress?.(done, count);
  }
}

/** The rows of `state` in `slots`, side by side; `state` has one row of `size` values per slot. */
export function gather(state: Float32Array, slots: Int32Array, size: number): Float32Array {
  const packed = new Float32Array(slots.length * size);
  for (const [index, slot] of slots.entries()) {
    packed.set(state.subarray(slot * size, (slot + 1) * size), index * size);
  }
  return packed;
}
