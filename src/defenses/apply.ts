import { childSeed } from '../tensors/random.ts';
import type { Seed } from '../tensors/random.ts';
import type { Images } from '../values/images.ts';
import { toFloats } from '../values/slices.ts';
import type { Transform, TransformStep } from '../values/transform.ts';
import { type BitDepthParameters, reduceBitDepth } from './bit-depth.ts';
import { cropAndResize, type CropParameters } from './crop.ts';
import type { JpegParameters } from './jpeg.ts';
import { medianFilter, type MedianParameters } from './median.ts';
import { nonLocalMeans, type NonLocalMeansParameters } from './non-local-means.ts';
import type { QuiltingParameters } from './quilting/quilt.ts';
import type { TvmParameters, TvmProgress } from './tvm/tvm.ts';

export type PixelShape = readonly [rows: number, height: number, width: number, channels: number];
export type Pixels = Float32Array | Uint8Array;

/** What a randomised defense draws from: the same seed, draw and image id give the same result in any batch. */
export interface Draw {
  readonly seed: Seed;
  /** Which of the independent draws: view number, epoch, or step of an attack. */
  readonly draw: number;
  /** Dataset index of each row, `[rows]`. */
  readonly ids: Int32Array;
  readonly signal?: AbortSignal;
  /** Called by slow defenses after each row. */
  readonly onRow?: () => void;
  /** Told how near to its optimum an iterative defense came, once for each image. */
  readonly onSolved?: (id: number, progress: TvmProgress) => void;
}

/** How many views a defense gives of each image: 1 for a deterministic one, otherwise its `draws` or `crops`. */
export function viewsOf(transform: Transform): number {
  return transform.steps.reduce((product, step) => product * viewsOfStep(step), 1);
}

/** Whether `transformOnce` depends on its draw. */
export function isRandomised(transform: Transform): boolean {
  return transform.steps.some(isRandomisedStep);
}

const randomised: ReadonlySet<string> = new Set(['crop', 'quilting', 'tvm']);

function isRandomisedStep({ name, params }: TransformStep): boolean {
  // The nearest patch alone is no choice.
  return randomised.has(name) && params['neighbors'] !== 1;
}

function viewsOfStep(step: TransformStep): number {
  const views = step.params['draws'] ?? step.params['crops'];
  return isRandomisedStep(step) && typeof views === 'number' ? views : 1;
}

/**
 * One draw of a defense for each row of `[rows, height, width, channels]` pixels in [0, 1] (bytes stand for value / 255), steps in
 * order. Keeps the shape; the identity returns its argument. Each row is transformed by itself. Throws `RangeError` for an
 * unknown step.
 */
export async function transformOnce(
  transform: Transform,
  pixels: Pixels,
  shape: PixelShape,
  draw: Draw,
): Promise<Pixels> {
  let current = pixels;
  for (const step of transform.steps) current = await applyStep(step, toFloats(current), shape, draw);
  return current;
}

/**
 * Images with all views that the defense gives of each: view v is draw v. Each view of images that have several already is
 * transformed by itself with draws of its own, so V views and a defense of W give V × W views, those of one former view
 * consecutive. Labels, ids and perturbation stay.
 */
export async function transformImages(
  transform: Transform,
  images: Images,
  { seed, ...hooks }: Pick<Draw, 'seed' | 'signal' | 'onRow' | 'onSolved'>,
): Promise<Images> {
  const [, height, width, channels] = images.shape;
  const size = height * width * channels;
  const count = images.ids.length;
  const drawn = viewsOf(transform);
  const views = images.views * drawn;
  const shape = [count, height, width, channels] as const;
  let pixels: Pixels | null = null;
  for (let view = 0; view < views; view++) {
    hooks.signal?.throwIfAborted();
    const source = viewPixels(images, Math.floor(view / drawn), size);
    const draw = { seed, draw: view, ids: images.ids, ...hooks };
    const transformed = await transformOnce(transform, source, shape, draw);
    if (views === 1) return { ...images, pixels: transformed };
    pixels ??= new (transformed.constructor as new (length: number) => Pixels)(transformed.length * views);
    for (let row = 0; row < count; row++) {
      pixels.set(transformed.subarray(row * size, (row + 1) * size), (row * views + view) * size);
    }
  }
  return { ...images, pixels: pixels!, views, shape: [count * views, height, width, channels] };
}

/** One view of every image, `[count, height, width, channels]`. */
function viewPixels({ pixels, views, ids }: Images, view: number, size: number): Pixels {
  if (views === 1) return pixels;
  const chosen = new (pixels.constructor as new (length: number) => Pixels)(ids.length * size);
  for (let row = 0; row < ids.length; row++) {
    const from = (row * views + view) * size;
    chosen.set(pixels.subarray(from, from + size), row * size);
  }
  return chosen;
}

/**
 * Seed of the draws of a transform. `evaluation` is the one that the defense itself draws by, so that its images and its
 * recipe agree; an attack and a training draw by others, for an attacker does not know the defender's draws.
 */
export function seedFor({ seed }: Transform, purpose: 'evaluation' | 'attack' | 'training'): Seed {
  if (seed === undefined) return [0, 0];
  return purpose === 'evaluation' ? seed : childSeed(seed, purpose === 'attack' ? 1 : 2);
}

async function applyStep(
  step: TransformStep,
  pixels: Float32Array,
  shape: PixelShape,
  draw: Draw,
): Promise<Pixels> {
  // Parameters were checked against the schema of the stage that made the step.
  switch (step.name) {
    case 'bit-depth':
      return reduceBitDepth(pixels, step.params as unknown as BitDepthParameters);
    case 'crop':
      return cropAndResize(pixels, shape, step.params as unknown as CropParameters, draw);
    case 'jpeg': {
      const { compressJpeg } = await import('./jpeg.ts');
      return compressJpeg(pixels, shape, step.params as unknown as JpegParameters, draw.signal);
    }
    case 'median':
      return medianFilter(pixels, shape, step.params as unknown as MedianParameters);
    case 'non-local-means':
      return nonLocalMeans(pixels, shape, step.params as unknown as NonLocalMeansParameters);
    case 'quilting': {
      if (!step.patches) throw new RangeError('a quilting step without patches');
      const { quiltImages } = await import('./quilting/quilt.ts');
      return quiltImages(pixels, shape, step.params as unknown as QuiltingParameters, step.patches, draw);
    }
    case 'tvm': {
      const { minimiseTotalVariation } = await import('./tvm/tvm.ts');
      return minimiseTotalVariation(pixels, shape, step.params as unknown as TvmParameters, draw);
    }
    default:
      throw new RangeError(`'${step.name}' is no defense that can be applied`);
  }
}
