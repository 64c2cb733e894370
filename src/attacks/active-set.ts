import type { AttackHooks } from './images.ts';

/** An iteration over images that end at different times. All state is kept by slot, so a row never sees another one. */
export interface ActiveSetProcess {
  /** Image `index` starts in `slot`. */
  readonly enter: (slot: number, index: number) => void;
  /** Advances the images in these slots by one iteration and returns the slots that are done, their results written. */
  readonly step: (slots: Int32Array) => Promise<Iterable<number>>;
}

/**
 * Runs `count` images through an iteration, at most `capacity` at a time: one that is done leaves the batch and the next
 * one that waits takes its slot, so that the batch is full until none is left.
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

/** The rows in `slots` of a state kept by slot, side by side. */
export function gather(state: Float32Array, slots: Int32Array, size: number): Float32Array {
  const packed = new Float32Array(slots.length * size);
  for (const [index, slot] of slots.entries()) {
    packed.set(state.subarray(slot * size, (slot + 1) * size), index * size);
  }
  return packed;
}
