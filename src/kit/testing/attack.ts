import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import type { Stage } from '../../runtime/stage.ts';
import type { Images } from '../../values/images.ts';
import type { Seed } from '../../tensors/random.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Model } from '../../values/model.ts';
import { sliceValue } from '../../values/slices.ts';
import type { Transform } from '../../values/transform.ts';
import { labelledBy, overflowingModel, recipeOf, testImages, testModel } from './fixtures.ts';
import { type Invariant, invariant, leavingAlone, pixelsOf } from './invariant.ts';
import { fillParameters, runStage } from './run-stage.ts';

/**
 * Invariants of every attack stage, with `params` or the parameters of the stage's example. A stage made by
 * `attackStage` is also tested at a target dissimilarity.
 */
export function attackInvariants(
  stage: Stage,
  params: JsonObject = stage.example ?? {},
): readonly Invariant[] {
  const bench = new AttackBench(stage, params);
  const invariants = [
    invariant('stays in [0, 1] and keeps shape, labels and ids', async () => {
      const { model, images } = await bench.problem();
      checkPixels(await leavingAlone([images, model], () => bench.attack(model, images)), images);
    }),
    invariant('gives the same bytes in shards as at once', async () => {
      const { model, images } = await bench.problem();
      const whole = await bench.attack(model, images);
      for (const [first, count] of [
        [0, 3],
        [3, 1],
        [4, 3],
      ] as const) {
        const part = await bench.attack(model, sliceValue(images, first, count));
        deepStrictEqual(
          part.pixels,
          pixelsOf(whole, first, count),
          `images ${first} to ${first + count - 1}`,
        );
      }
    }),
    invariant('gives the same bytes in every run', async () => {
      const { model, images } = await bench.problem();
      deepStrictEqual((await bench.attack(model, images)).pixels, (await bench.attack(model, images)).pixels);
    }),
    invariant('draws random numbers only if its key has the seed', async () => {
      const { model, images } = await bench.problem();
      if (bench.draws) return;
      const some = await bench.attack(model, images);
      deepStrictEqual(
        (await bench.attack(model, images, {}, {}, [3, 4])).pixels,
        some.pixels,
        'set draws: true',
      );
    }),
    invariant('records how far it moved each image', async () => {
      const { model, images } = await bench.problem();
      const { pixels, perturbation } = await bench.attack(model, images);
      ok(perturbation, 'there is no perturbation');
      perturbation.linf.forEach((recorded, row) => {
        const largest = largestMove(pixelsOf({ ...images, pixels }, row), pixelsOf(images, row));
        ok(Math.abs(recorded - largest) < 1e-6, `image ${row} moved by ${largest}, not ${recorded}`);
      });
    }),
    invariant('leaves an image unchanged whose logits are not finite', async () => {
      const images = testImages();
      const pixels = images.pixels.slice();
      const size = pixels.length / images.ids.length;
      images.ids.forEach((_, row) => pixels.fill(row === 2 ? 1 : 0, row * size, row * size + 2));
      const marked = { ...images, pixels };
      const result = await bench.attack(overflowingModel(), marked);
      checkPixels(result, marked);
      deepStrictEqual(pixelsOf(result, 2), pixelsOf(marked, 2));
    }),
    invariant('goes through a deterministic and a randomised defense', async () => {
      const { model, images } = await bench.problem();
      for (const through of [await bitDepth(), await recipeOf('defense/crop', { crops: 3, size: 7 })])
        checkPixels(await bench.attack(model, images, { through }), images);
    }),
    invariant('attacks an ensemble', async () => {
      const { model, images } = await bench.problem();
      const models = [model, await testModel(2)].map((value, index) => ({ axes: { model: index }, value }));
      checkPixels(await bench.attack(null, images, { models }), images);
    }),
    invariant('leaves no tensor behind', async () => {
      const { model, images } = await bench.problem();
      // The first call also makes tensors that are kept.
      await bench.attack(model, images);
      const before = await countTensors();
      await bench.attack(model, images);
      strictEqual(await countTensors(), before);
    }),
  ];
  return bench.hasTarget ? [...invariants, ...targetInvariants(bench)] : invariants;
}

