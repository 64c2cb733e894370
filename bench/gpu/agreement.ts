/** The backend beside wasm: logits, gradients and training, with the size of every difference, and what changes with the batch. */
import type { ArchitectureName } from '../../src/models/architectures/zoo.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { trainSgd } from '../../src/training/sgd.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { cifar, labelsOf, randomPixels, randomWeights, trainingOf } from './models.ts';
import { differenceOf, orFailure } from './row.ts';
import type { Given, Report } from './row.ts';

type Answers = Readonly<Record<'logits' | 'gradient', Float32Array>>;

export async function measureAgreement({ backend, data, small }: Given, report: Report): Promise<void> {
  const trained = await cifar(data, small ? 2 : 64);
  const subjects: readonly (readonly [string, NetworkModel, Float32Array, readonly number[]])[] = [
    [trained.trained ? 'trained ResNet-20' : 'random ResNet-20', trained.model, trained.images.pixels, trained.images.shape],
    ...(
      [
        ['mobilenet-v2', 32],
        ['resnet50', 64],
        ['densenet121', 32],
        ['inception-v3', 75],
      ] as [ArchitectureName, number][]
    )
      .slice(0, small ? 1 : undefined)
      .map(([name, size]) => {
        const count = small ? 1 : 4;
        const pixels = randomPixels(count * size * size * 3);
        return [`random ${name}, ${size} pixels`, randomWeights(name, size), pixels, [count, size, size, 3]] as const;
      }),
  ]; // prettier-ignore
  for (const [name, model, pixels, shape] of subjects)
    await orFailure(name, report, async () => {
      const expected = await answersOf('wasm', model, pixels, shape);
      const actual = await answersOf(backend, model, pixels, shape);
      for (const kind of ['logits', 'gradient'] as const) {
        const { worst, relative, signs } = differenceOf(actual[kind], expected[kind]);
        const note = `largest ${worst.toExponential(1)}, of the largest value; ${(100 * signs).toFixed(4)} % of signs differ`;
        report({ what: `${name}: ${kind} against wasm`, value: relative, unit: '', note });
      }
      const again = await answersOf(backend, model, pixels, shape);
      report({ what: `${name}: values that a second time changes`, value: changed(again, actual), unit: '' });
      const [rows, ...image] = shape as [number, number, number, number];
      const size = image.reduce((product, extent) => product * extent, 1);
      const alone = await answersOf(backend, model, pixels.subarray(0, size), [1, ...image]);
      const inBatch: Answers = {
        logits: actual.logits.subarray(0, actual.logits.length / rows),
        gradient: actual.gradient.subarray(0, size),
      };
      const { relative } = differenceOf(alone.gradient, inBatch.gradient);
      report({
        what: `${name}: values that the batch changes`,
        value: changed(alone, inBatch),
        unit: '',
        note: `${rows} images or one; of ${alone.gradient.length + alone.logits.length} values; gradient by ${relative.toExponential(1)}`,
      });
    });
  await orFailure('training', report, async () => {
    const [expected, actual, again] = [
      await trainedWeights('wasm', small),
      await trainedWeights(backend, small),
      await trainedWeights(backend, small),
    ];
    const { relative, worst } = differenceOf(actual, expected);
    const note = `largest ${worst.toExponential(1)}`;
    report({ what: 'training: weights against wasm', value: relative, unit: '', note });
    const differ = again.filter((value, index) => !Object.is(value, actual[index])).length;
    report({ what: 'training: weights that a second time changes', value: differ, unit: '' });
  });
}

function changed(a: Answers, b: Answers): number {
  return (['logits', 'gradient'] as const).reduce(
    (sum, kind) => sum + a[kind].filter((value, index) => !Object.is(value, b[kind][index])).length,
    0,
  );
}

async function answersOf(
  backend: string,
  model: NetworkModel,
  values: Float32Array,
  shape: readonly number[],
): Promise<Answers> {
  await openBackend(backend);
  const classifier = await openClassifier(model);
  const pixels = tf.tensor4d(values, shape as [number, number, number, number]);
  const labels = tf.tensor1d(labelsOf(shape[0]!), 'int32');
  const result = await classifier.inputGradient(pixels, labels, 'cross-entropy');
  const answers = {
    logits: ((await result.logits.data()) as Float32Array).slice(),
    gradient: ((await result.gradient.data()) as Float32Array).slice(),
  };
  tf.dispose([pixels, labels, result.gradient, result.logits]);
  classifier.dispose();
  return answers;
}

async function trainedWeights(backend: string, small: boolean): Promise<Float32Array> {
  await openBackend(backend);
  const batchSize = small ? 1 : 32;
  const { weights } = await trainSgd(trainingOf(small ? 2 : 10, batchSize));
  return Float32Array.from(Object.values(weights).flatMap(({ data }) => [...data]));
}
