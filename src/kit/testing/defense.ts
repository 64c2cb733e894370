import { deepStrictEqual, ok } from 'node:assert';
import type { Draw } from '../../defenses/defense.ts';
import { openTransform, type OpenTransform } from '../../defenses/open-transform.ts';
import { transformImages } from '../../defenses/transform-images.ts';
import type { Stage } from '../../runtime/stage.ts';
import { stages } from '../../stages/index.ts';
import { defensesOf } from '../../stages/shared/open-recipe.ts';
import { randomStream, type Seed } from '../../tensors/random.ts';
import type { Images } from '../../values/images.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Predictions } from '../../values/predictions.ts';
import { sliceValue, toFloats } from '../../values/slices.ts';
import type { Transform } from '../../values/transform.ts';
import { labelledBy, testImages, testModel, testPatches } from './fixtures.ts';
import { type Invariant, invariant, leavingAlone, pixelsOf } from './invariant.ts';
import { runStage, type StageRun } from './run-stage.ts';

export interface DefenseInvariantOptions {
  /** Parameters; those of the stage's example if absent. */
  readonly params?: JsonObject;
  /** `exact`: `pullBack` is the derivative of `apply`, and finite differences must agree with it. */
  readonly derivative?: 'exact';
}

/** Invariants of every defense stage that is made by `defenseStage`. */
export function defenseInvariants(
  stage: Stage,
  { params = stage.example ?? {}, derivative }: DefenseInvariantOptions = {},
): readonly Invariant[] {
  const run = async (images?: Images, seed: Seed = [1, 2]): Promise<StageRun> => {
    const patches = stage.in['patches'] === undefined ? {} : { patches: await testPatches() };
    return runStage(stage, params, { seed, inputs: { ...patches, ...(images && { images }) } });
  };
  const defended = async (images: Images, seed?: Seed): Promise<Images> =>
    (await run(images, seed)).outputs['images'] as Images;
  const recipe = async (): Promise<Transform> => (await run()).outputs['transform'] as Transform;
  const open = async (): Promise<OpenTransform> =>
    openTransform(await recipe(), defensesOf(new Map([...stages, [stage.uses, stage]])));

  return [
    invariant('keeps the size of images, their labels and ids, and values in [0, 1]', async () => {
      const images = testImages();
      const result = await leavingAlone([images], () => defended(images));
      const { views } = await open();
      const [count, ...size] = images.shape;
      deepStrictEqual(result.shape, [count * views, ...size]);
      deepStrictEqual([result.views, result.labels, result.ids], [views, images.labels, images.ids]);
      const wrong = toFloats(result.pixels).findIndex((value) => !(value >= 0 && value <= 1));
      ok(wrong < 0, `value ${result.pixels[wrong]} at ${wrong} is not in [0, 1]`);
    }),
    invariant('transforms each image by itself', async () => {
      const images = testImages();
      const { views, pixels } = await defended(images);
      const each = { ...images, shape: [1, ...images.shape.slice(1)] as unknown as Images['shape'] };
      for (const row of [0, 3, 6]) {
        const alone = await defended(sliceValue(each, row, 1));
        const size = pixels.length / images.ids.length / views;
        deepStrictEqual(
          alone.pixels,
          pixels.slice(row * views * size, (row + 1) * views * size),
          `image ${row}`,
        );
      }
    }),
    invariant('gives by its recipe the same bytes as by itself', async () => {
      const images = testImages();
      const opened = await open();
      const applied = await transformImages(opened, images, { seed: opened.evaluationSeed });
      deepStrictEqual(applied.pixels, (await defended(images)).pixels);
    }),
    invariant('draws by its seed if it is randomised, and nothing otherwise', async () => {
      const images = testImages();
      const { isRandomised } = await open();
      const [once, again, other] = [
        await defended(images),
        await defended(images),
        await defended(images, [7, 7]),
      ];
      deepStrictEqual(again.pixels, once.pixels, 'the same seed gave other pixels');
      const differs = other.pixels.some((value, at) => value !== once.pixels[at]);
      deepStrictEqual(
        differs,
        isRandomised,
        isRandomised ? 'another seed gave the same pixels' : 'another seed gave other pixels',
      );
      if (once.views < 2) return;
      const row = sliceValue(once, 0, 1);
      const [first, second] = [pixelsOf({ ...row, views: 1 }, 0), pixelsOf({ ...row, views: 1 }, 1)];
      ok(
        first.some((value, at) => value !== second[at]),
        'two views of an image are equal',
      );
    }),
    invariant('pulls gradients back, finite and of the size of the images', async () => {
      const images = testImages(3);
      const opened = await open();
      const view = await opened.applyWithPullBack(
        toFloats(images.pixels),
        images.shape,
        drawOf(opened, images),
      );
      const gradient = view.pixels.map((_, at) => Math.cos(at));
      const pulled = await leavingAlone([gradient], () => Promise.resolve(view.pullBack(gradient)));
      deepStrictEqual(pulled.length, images.pixels.length);
      ok(pulled.every(Number.isFinite), 'a pulled-back gradient is not finite');
    }),
    ...(derivative === 'exact'
      ? [invariant('has the derivative that finite differences give', () => checkDerivative(open))]
      : []),
    invariant('predicts on the fly as on its images', async () => {
      const model = await testModel();
      const images = testImages();
      const predict = async (inputs: Readonly<Record<string, unknown>>): Promise<Float32Array> => {
        const options = { inputs: { model, ...inputs }, others: [stage] };
        const { outputs } = await runStage(stages.get('predict/classify')!, {}, options);
        return (outputs['predictions'] as Predictions).probabilities;
      };
      deepStrictEqual(
        await predict({ images, transform: await recipe() }),
        await predict({ images: await defended(images) }),
      );
    }),
    invariant('is attacked through, and trained on', async () => {
      const model = await testModel();
      const images = await labelledBy(model, testImages(4));
      const inputs = { model, images };
      const through = { inputs: { ...inputs, through: await recipe() }, others: [stage] };
      const attacked = await runStage(stages.get('attack/fgsm')!, { epsilon: 0.05, eot: 2 }, through);
      ok((attacked.outputs['images'] as Images).pixels.every(Number.isFinite));
      const transform = { inputs: { ...inputs, transform: await recipe() }, others: [stage] };
      await runStage(stages.get('train/sgd')!, { epochs: 1, batchSize: 2, learningRate: 0.01 }, transform);
    }),
  ];
}

