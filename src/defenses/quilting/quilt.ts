import { randomStream } from '../../tensors/random.ts';
import type { Patches } from '../../values/patches.ts';
import type { SearchForm } from '../../kernels/patch-search/forms.ts';
import type { Defense, DefenseProblem, Draw, PixelShape } from '../defense.ts';
import { minimumCut } from './minimum-cut.ts';
import { type OpenedSearch, openedSearch, searchFormHere } from './opened-search.ts';
import { type QuiltingCompat, tileStarts } from './tiles.ts';
import { counted } from '../../values/counted.ts';

export interface QuiltingParameters {
  /** K: each tile is replaced by one of its K nearest patches, drawn at random. */
  readonly neighbors: number;
  /** Number of views of each image, if K is above 1. */
  readonly draws: number;
  /** Pixels that neighbouring tiles share; less than the side of a patch. */
  readonly overlap: number;
  /** `none`: each tile overwrites what was there before. */
  readonly seam: 'graph-cut' | 'none';
  /** `fb`: like the authors' code, in which tiles overwrite and the last rows and columns stay black. */
  readonly compat: QuiltingCompat;
  /** Affects the speed only. `auto` chooses the form for the open backend. */
  readonly search: 'auto' | SearchForm;
}

/** The parameters of a recipe, and the patch database that it builds from. */
export type QuiltingRecipe = QuiltingParameters & { readonly patches: Patches };

/** Counter of the picks among the random streams of an image. */
const picks = 2;

/**
 * Image quilting (Efros and Freeman 2001; Guo et al. 2018, section 4.3): each tile of the image is replaced
 * by one of the K patches nearest to it in pixel space, each equally likely, and joined to the tiles above
 * and to its left along a minimum cut.
 *
 * `pixels` is `[n, height, width, channels]`, clipped to [0, 1]; the result has the same shape and contains
 * only values of patches. Requires `size` ≤ height and width, the channels of the patches, and 1 ≤ K ≤ number
 * of patches. Throws `RangeError` for NaN.
 */
export async function quiltImages(
  pixels: Float32Array,
  shape: PixelShape,
  params: QuiltingParameters,
  patches: Patches,
  draw: Draw,
): Promise<Uint8Array> {
  const [rows, height, width, channels] = shape;
  const length = height * width * channels;
  const result = new Uint8Array(rows * length);
  const form = params.search === 'auto' ? searchFormHere(params.neighbors) : params.search;
  const search = await openedSearch(patches, form);
  const tiles = tilesOf(height, width, patches, params);
  for (let row = 0; row < rows; row++) {
    // Lets messages of the process through, because an image takes half a second.
    await new Promise<void>((resolve) => setImmediate(resolve));
    draw.signal?.throwIfAborted();
    const image = pixels.subarray(row * length, (row + 1) * length);
    const chosen = await choosePatches(
      search,
      tileQueries(image, width, tiles, patches.shape),
      tiles,
      params,
      {
        ...draw,
        id: draw.ids[row]!,
      },
    );
    assemble(result.subarray(row * length, (row + 1) * length), width, tiles, chosen, patches, params);
    draw.onRow?.();
  }
  return result;
}

/** A tile at `y`, `x`. Earlier tiles have covered its first `top` rows and `left` columns. */
export interface Tile {
  readonly y: number;
  readonly x: number;
  readonly top: number;
  readonly left: number;
}

/** All tiles of an image, row by row. */
export function tilesOf(
  height: number,
  width: number,
  { shape: [, size] }: Pick<Patches, 'shape'>,
  { overlap, compat }: Pick<QuiltingParameters, 'overlap' | 'compat'>,
): Tile[] {
  const covered = (starts: readonly number[], index: number): number =>
    index === 0 ? 0 : starts[index - 1]! + size - starts[index]!;
  const down = tileStarts(height, size, overlap, compat);
  const across = tileStarts(width, size, overlap, compat);
  return down.flatMap((y, row) =>
    across.map((x, column) => ({ y, x, top: covered(down, row), left: covered(across, column) })),
  );
}

