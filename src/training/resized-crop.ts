/** Random parts of images, resized to the size of the images, keyed by epoch and image id. */
import { linearTaps } from '../kernels/crop/taps.ts';
import { childSeed } from '../tensors/random.ts';
import type { RandomStream, Seed } from '../tensors/random.ts';
import { augmentEach } from './augment.ts';
import type { Augmentation } from './batches.ts';

export interface ResizedCropOptions {
  /** Smallest and largest share of the area of the image. */
  readonly scale: readonly [smallest: number, largest: number];
  /** Smallest and largest width in relation to the height. */
  readonly ratio: readonly [smallest: number, largest: number];
  /** Mirrors each image left to right with probability ½. */
  readonly flip: boolean;
}

export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Takes a random part of each image and resizes it to the size of the image, bilinearly with half-pixel centres:
 * the "random sized crop" of Szegedy et al. 2015 (section 6), with which Guo et al. train.
 */
export function resizedCrop(seed: Seed, { scale, ratio, flip }: ResizedCropOptions): Augmentation {
  return augmentEach(childSeed(seed, resizedCropStream), (random, source, target, shape) => {
    const [height, width] = shape;
    const window = drawWindow(random, [height, width], scale, ratio);
    const mirrored = flip && random.bernoulli(0.5);
    resizeWindow(source, target, shape, window, mirrored);
  });
}

/**
 * Draws a window as `RandomResizedCrop.get_params` of torchvision does: ten tries of a uniform share of the area
 * and a ratio that is uniform in its logarithm; if none fits, the central part whose ratio is the nearest allowed.
 */
export function drawWindow(
  random: RandomStream,
  [height, width]: readonly [height: number, width: number],
  scale: readonly [number, number],
  ratio: readonly [number, number],
): Window {
  const between = ([low, high]: readonly [number, number]): number => low + (high - low) * random.uniform();
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * between(scale);
    const aspect = Math.exp(between([Math.log(ratio[0]), Math.log(ratio[1])]));
    const across = Math.round(Math.sqrt(area * aspect));
    const down = Math.round(Math.sqrt(area / aspect));
    if (across < 1 || across > width || down < 1 || down > height) continue;
    const top = random.integer(height - down + 1);
    const left = random.integer(width - across + 1);
    return { top, left, height: down, width: across };
  }
  const own = width / height;
  const down = own < ratio[0] ? Math.max(1, Math.round(width / ratio[0])) : height;
  const across = own > ratio[1] ? Math.max(1, Math.round(height * ratio[1])) : width;
  return {
    top: Math.floor((height - down) / 2),
    left: Math.floor((width - across) / 2),
    height: down,
    width: across,
  };
}

/** Writes the window of `source`, resized to the size of the image, and mirrors it if `mirrored`. */
export function resizeWindow(
  source: Float32Array,
  target: Float32Array,
  [height, width, channels]: readonly [height: number, width: number, channels: number],
  window: Window,
  mirrored: boolean,
): void {
  const down = linearTaps(window.height, height);
  const across = linearTaps(window.width, width);
  for (let y = 0; y < height; y++) {
    const share = down.weight[y]!;
    const above = (window.top + down.first[y]!) * width + window.left;
    const below = (window.top + down.second[y]!) * width + window.left;
    for (let x = 0; x < width; x++) {
      const part = across.weight[x]!;
      const first = across.first[x]!;
      const second = across.second[x]!;
      const to = (y * width + (mirrored ? width - 1 - x : x)) * channels;
      for (let c = 0; c < channels; c++) {
        const at = (row: number): number =>
          source[(row + first) * channels + c]! * (1 - part) + source[(row + second) * channels + c]! * part;
        target[to + c] = at(above) * (1 - share) + at(below) * share;
      }
    }
  }
}

const resizedCropStream = 4;
