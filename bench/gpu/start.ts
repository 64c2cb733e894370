/** How long a process takes until it has computed something, and what it computes on. */
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend, probeBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import { openDevice } from '../../src/tensors/webgpu/device.ts';
import { labelsOf, randomPixels, randomWeights } from './models.ts';
import type { Given, Report } from './row.ts';

export async function measureStart({ backend, small }: Given, report: Report): Promise<void> {
  // Of the process, which has loaded TensorFlow.js.
  let last = 0;
  const lap = (what: string, note?: string): void => {
    const now = performance.now();
    report({ what, value: now - last, unit: 'ms', ...(note === undefined ? {} : { note }) });
    last = performance.now();
  };
  lap('start the process, load TensorFlow.js');
  const { device, version, why } = probeBackend(backend);
  lap(
    'probe',
    device === null ? `NOT READY: ${why ?? ''}` : `${device.kind}: ${device.name}; ${version ?? ''}`,
  );
  await openBackend(backend);
  lap('open the device');
  await tf.ones([4]).add(1).data();
  lap('first operation');
  const model = randomWeights('cifar-resnet20', 32);
  const classifier = await openClassifier(model);
  lap('open ResNet-20');
  const batch = small ? 1 : 64;
  const pixels = tf.tensor4d(randomPixels(batch * 32 * 32 * 3), [batch, 32, 32, 3]);
  const labels = tf.tensor1d(labelsOf(batch), 'int32');
  for (const time of ['first', 'second', 'third']) {
    const { gradient } = await classifier.inputGradient(pixels, labels, 'cross-entropy');
    await gradient.data();
    lap(`${time} gradient of ResNet-20, batch ${batch}`);
  }
  if (backend === 'tensorflow') {
    const { isUsingGpuDevice } = tf.backend() as unknown as { isUsingGpuDevice: boolean };
    report({ what: 'computes on a CUDA device', value: Number(isUsingGpuDevice), unit: '' });
  }
  if (backend !== 'webgpu') return;
  const { device: gpu, info } = await openDevice();
  const limits: Record<string, unknown> = {};
  for (const name in gpu.limits) limits[name] = (gpu.limits as unknown as Record<string, unknown>)[name];
  const { vendor, architecture, device: name, description } = info;
  console.error(`adapter ${JSON.stringify({ vendor, architecture, name, description })}`);
  console.error(`limits ${JSON.stringify(limits)}`);
  console.error(`features ${[...gpu.features].join(' ')}`);
}
