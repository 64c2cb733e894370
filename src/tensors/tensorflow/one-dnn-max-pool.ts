/**
 * Max pooling by oneDNN. TensorFlow has it as operations beside its own, but puts them into no graph by itself. Its own
 * gradient looks for each maximum again, on one value at a time, and is 6 % of an input gradient of ResNet-50; oneDNN's forward
 * pass notes the place of each maximum, the first in its window as in TensorFlow's, and its gradient adds there.
 */
import { oneDnnVariable } from '../../setup/one-dnn.ts';
import { tf } from '../tf.ts';
import { float32, graphBuilder } from './graph/graph-builder.ts';
import { openSession } from './graph/session.ts';
import type { TensorflowBackend } from './raw.ts';

/** From images to the maxima and, as output 1, the places of the maxima. */
export const maxPoolOperation = '_MklNativeMaxPool';

/** From images, maxima, the gradient of the maxima and the places to the gradient of the images. */
export const maxPoolGradientOperation = '_MklNativeMaxPoolGrad';

/** Attributes of both beside those of TensorFlow's own. TensorFlow registered their kernels with this label. */
export const oneDnnAttributes = { workspace_enabled: true, _kernel: 'MklNameChangeOp' } as const;

const found = new WeakMap<TensorflowBackend['binding'], boolean>();

/**
 * Whether the tensorflow backend, which must be the current one, has these operations. They compute on the CPU, with oneDNN on;
 * the first call computes a small gradient to find out.
 */
export function hasOneDnnMaxPool(): boolean {
  const backend = tf.backend() as unknown as TensorflowBackend & { readonly isUsingGpuDevice: boolean };
  if (backend.isUsingGpuDevice || process.env[oneDnnVariable] === '0') return false;
  let has = found.get(backend.binding);
  if (has === undefined) found.set(backend.binding, (has = givesGradient()));
  return has;
}

/** Pools 2 × 2 values whose maximum is in two places, and pulls a gradient of 3 back to the first of them. */
function givesGradient(): boolean {
  const graph = graphBuilder();
  const images = graph.placeholder('images', float32, [-1, 2, 2, 1]);
  const window = {
    T: float32,
    ksize: [1, 2, 2, 1],
    strides: [1, 2, 2, 1],
    padding: 'VALID',
    data_format: 'NHWC',
  };
  const attributes = { ...window, ...oneDnnAttributes };
  const maxima = graph.add(maxPoolOperation, [images], attributes);
  const slope = graph.constant(Float32Array.of(3), [1, 1, 1, 1]);
  const inputs = [images, maxima, slope, graph.output(maxima, 1)];
  const gradient = graph.add(maxPoolGradientOperation, inputs, attributes);
  return tf.tidy(() => {
    try {
      const session = openSession(graph, [images], [maxima, gradient]);
      const results = session.run([tf.tensor4d([1, 5, 5, 2], [1, 2, 2, 1])]);
      session.dispose();
      return results.map((result) => result.dataSync().join()).join(' ') === '5 0,3,0,0';
    } catch {
      return false;
    }
  });
}