function drawOf(opened: OpenTransform, { ids }: Images): Draw {
  return { seed: opened.evaluationSeed, draw: 0, ids };
}

/**
 * Compares ⟨g, (T(x + hv) − T(x − hv)) / 2h⟩ with ⟨pullBack(g), v⟩ in a few directions v, with pixels away
 * from 0 and 1.
 */
async function checkDerivative(open: () => Promise<OpenTransform>): Promise<void> {
  const images = testImages(2);
  const opened = await open();
  ok(
    opened.hasDerivative,
    "the defense has no pullBack, so attacks through it take the identity (BPDA): leave out derivative: 'exact', or write one",
  );
  const draw = drawOf(opened, images);
  const start = toFloats(images.pixels).map((value) => 0.25 + value / 2);
  const view = await opened.applyWithPullBack(start, images.shape, draw);
  const gradient = view.pixels.map((_, at) => Math.sin(3 * at));
  const pulled = view.pullBack(gradient);
  const step = 1 / 64;
  for (let direction = 0; direction < 4; direction++) {
    const stream = randomStream([5, 5], direction);
    const along = start.map(() => 2 * stream.uniform() - 1);
    const at = async (side: number): Promise<Float32Array> =>
      toFloats(
        await opened.apply(
          start.map((value, i) => value + side * step * along[i]!),
          images.shape,
          draw,
        ),
      );
    const [up, down] = [await at(1), await at(-1)];
    const slope = gradient.reduce((sum, g, i) => sum + (g * (up[i]! - down[i]!)) / (2 * step), 0);
    const claimed = pulled.reduce((sum, g, i) => sum + g * along[i]!, 0);
    const scale = Math.max(1, Math.abs(slope));
    ok(
      Math.abs(slope - claimed) <= 2e-3 * scale,
      `finite differences give ${slope}, pullBack gives ${claimed}`,
    );
  }
}
