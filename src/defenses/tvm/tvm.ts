import { bregmanOfReleasedCode, bregmanOfScikitImage } from '../../kernels/tvm/bregman.ts';
import {
  type Channel,
  objectiveOf,
  type Progress,
  startOf,
  type TotalVariation,
} from '../../kernels/tvm/problem.ts';
import { minimiseGroups } from '../../kernels/tvm/groups.ts';
import { minimiseExactly } from '../../kernels/tvm/reference.ts';
import { minimise, minimiseDropped } from '../../kernels/tvm/wasm.ts';
import { currentBackend } from '../../tensors/backend.ts';
import type { TvmForm } from '../../kernels/tvm/forms.ts';
import type { Defense, Draw, PixelShape, SolverProgress } from '../defense.ts';
import { dropoutOf, dropPixels, type DropoutParameters, notNumbers } from './dropout.ts';

export interface TvmParameters extends Omit<TotalVariation, 'tv'>, DropoutParameters {
  /** `groups`: the norms of whole rows and columns that equation 7 of Guo et al. 2018 prints; `exact` solves it only. */
  readonly tv: TotalVariation['tv'] | 'groups';
  /** Number of views of each image; each view is one draw. */
  readonly draws: number;
  readonly solver: 'exact' | 'skimage' | 'fb';
  /** Relative distance to the minimum at which `exact` stops. */
  readonly tolerance: number;
  /**
   * Form of the kernel for `exact`. The WebAssembly kernel is used if it is absent, and if its backend is not
   * the current one. It is part of the recipe, because the forms agree to the tolerance but not to the bit.
   */
  readonly form?: Exclude<TvmForm, 'wasm'>;
}

/** How one image was solved. Only the exact solver has a gap. */
export type TvmProgress = Omit<Progress, 'gap'> & SolverProgress;

type SolverParameters = Omit<TvmParameters, keyof DropoutParameters | 'draws' | 'form'>;

/** Parameters of a variation of single pixels, which the kernels solve. */
type PixelVariation = TvmParameters & TotalVariation;

type Size = readonly [height: number, width: number, channels: number];

/** Below this tolerance float32 is not precise enough; the float64 definition is, at 100 times the cost. */
const leastToleranceOfKernel = 1e-5;
const kernelLimit = 1000;
/** Number of images of WGSL at a time: at most a gigabyte for 1024×1024×3. */
const rowsOnWebGpu = 16;
const referenceLimit = 20_000;
/** Linear systems; photographs at λ = 0.03 take about ten. */
const groupsLimit = 1000;

/**
 * Pixel dropout, then total variation minimisation (Guo et al. 2018, section 4.1) of each image, for one
 * draw. A channel of which no pixel is kept becomes ½. Gives the same pixels for the same seed, draw and id
 * in any batch. Throws `RangeError` for NaN.
 */
export async function minimiseTotalVariation(
  pixels: Float32Array,
  [rows, height, width, channels]: PixelShape,
  params: TvmParameters,
  draw: Draw,
): Promise<Float32Array> {
  const size = height * width * channels;
  const result = new Float32Array(pixels.length);
  const together = isByPixels(params) && isOnDevice(params) ? await rowsTogether(params, size) : 1;
  for (let first = 0; first < rows; first += together) {
    draw.signal?.throwIfAborted();
    const ids = draw.ids.subarray(first, Math.min(rows, first + together));
    const some = [first * size, (first + ids.length) * size] as const;
    const images = result.subarray(...some);
    const shape = [ids.length, height, width, channels] as const;
    const progress =
      isByPixels(params) && isByKernel(params)
        ? [solveDropped(pixels.subarray(...some), images, shape, params, draw, ids[0]!)]
        : await solveBatch(pixels.subarray(...some), images, shape, params, { ...draw, ids });
    ids.forEach((id, row) => {
      draw.onSolved?.(id, progress[row]!);
      draw.onRow?.();
    });
    // An image takes milliseconds and a batch seconds: let messages and signals through in between.
    await new Promise(setImmediate);
  }
  return result;
}

/** Drops pixels of one image and solves it in the memory of the kernel. */
function solveDropped(
  pixels: Float32Array,
  result: Float32Array,
  [, height, width, channels]: PixelShape,
  params: PixelVariation,
  draw: Draw,
  id: number,
): TvmProgress {
  const dropout = dropoutOf(channels, params, draw, id);
  const stopping = { tolerance: params.tolerance, limit: kernelLimit };
  const progress = minimiseDropped(pixels, [height, width, channels], dropout, result, params, stopping);
  if (progress === null) throw notNumbers(id);
  return progress;
}

/** Drops pixels of the images, and then solves them in `result`: on a device all of them, otherwise the only one. */
async function solveBatch(
  pixels: Float32Array,
  result: Float32Array,
  shape: PixelShape,
  params: TvmParameters,
  draw: Draw,
): Promise<readonly TvmProgress[]> {
  const [, height, width, channels] = shape;
  const size = height * width * channels;
  draw.ids.forEach((id, row) => {
    const from = row * size;
    result.set(dropPixels(pixels.subarray(from, from + size), channels, params, draw, id), from);
  });
  if (isByPixels(params) && isOnDevice(params)) return solveOnDevice(result, shape, params);
  return [solveImage(result, [height, width, channels], params)];
}

function isByPixels<P extends Pick<TvmParameters, 'tv'>>(
  params: P,
): params is P & Pick<TotalVariation, 'tv'> {
  return params.tv !== 'groups';
}

function isByKernel(params: PixelVariation): boolean {
  return params.solver === 'exact' && params.tolerance >= leastToleranceOfKernel && !isOnDevice(params);
}

function isOnDevice({ solver, tolerance, form }: PixelVariation): boolean {
  return form === currentBackend() && solver === 'exact' && tolerance >= leastToleranceOfKernel;
}

async function solveOnDevice(
  images: Float32Array,
  shape: PixelShape,
  params: PixelVariation,
): Promise<readonly TvmProgress[]> {
  const stopping = { tolerance: params.tolerance, limit: kernelLimit };
  if (params.form === 'webgpu') {
    const { minimiseOnWebGpu } = await import('../../kernels/tvm/webgpu.ts');
    return minimiseOnWebGpu(images, shape, params, stopping);
  }
  const { minimiseOnTensorflow } = await import('../../kernels/tvm/tensorflow.ts');
  return minimiseOnTensorflow(images, shape, params, stopping);
}

/** Number of images of `size` values that are solved at a time on the device. */
async function rowsTogether({ form }: PixelVariation, size: number): Promise<number> {
  if (form !== 'tensorflow') return rowsOnWebGpu;
  return (await import('../../kernels/tvm/tensorflow.ts')).rowsOnTensorflow(size);
}

/** Replaces an image with dropped pixels (−1) by the minimiser, in [0, 1]. */
export function solveImage(image: Float32Array, size: Size, params: SolverParameters): TvmProgress {
  if (!isByPixels(params)) return solveByGroups(image, size, params);
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

function solveByGroups(
  image: Float32Array,
  size: Size,
  { lambda, tolerance }: Pick<TvmParameters, 'lambda' | 'tolerance'>,
): TvmProgress {
  const stopping = { tolerance, limit: groupsLimit };
  const solutions = channelsOf(image, size).map((channel) => minimiseGroups(channel, lambda, stopping));
  store(
    image,
    size,
    solutions.map(({ u }) => u),
  );
  return together(solutions.map(({ progress }) => progress));
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

/** Combines the progress of the channels of an image: their distances to the minimum add up. */
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

export const tvm: Defense<TvmParameters> = { apply: minimiseTotalVariation };
