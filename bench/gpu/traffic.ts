/** What crosses between processor and device in one call: dispatches, submissions, and bytes each way. Counts, not times. */
import { attackImages } from '../../src/attacks/attack-images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { trainSgd } from '../../src/training/sgd.ts';
import { iterated } from '../../test/attacks/plain-attacks.ts';
import { cifar, labelsOf, trainingOf } from './models.ts';
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

export async function measureTraffic({ backend, data, small }: Given, report: Report): Promise<void> {
  if (backend !== 'webgpu') return;
  await openBackend(backend);
  let traffic = nothing();
  count(() => traffic);
  const measure = async (what: string, images: number, work: () => Promise<unknown>): Promise<void> => {
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
