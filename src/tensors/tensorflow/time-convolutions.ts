import type { Rank, Tensor4D } from '@tensorflow/tfjs';
import { openBackend } from '../backend.ts';

/** Images, side and channels of the activations that are convolved: those of ResNet-20 on CIFAR images. */
const layers = [
  [64, 32, 16],
  [64, 16, 32],
] as const;

/**
 * Processor seconds of ten rounds of 3 × 3 convolutions, the gradient of their input and that of their filter,
 * after a first round that is not counted.
 */
export async function timeConvolutions(): Promise<number> {
  await openBackend('tensorflow');
  const { tf } = await import('../tf.ts');
  const round = (): void => {
    for (const [images, side, channels] of layers) {
      tf.tidy(() => {
        const pixels = tf.ones<Rank.R4>([images, side, side, channels]);
        const filter = tf.ones<Rank.R4>([3, 3, channels, channels]);
        const gradients = tf.grads((x, w) => tf.sum(tf.conv2d(x as Tensor4D, w as Tensor4D, 1, 'same')));
        for (const gradient of gradients([pixels, filter])) gradient.dataSync();
      });
    }
  };
  round();
  const before = process.cpuUsage();
  for (let repeat = 0; repeat < 10; repeat++) round();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
