import { bregmanOfReleasedCode, bregmanOfScikitImage } from '../../kernels/tvm/bregman.ts';
import {
  type Channel,
  objectiveOf,
  type Progress,
  startOf,
  type TotalVariation,
} from '../../kernels/tvm/problem.ts';
import { minimiseExactly } from '../../kernels/tvm/reference.ts';
import { minimise } from '../../kernels/tvm/solve.ts';
import type { Draw, PixelShape } from '../apply.ts';
import { dropPixels, type DropoutParameters } from './dropout.ts';

export interface TvmParameters extends TotalVariation, DropoutParameters {
  /** Views of each image; each is one draw. */
  readonly draws: number;
  readonly solver: 'exact' | 'skimage' | 'fb';
  /** Relative distance to the least objective at which `exact` stops. */
  readonly tolerance: number;
}

/** Of one image; the others' solvers know no gap. */
export type TvmProgress = Omit<Progress, 'gap'> & { readonly gap: number | null };

type Size = readonly [height: number, width: number, channels: number];

/** Below this float32 cannot tell; the float64 definition can, at a hundred times the cost. */
const leastToleranceOfKernel = 1e-5;
const kernelLimit = 1000;
const referenceLimit = 20_000;

/**
 * Pixel dropout, then total variation minimisation (Guo et al. 2018, section 4.1) of each image, one draw. A channel of which no pixel
 * is kept becomes ½. Same pixels for the same seed, draw and id in any batch. Throws `RangeError` for NaN.
 */
export async function minimiseTotalVariation(
  pixels: Float32Array,
  [rows, height, width, channels]: PixelShape,
  params: TvmParameters,
  draw: Draw,
): Promise<Float32Array> {
  const size = height * width * channels;
  const result = new Float32Array(pixels.length);
  for (let row = 0; row < rows; row++) {
    draw.signal?.throwIfAborted();
    const id = draw.ids[row]!;
    const image = dropPixels(pixels.subarray(row * size, (row + 1) * size), channels, params, draw, id);
    const progress = solveImage(image, [height, width, channels], params);
    result.set(image, row * size);
    draw.onSolved?.(id, progress);
    draw.onRow?.();
    // An image takes milliseconds, a batch seconds: let messages and signals in between.
    await new Promise(setImmediate);
  }
  return result;
}

/** Replaces an image with dropped pixels (−1) by the minimiser, in [0, 1]. */
export function solveImage(
  image: Float32Array,
  size: Size,
  params: Omit<TvmParameters, keyof DropoutParameters | 'draws'>,
): TvmProgress {
  const { solver, tolerance } = params;
  if (solver === 'exact' && tolerance >= leastToleranceOfKernel) {
    return minimise(image, size, params, { tolerance, limit: kernelLimit });
  }
  const channels = channelsOf(image, size);
  if (solver === 'exact') {
    const stopping = { tolerance, limit: referenceLimit };
    const solutions = channels.map((channel) => minimiseExactly(channel, params, stopping));
    store(
      image,
      size,
      solutions.map(({ u }) => u),
    );
    return together(solutions.map(({ progress }) => progress));
  }
  const runs =
    solver === 'fb'
      ? channels.map((channel) => bregmanOfReleasedCode(channel, params))
      : bregmanOfScikitImage(
          channels.map((channel) => ({ ...channel, target: startOf(channel) })),
          params,
        );
  store(
    image,
    size,
    runs.map(({ u }) => u),
  );
  return {
    objective: channels.reduce((sum, channel, c) => sum + objectiveOf(channel, runs[c]!.u, params), 0),
    gap: null,
    iterations: Math.max(...runs.map(({ iterations }) => iterations)),
    converged: true,
  };
}

function channelsOf(image: Float32Array, [height, width, channels]: Size): readonly Channel[] {
  return Array.from({ length: channels }, (_, c) => ({
    height,
    width,
    target: Float64Array.from({ length: height * width }, (_, i) => image[i * channels + c]!),
  }));
}

function store(image: Float32Array, [, , channels]: Size, solutions: readonly Float64Array[]): void {
  for (let index = 0; index < image.length; index++) {
    const value = solutions[index % channels]![Math.floor(index / channels)]!;
    image[index] = Math.min(1, Math.max(0, value));
  }
}

/** Progress of an image from that of its channels: what is left to win adds up. */
function together(parts: readonly Progress[]): Progress {
  const objective = parts.reduce((sum, part) => sum + part.objective, 0);
  const left = parts.reduce((sum, part) => sum + part.gap * part.objective, 0);
  return {
    objective,
    gap: objective > 0 ? left / objective : 0,
    iterations: Math.max(...parts.map(({ iterations }) => iterations)),
    converged: parts.every(({ converged }) => converged),
  };
}