function targetInvariants(bench: AttackBench): readonly Invariant[] {
  const dissimilaritiesAt = async (dissimilarity: number, per: string): Promise<Float32Array> => {
    const { model, images } = await bench.problem();
    return (await bench.attack(model, images, {}, { dissimilarity, per })).perturbation!.dissimilarity;
  };
  return [
    invariant('is the identity at dissimilarity 0', async () => {
      const { model, images } = await bench.problem();
      const target = { dissimilarity: 0, per: 'image' };
      deepStrictEqual((await bench.attack(model, images, {}, target)).pixels, images.pixels);
    }),
    invariant('reaches a target dissimilarity on average over the images', async () => {
      for (const target of [0.03, 0.1]) {
        const reached = await dissimilaritiesAt(target, 'set');
        const mean = reached.reduce((sum, value) => sum + value, 0) / reached.length;
        ok(Math.abs(mean - target) <= 0.011 * target, `${mean} on average instead of ${target}`);
      }
    }),
    invariant('reaches a target dissimilarity for each image', async () => {
      for (const value of await dissimilaritiesAt(0.05, 'image'))
        ok(Math.abs(value - 0.05) <= 0.011 * 0.05, `${value} for an image instead of 0.05`);
    }),
  ];
}

/** The stage, and a model and images to test it on. */
class AttackBench {
  readonly #stage: Stage;
  readonly #params: JsonObject;
  #problem: Promise<{ readonly model: Model; readonly images: Images }> | null = null;

  constructor(stage: Stage, params: JsonObject) {
    this.#stage = stage;
    this.#params = params;
  }

  /** Whether the attack accepts a target dissimilarity instead of its own strength. */
  get hasTarget(): boolean {
    const { properties } = this.#stage.with;
    return properties['dissimilarity'] !== undefined && properties['tolerance'] !== undefined;
  }

  get draws(): boolean {
    return this.#stage.randomness(fillParameters(this.#stage, this.#params), () => false);
  }

  /** A model, and images with the labels that it gives them. */
  problem(): Promise<{ readonly model: Model; readonly images: Images }> {
    this.#problem ??= testModel().then(async (model) => ({
      model,
      images: await labelledBy(model, testImages()),
    }));
    return this.#problem;
  }

  async attack(
    model: Model | null,
    images: Images,
    inputs: Readonly<Record<string, unknown>> = {},
    target: JsonObject = {},
    seed: Seed = [1, 2],
  ): Promise<Images> {
    const stage = this.#stage;
    const needsDefense = stage.in['through']?.optional === false && inputs['through'] === undefined;
    const through = needsDefense ? { through: await bitDepth() } : {};
    const draws: JsonObject = stage.with.properties['eot'] === undefined ? {} : { eot: 2 };
    const params = { ...this.#withoutStrength(target), ...draws, ...target };
    const all = { images, ...(model && { model }), ...through, ...inputs };
    return (await runStage(stage, params, { inputs: all, seed })).outputs['images'] as Images;
  }

  /**
   * The parameters without those that would set the strength beside a target dissimilarity, which the stage's
   * check names.
   */
  #withoutStrength(target: JsonObject): JsonObject {
    if (target['dissimilarity'] === undefined) return this.#params;
    const filled = fillParameters(this.#stage, this.#params);
    const problems = this.#stage.check?.({ ...(filled as object), ...target } as never) ?? [];
    const strengths = problems.flatMap(({ path }) => path[0] ?? []);
    return Object.fromEntries(Object.entries(this.#params).filter(([name]) => !strengths.includes(name)));
  }
}

function bitDepth(): Promise<Transform> {
  return recipeOf('defense/bit-depth', { bits: 4 });
}

function checkPixels({ pixels, shape, labels, ids }: Images, images: Images): void {
  ok(pixels instanceof Float32Array, 'adversarial images are float32');
  const wrong = pixels.findIndex((value) => !(value >= 0 && value <= 1));
  ok(wrong < 0, `value ${pixels[wrong]} at ${wrong} is not in [0, 1]`);
  deepStrictEqual({ shape, labels, ids }, { shape: images.shape, labels: images.labels, ids: images.ids });
}

function largestMove(moved: Float32Array | Uint8Array, original: Float32Array | Uint8Array): number {
  let largest = 0;
  for (const [at, value] of moved.entries()) largest = Math.max(largest, Math.abs(value - original[at]!));
  return largest;
}

async function countTensors(): Promise<number> {
  const { tf } = await import('../../tensors/tf.ts');
  return tf.memory().numTensors;
}
