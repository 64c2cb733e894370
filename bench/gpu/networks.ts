/** Logits and input gradients: from an array to an array, and ten in a row of which the last is read. */
import type { ArchitectureName } from '../../src/models/architectures/zoo.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { labelsOf, randomPixels, randomWeights } from './models.ts';
import { orFailure, timesOf } from './row.ts';
import type { Given, Report } from './row.ts';

const inARow = 10;

/** What is measured; bench/gpu.py has the same list. */
function jobsOf({ backend, small }: Given): readonly [ArchitectureName, size: number, batch: number][] {
  if (small) return [['cifar-resnet20', 32, 2]];
  if (backend === 'wasm')
    return [
      ['cifar-resnet20', 32, 64],
      ['resnet50', 224, 4],
    ];
  return [
    ...[64, 256, 1024].map((batch) => ['cifar-resnet20', 32, batch] as [ArchitectureName, number, number]),
    ...[8, 32, 64].map((batch) => ['resnet50', 224, batch] as [ArchitectureName, number, number]),
  ];
}

export async function measureNetworks(given: Given, report: Report): Promise<void> {
  await openBackend(given.backend);
  const opened = new Map<ArchitectureName, Classifier>();
  for (const [name, size, batch] of jobsOf(given)) {
    const classifier = opened.get(name) ?? (await openClassifier(randomWeights(name, size)));
    opened.set(name, classifier);
    for (const kind of ['forward', 'gradient'] as const) {
      const what = `${name} ${kind}, batch ${batch}`;
      await orFailure(what, report, () => measure(what, classifier, { kind, size, batch }, given, report));
    }
  }
}

async function measure(
  what: string,
  classifier: Classifier,
  job: { readonly kind: 'forward' | 'gradient'; readonly size: number; readonly batch: number },
  given: Given,
  report: Report,
): Promise<void> {
  const { kind, size, batch } = job;
  const values = randomPixels(batch * size * size * 3);
  const classes = labelsOf(batch);
  const compute = async (read: boolean): Promise<void> => {
    const pixels = tf.tensor4d(values, [batch, size, size, 3]);
    if (kind === 'forward') {
      const logits = await classifier.logits(pixels);
      if (read) await logits.data();
      tf.dispose([logits, pixels]);
    } else {
      const labels = tf.tensor1d(classes, 'int32');
      const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
      if (read) await gradient.data();
      tf.dispose([gradient, logits, labels, pixels]);
    }
  };
  const rate = (milliseconds: number, images: number): number => (1000 * images) / milliseconds;
  const { first, wall, cpu } = await timesOf(() => compute(true));
  const note = `${wall.toFixed(1)} ms, CPU ${cpu.toFixed(1)} ms; first ${first.toFixed(0)} ms`;
  report({ what, value: rate(wall, batch), unit: 'images/s', note });
  if (given.backend === 'wasm' || given.small) return;
  const row = await timesOf(async () => {
    for (let time = 0; time < inARow; time++) await compute(time === inARow - 1);
  });
  report({
    what: `${what}, ${inARow} in a row`,
    value: rate(row.wall, inARow * batch),
    unit: 'images/s',
    note: `${(row.wall / inARow).toFixed(1)} ms, CPU ${(row.cpu / inARow).toFixed(1)} ms`,
  });
}
