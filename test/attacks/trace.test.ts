/** `trace: true`: what is recorded of an attack, whatever the attack, the batch and the shard. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack } from '../../src/attacks/attack.ts';
import { attackImages } from '../../src/attacks/attack-images.ts';
import { countQueries } from '../../src/attacks/count-queries.ts';
import { measurePerturbation, pixelSpace } from '../../src/attacks/dissimilarity.ts';
import { type ImageBatch, takeRows } from '../../src/attacks/images.ts';
import { marginOf } from '../../src/attacks/logits.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { mostEntries, TraceRecorder } from '../../src/attacks/trace-recorder.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { BatchSizes } from '../../src/values/batch-size.ts';
import { cutTrace, joinTraces, type Trace, unknownClass } from '../../src/values/trace.ts';
import { classify } from './attack-classifier.ts';
import {
  apgdWith,
  carliniWagnerWith,
  ddnWith,
  deepFoolWith,
  everyAttack,
  fabWith,
  fmnWith,
  hopSkipJumpWith,
  pgdWith,
  squareWith,
} from './every-attack.ts';
import { randomImages, randomLinearModel } from './linear-classifier.ts';
import { iterated } from './plain-attacks.ts';

const shape = [4, 4, 1] as const;
const size = 16;
const classes = 4;
const { classifier } = randomLinearModel(shape, classes);

beforeAll(async () => {
  await openBackend('wasm');
});

/** Images with the classes that the model gives them, but for the last, which is wrong from the start. */
async function labelled(count: number, seed = 1): Promise<ImageBatch> {
  const images = randomImages(count, shape, classes, { seed });
  const { classes: own } = await classify(classifier, images);
  return { ...images, labels: own.map((label, row) => (row === count - 1 ? (label + 1) % classes : label)) };
}

interface Traced {
  readonly pixels: Float32Array;
  readonly trace: Trace;
  readonly forward: number;
}

async function traced(
  attack: Attack,
  images: ImageBatch,
  strength: Parameters<typeof attackImages>[3],
  { batch = null, limit }: { batch?: number | null; limit?: number } = {},
): Promise<Traced> {
  const queries = openQueries(classifier);
  const counted = countQueries(queries);
  const hooks = { batchSizes: new BatchSizes(batch) };
  const trace = new TraceRecorder(images);
  const options = { ...hooks, trace, ...(limit !== undefined && { limit }) };
  const { pixels } = await attackImages(attack, counted.queries, images, strength, options);
  const { forward } = counted.counts();
  return { pixels, forward, trace: await trace.finish(queries, pixels, hooks) };
}

/** The entries of one image. */
function courseOf(trace: Trace, row: number): Trace {
  return cutTrace(trace, row, row + 1);
}

const iteratedAttacks = everyAttack.filter(([name]) => !/^(noise|uniform noise|auto-attack)$/.test(name));

describe.each(iteratedAttacks)('the trace of %s', (name, attack, strength) => {
  it('changes neither the images nor the number of passes', async () => {
    const images = await labelled(9);
    const counted = countQueries(openQueries(classifier));
    const plain = await attackImages(attack, counted.queries, images, strength);
    const { pixels, forward } = await traced(attack, images, strength);
    expect(pixels).toEqual(plain.pixels);
    expect(forward).toBe(counted.counts().forward);
  });

  it('is the same at any batch size, in shards and in another order', async () => {
    const images = await labelled(9);
    const { trace } = await traced(attack, images, strength);
    for (const batch of [1, 4])
      expect((await traced(attack, images, strength, { batch })).trace).toEqual(trace);
    const shards = await Promise.all(
      [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8],
      ].map((rows) => traced(attack, takeRows(images, rows), strength)),
    );
    expect(joinTraces(shards.map((shard) => shard.trace))).toEqual(trace);
    const backwards = Array.from({ length: 9 }, (_, row) => 8 - row);
    const other = await traced(attack, takeRows(images, backwards), strength, { batch: 2 });
    for (const [index, row] of backwards.entries())
      expect(courseOf(other.trace, index)).toEqual(courseOf(trace, row));
  });

  it('ends with the result, and its best values never become worse', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.double({ min: 0.2, max: 2, noNaN: true }), async (seed, factor) => {
        const images = await labelled(5, seed);
        const { pixels, trace } = await traced(attack, images, strength * factor);
        const distances = measurePerturbation(images, pixels)[trace.norm];
        expect(trace.lengths.length).toBe(5);
        for (let row = 0; row < 5; row++) {
          const { steps, bestLosses, bestDistances, losses, distances: own, reached } = courseOf(trace, row);
          const last = steps.length - 1;
          expect(own[last]).toBeCloseTo(distances[row]!, 5);
          expect(reached[last]).not.toBe(unknownClass);
          for (let at = 1; at <= last; at++) {
            expect(steps[at]).toBe(steps[at - 1]! + 1);
            expect(bestLosses[at]).toBeGreaterThanOrEqual(bestLosses[at - 1]!);
            expect(bestDistances[at]).toBeLessThanOrEqual(bestDistances[at - 1]!);
          }
          for (let at = 0; at <= last; at++) {
            if (reached[at] === 1) expect(bestDistances[at]).toBeLessThanOrEqual(own[at]!);
            if (reached[at] !== unknownClass && !Number.isNaN(losses[at]!))
              expect(bestLosses[at]).toBeGreaterThanOrEqual(losses[at]!);
          }
        }
      }),
      { numRuns: 6, seed: 1 },
    );
  });

  it('has a result of the class that the model gives it', async () => {
    // The targets of the attacks to a random class are tested below.
    if (/class/.test(name)) return;
    const images = await labelled(6);
    const { pixels, trace } = await traced(attack, images, strength);
    const after = await classify(classifier, { ...images, pixels });
    for (let row = 0; row < 6; row++) {
      const { reached, margins } = courseOf(trace, row);
      const label = images.labels[row]!;
      expect(reached.at(-1)).toBe(after.classes[row] === label ? 0 : 1);
      expect(margins.at(-1)).toBeCloseTo(marginOf(after.logits, classes, row, label), 5);
    }
  });
});

