/** Checks the tensorflow backend by a computation whose result is known. */
import type { Rank, Tensor4D } from '@tensorflow/tfjs';
import { BackendError, openBackend } from '../backend.ts';
import { type ContextBinding, describeContext } from './context.ts';

/**
 * Returns a description of the device. Throws `BackendError` if the backend is not ready or computes wrong
 * results.
 */
export async function checkTensorflow(): Promise<string> {
  await openBackend('tensorflow');
  const { tf } = await import('../tf.ts');
  const size = 16;
  const ones = tf.ones<Rank.R4>([1, size, size, 8]);
  // Each inner pixel sums 3 × 3 × 8 ones; the filter's gradient sums the inner pixels of each tap.
  const [sum, gradient] = tf.tidy(() => {
    const filter = tf.ones<Rank.R4>([3, 3, 8, 8]);
    const total = tf.sum(tf.conv2d(ones, filter, 1, 'valid'));
    const byFilter = tf.grad((weights) => tf.sum(tf.conv2d(ones, weights as Tensor4D, 1, 'valid')))(filter);
    return [total.dataSync()[0]!, tf.max(byFilter).dataSync()[0]!];
  });
  const inner = (size - 2) ** 2;
  if (sum !== inner * 72 * 8 || gradient !== inner)
    throw new BackendError(
      `TensorFlow computes wrong results: a convolution gave ${sum} and ${gradient} instead of ${inner * 576} and ${inner}`,
    );
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as {
    binding: { TF_Version: string } & ContextBinding;
    isUsingGpuDevice: boolean;
  };
  const context = isUsingGpuDevice ? describeContext(binding) : '';
  const device = isUsingGpuDevice ? `a CUDA device${context === '' ? '' : ` (${context})`}` : 'the CPU';
  return `TensorFlow ${binding.TF_Version} on ${device}`;
}
