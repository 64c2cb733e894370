/**
 * What crosses between processor and device in one call: on webgpu dispatches, submissions, and bytes each way; on
 * tensorflow the bytes that its binding copies, with the processor time of the call.
 */
import { attackImages } from '../../src/attacks/attack-images.ts';
import { carliniWagner } from '../../src/attacks/cw-l2.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { pgd } from '../../src/attacks/pgd.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { measureTransfers } from '../../src/timing/transfers.ts';
import { tf } from '../../src/tensors/tf.ts';
import { trainSgd } from '../../src/training/sgd.ts';
import { iterated } from '../../test/attacks/plain-attacks.ts';
import { cifar, labelsOf, randomPixels, randomWeights, trainingOf } from './models.ts';
import type { Given, Report } from './row.ts';

interface Traffic {
  dispatches: number;
  submissions: number;
  writes: number;
  written: number;
  reads: number;
  read: number;
  buffers: number;
}

const nothing = (): Traffic => ({
  dispatches: 0,
  submissions: 0,
  writes: 0,
  written: 0,
  reads: 0,
  read: 0,
  buffers: 0,
});

type Measure = (what: string, images: number, work: () => Promise<unknown>) => Promise<void>;

export async function measureTraffic({ backend, data, small }: Given, report: Report): Promise<void> {
  if (backend === 'wasm') return;
  await openBackend(backend);
  await measureCalls(backend === 'webgpu' ? onWebgpu(report) : onTensorflow(report), data, small);
  if (backend === 'tensorflow') await measureResnet50(onTensorflow(report), small);
}

function onTensorflow(report: Report): Measure {
  return async (what, images, work) => {
    await work();
    const transfers = measureTransfers();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    const { fed, fetched } = transfers();
    report({
      what,
      value: (fed + fetched) / 1e6,
      unit: 'MB',
      note: `${fed} bytes to TensorFlow, ${fetched} back, for ${images} images; ${((user + system) / 1e6).toFixed(2)} s of the processor`,
    });
  };
}

/** PGD and CW with ten steps on random weights: none of them may cross. */
async function measureResnet50(measure: Measure, small: boolean): Promise<void> {
  const batch = small ? 2 : 8;
  const size = small ? 64 : 224;
  const classifier = await openClassifier(randomWeights('resnet50', size));
  const images: ImageBatch = {
    // Those of decoded files are multiples of 1/255, which go as bytes.
    pixels: randomPixels(batch * size * size * 3).map((pixel) => Math.round(pixel * 255) / 255),
    shape: [batch, size, size, 3],
    labels: labelsOf(batch),
    ids: Int32Array.from({ length: batch }, (_, id) => id),
  };
  const queries = openQueries(classifier);
  for (const [norm, randomStart] of [
    ['linf', false],
    ['linf', true],
    ['l2', false],
  ] as const) {
    const attack = pgd({
      ...{ norm, loss: 'cross-entropy', seed: [1, 2], steps: 10, stepSize: { relative: 0.25 } },
      ...{ randomStart, restarts: 1, stopEarly: false },
    });
    const name = `PGD of 10 steps${norm === 'l2' ? ' in L2' : ''}${randomStart ? ', random start' : ''}`;
    await measure(`${name}, ResNet-50`, batch, () =>
      attackImages(attack, queries, images, norm === 'l2' ? 1 : 8 / 255),
    );
  }
  for (const variable of ['clip', 'tanh'] as const) {
    const attack = carliniWagner({
      ...{ kappa: 1e3, lambda: 10, steps: 10, learningRate: 0.001, variable, shrink: 0.999999 },
      ...{ searchSteps: 1, keep: 'best', otherwise: 'last', seed: [1, 2] },
    });
    const space = variable === 'tanh' ? ' in tanh space' : '';
    await measure(`CW of 10 steps${space}, ResNet-50`, batch, () => attackImages(attack, queries, images, 1));
  }
}

function onWebgpu(report: Report): Measure {
  let traffic = nothing();
  count(() => traffic);
  return async (what, images, work) => {
    await work();
    traffic = nothing();
    await work();
    const { dispatches, submissions, writes, written, reads, read, buffers } = traffic;
    report({
      what,
      value: dispatches,
      unit: 'dispatches',
      note: `${submissions} submissions; ${writes} writes of ${written} bytes, ${reads} reads of ${read} bytes (images are ${images * 12288} bytes); ${buffers} new buffers`,
    });
  };
}

async function measureCalls(measure: Measure, data: string | null, small: boolean): Promise<void> {
  const batch = small ? 1 : 64;
  const steps = small ? 1 : 10;
  const { model, images } = await cifar(data, batch);
  const classifier = await openClassifier(model);
  await measure(`logits of ResNet-20, batch ${batch}`, batch, async () => {
    const pixels = tf.tensor4d(images.pixels, [...images.shape]);
    const logits = await classifier.logits(pixels);
    await logits.data();
    tf.dispose([pixels, logits]);
  });
  await measure(`input gradient, batch ${batch}`, batch, async () => {
    const pixels = tf.tensor4d(images.pixels, [...images.shape]);
    const labels = tf.tensor1d(labelsOf(batch), 'int32');
    const { gradient, logits } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
    await gradient.data();
    tf.dispose([pixels, labels, gradient, logits]);
  });
  await measure(`I-FGSM, steps ${steps}, ${batch} images`, batch, () =>
    attackImages(iterated({ steps, epsilon: 8 / 255 }), openQueries(classifier), images, 2 / 255),
  );
  await measure(`two steps of training, batch ${batch}`, 2 * batch, () => trainSgd(trainingOf(2, batch)));
}

/** Counts calls of the device's interfaces from here on. */
function count(traffic: () => Traffic): void {
  const before = (type: object, method: string, note: (now: Traffic, parameters: readonly unknown[], on: unknown) => void): void => {
    const prototype = (type as { prototype: Record<string, (...parameters: unknown[]) => unknown> }).prototype;
    const original = prototype[method]!;
    prototype[method] = function (this: unknown, ...parameters: unknown[]) {
      note(traffic(), parameters, this);
      return original.apply(this, parameters);
    };
  }; // prettier-ignore
  before(GPUComputePassEncoder, 'dispatchWorkgroups', (now) => now.dispatches++);
  before(GPUQueue, 'submit', (now) => now.submissions++);
  before(GPUQueue, 'writeBuffer', (now, [, , bytes, , size]) => {
    now.writes++;
    now.written += (size as number | undefined) ?? (bytes as { byteLength: number }).byteLength;
  });
  before(GPUBuffer, 'mapAsync', (now, [mode], on) => {
    if (mode !== GPUMapMode.READ) return;
    now.reads++;
    now.read += (on as GPUBuffer).size;
  });
  before(GPUDevice, 'createBuffer', (now, [description]) => {
    now.buffers++;
    const { mappedAtCreation, size } = description as GPUBufferDescriptor;
    if (mappedAtCreation !== true) return;
    now.writes++;
    now.written += size;
  });
}
