/**
 * Graphs that are run once on a GPU by the set-up. TensorFlow's wheel has machine code for compute capability 9.0 in a fifth
 * of the parts of its largest library; the driver compiles each of the others when it is first used, and keeps it in CUDA's cache
 * for all later processes.
 */
import { apgd } from '../attacks/apgd.ts';
import type { Attack } from '../attacks/attack.ts';
import { attackImages } from '../attacks/attack-images.ts';
import { carliniWagner } from '../attacks/cw-l2.ts';
import { fgsm } from '../attacks/fgsm.ts';
import { iterativeFgsm } from '../attacks/i-fgsm.ts';
import type { ImageBatch } from '../attacks/images.ts';
import { openQueries } from '../attacks/open-queries.ts';
import { pgd } from '../attacks/pgd.ts';
import { principalAxes } from '../defenses/quilting/principal-axes.ts';
import { openTensorflowSearch } from '../kernels/patch-search/tensorflow.ts';
import { minimiseOnTensorflow } from '../kernels/tvm/tensorflow.ts';
import { zoo, type ArchitectureName } from '../models/architectures/zoo.ts';
import { networkBuilder } from '../models/builder.ts';
import { openClassifier } from '../models/inference.ts';
import { initializeModel } from '../models/initialize.ts';
import { randomStream } from '../tensors/random.ts';
import { tf } from '../tensors/tf.ts';
import { trainSgd } from '../training/sgd.ts';
import type { Network, NetworkModel } from '../values/model.ts';

export interface WarmUpStep {
  readonly name: string;
  /** Returns what it computed, as a check that the device computes numbers. */
  readonly run: () => Promise<Float32Array>;
}

const images = 4;
const classes = 10;
const seed = [1, 2] as const;

/** The fixed list, from the kernels of every network to those of single attacks. It runs on the current backend. */
export const warmUpSteps: readonly WarmUpStep[] = [
  { name: 'logits and gradients of a network of all activations', run: () => query(allActivations()) },
  { name: 'logits and gradients of a transformer', run: () => query(transformer()) },
  { name: 'logits and gradients of ResNet-50', run: () => query(ofZoo('resnet50', 64)) },
  { name: 'logits and gradients of MobileNet v2', run: () => query(ofZoo('mobilenet-v2', 64)) },
  ...(
    [
      ['FGSM', fgsm({ loss: 'cross-entropy', seed, randomStart: 0.01 })],
      ['I-FGSM', iterativeFgsm({ loss: 'cross-entropy', seed, steps: 2, randomStart: 0 })],
      ['PGD in L∞', projected('linf')],
      ['PGD in L2', projected('l2')],
      ['APGD in L∞', automatic('linf')],
      ['APGD in L2', automatic('l2')],
      ['CW', carliniAndWagner()],
    ] as const
  ).map(([name, attack]) => ({ name: `${name} on ResNet-20`, run: () => attackOnce(attack) })),
  { name: 'total variation', run: minimiseTwice },
  { name: 'patch search', run: searchTwice },
  { name: 'training of ResNet-20', run: () => train(ofZoo('cifar-resnet20', 32)) },
  { name: 'training of a network of all activations', run: () => train(allActivations()) },
];

/**
 * Runs the list on the current backend, and reports each step with its time. Returns the seconds of all. Throws an Error if
 * a step gives a number that is not finite.
 */
export async function warmUp(report: (line: string) => void): Promise<number> {
  const begun = performance.now();
  for (const [index, { name, run }] of warmUpSteps.entries()) {
    const before = performance.now();
    const values = await run();
    if (!values.every(Number.isFinite)) throw new Error(`${name} gave numbers that are not finite`);
    const seconds = (performance.now() - before) / 1000;
    report(`${index + 1} of ${warmUpSteps.length}: ${name} (${seconds.toFixed(1)} s)`);
  }
  return (performance.now() - begun) / 1000;
}

async function query(model: NetworkModel): Promise<Float32Array> {
  const classifier = await openClassifier(model);
  const batch = imagesFor(model);
  const queries = openQueries(classifier);
  const cotangent = new Float32Array(images * classes).fill(0.5);
  const chosen = Int32Array.from({ length: 2 * images }, (_, index) => index % classes);
  const found = [await queries.logits(batch)];
  for (const loss of ['cross-entropy', 'margin', 'dlr'] as const)
    found.push((await queries.gradient(batch, loss)).gradient);
  found.push((await queries.vectorJacobianProduct(batch, cotangent)).gradient);
  found.push((await queries.classGradients(batch, chosen)).gradients);
  classifier.dispose();
  return Float32Array.from(found.flatMap((values) => Array.from(values)));
}

async function attackOnce(attack: Attack): Promise<Float32Array> {
  const model = ofZoo('cifar-resnet20', 32);
  const classifier = await openClassifier(model);
  const queries = openQueries(classifier);
  const batch = imagesFor(model);
  // An attack leaves images alone that are misclassified, so each is taken to be of the class that it has.
  const logits = await queries.logits(batch);
  const labels = Int32Array.from({ length: images }, (_, row) => {
    const scores = logits.subarray(row * classes, (row + 1) * classes);
    return scores.indexOf(Math.max(...scores));
  });
  const { pixels } = await attackImages(attack, queries, { ...batch, labels }, 8 / 255);
  classifier.dispose();
  return pixels;
}

/** Both kinds of variation, of images of eight bits and of others. */
async function minimiseTwice(): Promise<Float32Array> {
  const pixels = new Float32Array(images * 32 * 32 * 3);
  randomStream([5, 6]).fillUniform(pixels);
  const whole = pixels.map((pixel) => (pixel < 0.5 ? -1 : Math.round(255 * pixel) / 255));
  const stopping = { tolerance: 1e-3, limit: 100 };
  const shape = [images, 32, 32, 3] as const;
  await minimiseOnTensorflow(pixels, shape, { lambda: 0.03, tv: 'isotropic' }, stopping);
  await minimiseOnTensorflow(whole, shape, { lambda: 0.03, tv: 'anisotropic' }, stopping);
  return Float32Array.from([...pixels, ...whole]);
}

