/** Small artificial values to test stages on. They are the same in every run. */
import { stages } from '../../stages/index.ts';
import { randomStream } from '../../tensors/random.ts';
import type { Images } from '../../values/images.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Model } from '../../values/model.ts';
import type { Patches } from '../../values/patches.ts';
import type { Predictions } from '../../values/predictions.ts';
import type { Transform } from '../../values/transform.ts';
import { runStage } from './run-stage.ts';

const height = 12;
const width = 10;
const channels = 3;
export const classes = 4;
export const classNames = ['circle', 'cross', 'square', 'star'];

/** Colour images of a soft gradient with noise, in [0, 1], with random labels. */
export function testImages(count = 7): Images {
  const pixels = new Float32Array(count * height * width * channels);
  const labels = new Int32Array(count);
  const ids = Int32Array.from({ length: count }, (_, row) => 10 + row);
  for (const [row, id] of ids.entries()) {
    const stream = randomStream([3, 5], id);
    labels[row] = stream.integer(classes);
    const [slant, shade] = [stream.uniform(), stream.uniform()];
    for (let at = 0; at < height * width * channels; at++) {
      const y = Math.floor(at / (width * channels)) / height;
      pixels[row * height * width * channels + at] =
        0.2 + 0.4 * (slant * y + (1 - slant) * shade) + 0.3 * stream.uniform();
    }
  }
  return {
    kind: 'images',
    pixels,
    shape: [count, height, width, channels],
    views: 1,
    labels,
    ids,
    classes: classNames,
  };
}

/** A small convolutional network for these images, with weights drawn from a seed. */
export async function testModel(seed = 1): Promise<Model> {
  const params = { height, width, channels, classes, filters: [6], dense: [12] };
  const { outputs } = await runStage(stages.get('model/cnn')!, params, { seed: [seed, 7] });
  return outputs['model'] as Model;
}

/** A linear network whose logits overflow exactly for images that are white in their first two values. */
export function overflowingModel(): Model {
  const features = height * width * channels;
  const weights = new Float32Array(features * classes);
  randomStream([9, 9]).fillNormal(weights);
  weights.fill(3e38, 0, 2 * classes);
  return {
    kind: 'model',
    network: {
      architecture: 'linear',
      inputShape: [height, width, channels],
      nodes: [
        { op: 'flatten', name: 'flat', inputs: ['input'] },
        { op: 'dense', name: 'out', inputs: ['flat'], units: classes, bias: false },
      ],
      output: 'out',
      classes,
    },
    weights: { 'out.weight': { shape: [features, classes], data: weights } },
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
  };
}

/** The recipe of a built-in defense. */
export async function recipeOf(uses: string, params: JsonObject): Promise<Transform> {
  return (await runStage(stages.get(uses)!, params)).outputs['transform'] as Transform;
}

export async function testPredictions(model: Model, images: Images): Promise<Predictions> {
  const { outputs } = await runStage(stages.get('predict/classify')!, {}, { inputs: { model, images } });
  return outputs['predictions'] as Predictions;
}

/** The images with the labels that a model gives them, so that every attack has work to do. */
export async function labelledBy(model: Model, images: Images): Promise<Images> {
  const { probabilities } = await testPredictions(model, images);
  const labels = images.labels.map((_, row) => {
    const own = probabilities.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(Math.max(...own));
  });
  return { ...images, labels };
}

/** A patch database of these images. */
export async function testPatches(): Promise<Patches> {
  const stage = stages.get('defense/patch-database')!;
  const { outputs } = await runStage(stage, { patches: 200, size: 5 }, { inputs: { images: testImages() } });
  return outputs['patches'] as Patches;
}