/** The image's own pixels at each tile in grey levels, `[tiles, size · size · channels]`. */
export function tileQueries(
  image: Float32Array,
  width: number,
  tiles: readonly Tile[],
  [, size, , channels]: Patches['shape'],
): Float32Array {
  const rowLength = size * channels;
  const queries = new Float32Array(tiles.length * size * rowLength);
  let target = 0;
  for (const { y, x } of tiles) {
    for (let line = 0; line < size; line++) {
      const source = ((y + line) * width + x) * channels;
      // Bytes stand for value / 255, and float32 brings them back to the byte.
      for (let index = 0; index < rowLength; index++)
        queries[target++] = 255 * Math.min(1, Math.max(0, image[source + index]!));
    }
  }
  return queries;
}

/** Chooses the patch of each tile. */
async function choosePatches(
  search: OpenedSearch,
  queries: Float32Array,
  tiles: readonly Tile[],
  { neighbors }: QuiltingParameters,
  { seed, draw, id }: Pick<Draw, 'seed' | 'draw'> & { readonly id: number },
): Promise<Int32Array> {
  const { ids } = await search.nearest(queries, neighbors);
  if (neighbors === 1) return ids;
  const stream = randomStream(seed, draw, id, picks);
  return Int32Array.from(tiles, (_, tile) => ids[tile * neighbors + stream.integer(neighbors)]!);
}

/** Lays the patches over `target`, `[height, width, channels]`, one after another. */
function assemble(
  target: Uint8Array,
  width: number,
  tiles: readonly Tile[],
  chosen: Int32Array,
  { pixels, shape: [, size, , channels] }: Patches,
  { seam, compat }: QuiltingParameters,
): void {
  const patchLength = size * size * channels;
  const cuts = seam === 'graph-cut' && compat === 'paper';
  const differences = new Float64Array(size * size);
  for (const [index, { y, x, top, left }] of tiles.entries()) {
    const patch = pixels.subarray(chosen[index]! * patchLength, (chosen[index]! + 1) * patchLength);
    const placeOf = (at: number): number =>
      ((y + Math.floor(at / size)) * width + x + (at % size)) * channels;
    let labels: Uint8Array | null = null;
    if (cuts && (top > 0 || left > 0)) {
      for (let at = 0; at < differences.length; at++) {
        const covered = at < top * size || at % size < left;
        differences[at] = covered ? pixelDistance(target, placeOf(at), patch, at * channels, channels) : 0;
      }
      labels = minimumCut({ size, top, left, differences });
    }
    for (let at = 0; at < differences.length; at++) {
      if (labels?.[at] === 1) continue;
      const place = placeOf(at);
      for (let channel = 0; channel < channels; channel++)
        target[place + channel] = patch[at * channels + channel]!;
    }
  }
}

function pixelDistance(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, channels: number): number {
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) sum += (a[aAt + channel]! - b[bAt + channel]!) ** 2;
  return Math.sqrt(sum);
}

export const quilting: Defense<QuiltingRecipe> = {
  apply: (pixels, shape, { patches, ...params }, draw) => quiltImages(pixels, shape, params, patches, draw),
  check: ([, height, width, channels], { patches }) => checkPatches([height, width, channels], patches),
};

function checkPatches(
  [height, width, channels]: readonly [height: number, width: number, channels: number],
  { shape: [, size, , patchChannels] }: Patches,
): DefenseProblem | null {
  if (Math.min(height, width) < size) {
    return {
      message: `${height}×${width} images are smaller than a patch of ${size}×${size}`,
      fix: 'use larger images, or a database of smaller patches',
    };
  }
  if (channels === patchChannels) return null;
  return {
    message: `the patches have ${counted(patchChannels, 'channel')}, and these images have ${channels}`,
    fix: 'make the patch database from images of the same kind',
  };
}