it('APGD that goes through all steps ends at the highest loss of its trace', async () => {
  const images = await labelled(8);
  const { trace } = await traced(apgdWith({ steps: 20, stopEarly: false }), images, 0.05);
  for (let row = 0; row < 7; row++) {
    const { losses, bestLosses, steps } = courseOf(trace, row);
    // The start and 20 steps, and the result.
    expect([...steps]).toEqual(Array.from({ length: 22 }, (_, step) => step));
    expect(losses.at(-1)).toBe(bestLosses.at(-1));
    expect(Math.max(...losses)).toBe(losses.at(-1));
  }
  expect(trace.lengths[7]).toBe(1);
});

it('the smallest distance of a minimum-norm attack is that of its result', async () => {
  const attacks = [
    ddnWith({ steps: 30 }),
    fmnWith({ steps: 30 }),
    fabWith({ norm: 'l2' }),
    hopSkipJumpWith(),
    carliniWagnerWith({ learningRate: 0.02 }),
  ];
  let found = 0;
  for (const attack of attacks) {
    const images = await labelled(6);
    const { trace } = await traced(attack, images, 1);
    for (let row = 0; row < 5; row++) {
      const { bestDistances, distances, reached } = courseOf(trace, row);
      if (bestDistances.at(-1) === Infinity) {
        // A search that finds nothing leaves the image as it is, or where its last step led.
        expect(reached.includes(1)).toBe(false);
        continue;
      }
      found++;
      expect(distances.at(-1)! / bestDistances.at(-1)!).toBeCloseTo(1, 4);
    }
  }
  expect(found).toBeGreaterThanOrEqual(20);
});

it('I-FGSM is recorded as its steps are by hand', async () => {
  const images = await labelled(3);
  const { trace } = await traced(iterated({ steps: 3, epsilon: 0.05 }), images, 0.02);
  const point = { ...images, pixels: images.pixels.slice() };
  const { weights } = randomLinearModel(shape, classes);
  for (let step = 0; step <= 3; step++) {
    const { logits } = await classify(classifier, point);
    for (let row = 0; row < 3; row++) {
      const label = images.labels[row]!;
      const { steps, margins, distances, losses, reached } = courseOf(trace, row);
      const own = [...logits.subarray(row * classes, (row + 1) * classes)];
      const total = own.reduce((sum, logit) => sum + Math.exp(logit), 0);
      expect(steps[step]).toBe(step);
      expect(losses[step]).toBeCloseTo(Math.log(total) - own[label]!, 4);
      expect(margins[step]).toBeCloseTo(marginOf(logits, classes, row, label), 4);
      expect(reached[step]).toBe(own.indexOf(Math.max(...own)) === label ? 0 : 1);
      expect(distances[step]).toBeCloseTo(Math.min(0.02 * step, 0.05), 6);
      for (let at = 0; at < size; at++) {
        const slope = own.reduce(
          (sum, logit, k) =>
            sum + (Math.exp(logit) / total - (k === label ? 1 : 0)) * weights[at * classes + k]!,
          0,
        );
        const moved = point.pixels[row * size + at]! + 0.02 * Math.sign(slope);
        const original = images.pixels[row * size + at]!;
        point.pixels[row * size + at] = Math.min(
          1,
          Math.max(0, Math.min(original + 0.05, Math.max(original - 0.05, moved))),
        );
      }
    }
  }
});

