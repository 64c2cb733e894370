import type { Classifier } from '../models/classifier.ts';
import { gather, runActiveSet } from './active-set.ts';
import { type Attack, classifyOriginals, stepAlong } from './attack.ts';
import {
  type AttackHooks,
  type AttackInput,
  batchCapacity,
  batchesOf,
  imageSize,
  takeRows,
} from './images.ts';
import { type BoundaryRule, nearestBoundaries } from './nearest-boundary.ts';
import { argmaxRows, queryLogits } from './query.ts';

export interface DeepFoolOptions extends BoundaryRule {
  /** M in the paper; 5 there. */
  readonly steps: number;
  /** How many of the classes that are most likely at the original are considered, the true one included; `all` of them. */
  readonly candidates: 'all' | number;
  /** Adds up the unclipped steps from the original, as Foolbox does, instead of going on from the clipped image. */
  readonly cumulative: boolean;
}

/**
 * DeepFool (Moosavi-Dezfooli, Fawzi and Frossard 2016, algorithm 2; Guo et al. 2018, equation 4): x⁽ᵐ⁾ = clip(x⁽ᵐ⁻¹⁾ + ε r), r being the way to
 * the nearest of the linearised boundaries between the true class and the candidates, until the image is misclassified. The knob is
 * ε (1 + overshoot). An image leaves as soon as it is misclassified; one that is so from the start stays as it is. The first r is computed
 * once for all strengths.
 */
export function deepFool(options: DeepFoolOptions): Attack {
  return {
    // No pilot: few images go beyond the first step, and of so few another sample says little about how far they go.
    search: { guess: 1, maximum: 1e4, refinements: 20, pilot: 0 },
    prepare: async (classifier, images, hooks) => {
      const { logits, initial, settled } = await classifyOriginals(classifier, images, hooks);
      for (const [row, state] of settled.entries())
        if (state === 0 && initial[row] !== images.labels[row]) settled[row] = 1;
      const candidates = mostLikely(logits, classifier.classes, images.labels, options.candidates);
      const direction = new Float32Array(images.pixels.length);
      const size = imageSize(images.shape);
      const moving = Int32Array.from(settled.keys()).filter((row) => settled[row] === 0);
      let zeroGradients = 0;
      for (const [first, end] of batchesOf(moving.length, size)) {
        hooks.signal?.throwIfAborted();
        const some = moving.subarray(first, end);
        const ways = await nearestBoundaries(
          classifier,
          takeRows(images, some),
          rowsOf(candidates, some, images.shape[0]),
          options,
        );
        for (const [index, row] of some.entries()) {
          direction.set(ways.displacement.subarray(index * size, (index + 1) * size), row * size);
        }
        zeroGradients += ways.flat.reduce((sum, flat) => sum + flat, 0);
        hooks.onProgress?.(end, moving.length);
      }
      return {
        initial,
        settled,
        zeroGradients,
        direction,
        evaluate: (rows, knobs) =>
          iterate(classifier, images, { ...options, direction, candidates, settled, rows, knobs }, hooks),
      };
    },
  };
}

interface Iteration extends Omit<DeepFoolOptions, 'candidates'> {
  readonly direction: Float32Array;
  /** `[n, k]`, the true class first. */
  readonly candidates: Int32Array;
  readonly settled: Uint8Array;
  readonly rows: Int32Array;
  readonly knobs: Float64Array;
}

/** All steps for the given rows, each with its own step scale. */
async function iterate(
  classifier: Classifier,
  images: AttackInput,
  iteration: Iteration,
  hooks: AttackHooks,
): Promise<Float32Array> {
  const { direction, candidates, settled, rows, knobs, steps, cumulative } = iteration;
  const size = imageSize(images.shape);
  const result = stepAlong(images, direction, rows, knobs);
  const moving = Int32Array.from(rows.keys()).filter((index) => settled[rows[index]!] === 0);
  if (steps === 1 || moving.length === 0) return result;
  const capacity = Math.min(moving.length, batchCapacity(size));
  const indices = new Int32Array(capacity);
  const taken = new Int32Array(capacity);
  const current = new Float32Array(capacity * size);
  // Σ r, from the original.
  const total = new Float32Array(cumulative ? capacity * size : 0);
  const rowIn = (slot: number): number => rows[indices[slot]!]!;
  const move = (slot: number, step: Float32Array): void => {
    const knob = knobs[indices[slot]!]!;
    const original = rowIn(slot) * size;
    for (let offset = 0; offset < size; offset++) {
      const at = slot * size + offset;
      let moved: number;
      if (cumulative) {
        total[at]! += step[offset]!;
        moved = images.pixels[original + offset]! + knob * total[at]!;
      } else {
        moved = current[at]! + knob * step[offset]!;
      }
      current[at] = Math.min(1, Math.max(0, moved));
    }
  };
  await runActiveSet(
    moving.length,
    capacity,
    {
      enter: (slot, position) => {
        const index = moving[position]!;
        indices[slot] = index;
        taken[slot] = 1;
        current.set(result.subarray(index * size, (index + 1) * size), slot * size);
        if (cumulative)
          total.set(direction.subarray(rowIn(slot) * size, (rowIn(slot) + 1) * size), slot * size);
      },
      step: async (slots) => {
        const batch = {
          ...takeRows(images, Array.from(slots, rowIn)),
          pixels: gather(current, slots, size),
        };
        const classes = argmaxRows(await queryLogits(classifier, batch), classifier.classes);
        const standing = slots.filter((_, position) => classes[position] === batch.labels[position]);
        const stuck = new Set<number>();
        if (standing.length > 0) {
          const some = Int32Array.from(standing, rowIn);
          const ways = await nearestBoundaries(
            classifier,
            { ...takeRows(images, some), pixels: gather(current, standing, size) },
            rowsOf(candidates, some, images.shape[0]),
            iteration,
          );
          for (const [position, slot] of standing.entries()) {
            move(slot, ways.displacement.subarray(position * size, (position + 1) * size));
            if (ways.flat[position] === 1 || ++taken[slot]! === steps) stuck.add(slot);
          }
        }
        const left = new Set(standing);
        return slots.filter((slot) => {
          const done = !left.has(slot) || stuck.has(slot);
          if (done) result.set(current.subarray(slot * size, (slot + 1) * size), indices[slot]! * size);
          return done;
        });
      },
    },
    hooks,
  );
  return result;
}

/** `[n, k]`: the true class, then the other classes from the most to the least likely at the original. */
function mostLikely(
  logits: Float32Array,
  classes: number,
  labels: Int32Array,
  candidates: 'all' | number,
): Int32Array {
  const count = candidates === 'all' ? classes : Math.min(candidates, classes);
  const chosen = new Int32Array(labels.length * count);
  for (const [row, label] of labels.entries()) {
    const of = (column: number): number => logits[row * classes + column]!;
    const others = Array.from({ length: classes }, (_, column) => column).filter(
      (column) => column !== label,
    );
    others.sort((a, b) => of(b) - of(a));
    chosen.set([label, ...others.slice(0, count - 1)], row * count);
  }
  return chosen;
}

function rowsOf(values: Int32Array, rows: Int32Array, total: number): Int32Array {
  const width = values.length / total;
  const taken = new Int32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    taken.set(values.subarray(row * width, (row + 1) * width), index * width);
  }
  return taken;
}
