import type { Seed } from '../tensors/random.ts';
import { toFloats } from '../values/slices.ts';
import type { Transform, TransformStep } from '../values/transform.ts';
import { type BitDepthParameters, reduceBitDepth } from './bit-depth.ts';
import type { JpegParameters } from './jpeg.ts';

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
}

/** How many views a defense gives of each image: 1 for a deterministic one, otherwise its `draws` or `crops`. */
export function viewsOf(transform: Transform): number {
  return transform.steps.reduce((product, step) => product * viewsOfStep(step), 1);
}

/** Whether `transformOnce` depends on its draw. */
export function isRandomised(transform: Transform): boolean {
  return transform.steps.some((step) => randomised.has(step.name));
}

const randomised: ReadonlySet<string> = new Set();

function viewsOfStep(step: TransformStep): number {
  const views = step.params['draws'] ?? step.params['crops'];
  return randomised.has(step.name) && typeof views === 'number' ? views : 1;
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
 * All views of each image: `[rows × views, height, width, channels]`, the views of one image consecutive, view v from draw v.
 */
export async function transformImages(
  transform: Transform,
  pixels: Pixels,
  shape: PixelShape,
  { seed, ids, signal }: Omit<Draw, 'draw'>,
): Promise<{ readonly pixels: Pixels; readonly views: number }> {
  const views = viewsOf(transform);
  const once = (draw: number): Promise<Pixels> =>
    transformOnce(transform, pixels, shape, { seed, draw, ids, ...(signal && { signal }) });
  if (views === 1) return { pixels: await once(0), views };
  const [rows, height, width, channels] = shape;
  const size = height * width * channels;
  let result: Pixels | null = null;
  for (let view = 0; view < views; view++) {
    signal?.throwIfAborted();
    const drawn = await once(view);
    result ??=
      drawn instanceof Uint8Array
        ? new Uint8Array(drawn.length * views)
        : new Float32Array(drawn.length * views);
    for (let row = 0; row < rows; row++) {
      result.set(drawn.subarray(row * size, (row + 1) * size), (row * views + view) * size);
    }
  }
  return { pixels: result!, views };
}

async function applyStep(
  step: TransformStep,
  pixels: Float32Array,
  shape: PixelShape,
  { signal }: Draw,
): Promise<Pixels> {
  // Parameters were checked against the schema of the stage that made the step.
  switch (step.name) {
    case 'bit-depth':
      return reduceBitDepth(pixels, step.params as unknown as BitDepthParameters);
    case 'jpeg': {
      const { compressJpeg } = await import('./jpeg.ts');
      return compressJpeg(pixels, shape, step.params as unknown as JpegParameters, signal);
    }
    default:
      throw new RangeError(`'${step.name}' is no defense that can be applied`);
  }
}