it('a targeted attack is judged at its target, and its loss rises towards it', async () => {
  const images = await labelled(8);
  const target = images.labels[0]!;
  for (const attack of [deepFoolWith({ targeted: target, steps: 30 }), ddnWith({ targeted: target })]) {
    const { pixels, trace } = await traced(attack, images, 1.02);
    const after = await classify(classifier, { ...images, pixels });
    for (let row = 1; row < 8; row++) {
      const { reached, margins } = courseOf(trace, row);
      expect(reached.at(-1)).toBe(after.classes[row] === target ? 1 : 0);
      expect(margins.at(-1)).toBeCloseTo(-marginOf(after.logits, classes, row, target), 4);
      expect(trace.lengths[row]).toBe(images.labels[row] === target ? 1 : reached.length);
    }
  }
});

it('a search for a strength leaves the course at the strength of the result', async () => {
  const images = await labelled(6);
  for (const per of ['set', 'image'] as const) {
    const target = { dissimilarity: 0.08, per, tolerance: 0.01, space: pixelSpace };
    const { pixels, trace } = await traced(iterated({ steps: 4 }), images, target);
    const { linf } = measurePerturbation(images, pixels);
    expect([...trace.lengths]).toEqual([5, 5, 5, 5, 5, 5]);
    for (let row = 0; row < 6; row++) {
      const { distances } = courseOf(trace, row);
      // Step 0 is what was prepared at the original for all strengths.
      expect(distances[0]).toBe(0);
      expect(distances.at(-1)).toBeCloseTo(linf[row]!, 6);
      expect(distances[1]).toBeGreaterThan(0);
    }
  }
});

it('an image that has spent its queries ends there, and refused answers are left out', async () => {
  const images = await labelled(4);
  const attack = pgdWith({ steps: 20, randomStart: false });
  const all = await traced(attack, images, 0.05);
  // One pass for the original and two for each gradient.
  const some = await traced(attack, images, 0.05, { limit: 9 });
  for (let row = 0; row < 4; row++) {
    const [long, short] = [courseOf(all.trace, row), courseOf(some.trace, row)];
    expect(short.steps.length).toBe(5);
    expect(short.losses.subarray(0, 4)).toEqual(long.losses.subarray(0, 4));
  }
});

it('the class at a look-ahead is not known, but that of the result is', async () => {
  const [, attack] = everyAttack.find(([name]) => name === 'transfer')!;
  const { trace } = await traced(attack, await labelled(3), 0.05);
  const { reached } = courseOf(trace, 0);
  expect([...reached.subarray(0, 4)]).toEqual([2, 2, 2, 2]);
  expect(reached[4]).toBeLessThan(2);
});

it('a long course is thinned out to steps that are multiples of a power of two, without losing its best values', async () => {
  const images = await labelled(3);
  const seen = new Map<number, number[]>();
  const attack = squareWith({
    queries: 1700,
    watch: (row, _, best) => seen.set(row, [...(seen.get(row) ?? []), best]),
  });
  // So near that no image is misclassified.
  const { trace } = await traced(attack, images, 1e-4);
  for (let row = 0; row < 2; row++) {
    const { steps, bestLosses } = courseOf(trace, row);
    expect(steps.length).toBeLessThanOrEqual(mostEntries + 1);
    expect(steps.length).toBeGreaterThan(mostEntries / 2);
    expect([...steps.subarray(0, 3)]).toEqual([0, 4, 8]);
    expect(steps.at(-1)).toBe(1700);
    for (const [at, step] of steps.subarray(0, -1).entries())
      expect(bestLosses[at]).toBe(Math.fround(seen.get(row)![step]!));
  }
});

it('records nothing of an attack that nobody traces', async () => {
  const images = await labelled(2);
  const problemSeen: boolean[] = [];
  const attack: Attack = {
    kind: 'iterated',
    maximum: 1,
    prepare: (problem) => {
      problemSeen.push(problem.trace === undefined);
      return { perturb: (rows) => Promise.resolve(takeRows(images, rows).pixels) };
    },
  };
  await attackImages(attack, openQueries(classifier), images, 1);
  expect(problemSeen).toEqual([true]);
});