/** Queries of whole grey levels, and of others. */
async function searchTwice(): Promise<Float32Array> {
  const [count, size] = [20_000, 5];
  const values = new Float32Array(count * size * size * 3);
  randomStream([7, 8]).fillUniform(values);
  const patches = {
    ...{ kind: 'patches' as const, shape: [count, size, size, 3] as const },
    pixels: Uint8Array.from(values, (value) => 255 * value),
    ...principalAxes(new Uint8Array(size * size * 3), size * size * 3),
  };
  const search = openTensorflowSearch(patches);
  const queries = values.subarray(0, 100 * size * size * 3).map((value) => 255 * value);
  const found = [await search.nearest(queries, 2), await search.nearest(queries.map(Math.round), 2)];
  search.dispose();
  return Float32Array.from(found.flatMap(({ distances }) => [...distances]));
}

async function train(model: NetworkModel): Promise<Float32Array> {
  const { pixels, shape, labels, ids } = imagesFor(model);
  const trained = await trainSgd({
    model,
    images: { kind: 'images', pixels, shape, labels, ids, views: 1, classes: [] },
    seed,
    ...{ epochs: 2, batchSize: images, learningRate: 1e-3, momentum: 0.9, weightDecay: 5e-4 },
    nesterov: false,
    schedule: { kind: 'constant' },
  });
  return Object.values(trained.weights).at(-1)!.data;
}

function projected(norm: 'linf' | 'l2'): Attack {
  const stepSize = { relative: 0.25 };
  const options = { norm, stepSize, steps: 2, randomStart: true, restarts: 1, stopEarly: false };
  return pgd({ loss: 'cross-entropy', seed, ...options });
}

function automatic(norm: 'linf' | 'l2'): Attack {
  const options = { norm, steps: 3, restarts: 1, targets: 1, stopEarly: false };
  return apgd({ loss: 'dlr', seed, ...options });
}

function carliniAndWagner(): Attack {
  const loss = { kappa: 0, lambda: 1, steps: 2, learningRate: 0.01, searchSteps: 1, shrink: 0.999 };
  return carliniWagner({ seed, ...loss, variable: 'clip', keep: 'best', otherwise: 'last' });
}

function ofZoo(name: ArchitectureName, size: number): NetworkModel {
  const { build, initialization } = zoo[name];
  return initializeModel(build({ size, classes }), normalisation, seed, initialization);
}

const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

function allActivations(): NetworkModel {
  const b = networkBuilder({ architecture: 'activations', inputShape: [16, 16, 3], classes });
  const first = b.conv('first', 'input', { filters: 8, kernel: 3, padding: 1 });
  const stem = b.maxPool('pool', b.relu('relu', b.batchNorm('norm', first)), {
    kernel: 3,
    stride: 2,
    padding: 1,
  });
  const wide = b.relu6('relu6', b.conv('wide', stem, { filters: 8, kernel: 3, padding: 1, groups: 8 }));
  const squeezed = b.reshape('squeezed', b.globalAveragePool('mean', wide), [1, 1, 8]);
  const gate = b.sigmoid('gate', b.conv('gates', squeezed, { filters: 8, kernel: 1 }));
  const excited = b.multiply('excited', wide, gate);
  const smooth = b.add('smooth', b.silu('silu', excited), b.hardSwish('swish', stem));
  const pooled = b.averagePool('average', b.concat('both', [smooth, stem]), { kernel: 2 });
  const hidden = b.gelu(
    'gelu',
    b.dense('hidden', b.dropout('drop', b.flatten('flat', pooled), 0.5), { units: 16 }),
  );
  return modelOf(b.build(b.dense('logits', hidden, { units: classes })));
}

function transformer(): NetworkModel {
  const b = networkBuilder({ architecture: 'transformer', inputShape: [16, 16, 3], classes });
  const patches = b.conv('patches', 'input', { filters: 8, kernel: 4, stride: 4 });
  const x = b.offset('positions', b.tokens('class', b.reshape('rows', patches, [16, 8]), 1));
  const normal = b.layerNorm('norm', x);
  const part = (name: string): string => b.dense(name, normal, { units: 8 });
  const scores = b.scale(
    'scaled',
    b.matmul('scores', part('query'), b.permute('turned', part('key'), [1, 0])),
    0.35,
  );
  const mixed = b.add('sum', x, b.matmul('mixed', b.softmax('weights', scores), part('value')));
  const wide = b.gelu('gelu', b.dense('up', b.layerNorm('inner', mixed), { units: 16 }));
  const out = b.add('out', mixed, b.dense('down', wide, { units: 8 }));
  const first = b.slice('first', out, { axis: 0, start: 0, end: 1 });
  return modelOf(b.build(b.dense('logits', b.flatten('flat', first), { units: classes })));
}

function modelOf(network: Network): NetworkModel {
  return initializeModel(network, normalisation, seed);
}

function imagesFor({ network }: NetworkModel): ImageBatch {
  const [height, width, channels] = network.inputShape;
  const pixels = new Float32Array(images * height * width * channels);
  randomStream([3, 4]).fillUniform(pixels);
  const rows = Int32Array.from({ length: images }, (_, row) => row);
  return { pixels, shape: [images, height, width, channels], labels: rows, ids: rows };
}

/** Whether the current backend computes on a GPU by TensorFlow. */
export function isOnCuda(): boolean {
  return (tf.backend() as unknown as { readonly isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
}
