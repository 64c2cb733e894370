/**
 * A tile that is about to be laid over an image. Its first `top` rows and first `left` columns overlap pixels
 * that are there already. Both are below `size`; the rest, the core, is new.
 */
export interface Overlap {
  readonly size: number;
  readonly top: number;
  readonly left: number;
  /** `[size, size]`: ‖old − new‖₂ over the channels of each pixel of the overlap; 0 in the core. */
  readonly differences: Float64Array;
}

/** Source of each pixel, `[size, size]`: 1 for the old image, 0 for the tile. */
export type Labels = Uint8Array;

/**
 * `old` for the outermost line of the overlap, which keeps the old image so that the tile joins it; `new` for
 * the core; `free` for the rest, which the cut divides.
 */
export function tieOf({ top, left }: Overlap, y: number, x: number): 'old' | 'new' | 'free' {
  if ((top > 0 && y === 0) || (left > 0 && x === 0)) return 'old';
  return y >= top && x >= left ? 'new' : 'free';
}

/**
 * The cost of labels over all pairs of neighbours in the tile (Kwatra et al. 2003, "Graphcut textures",
 * equation 1): neighbours s and t with different labels cost ‖old(s) − new(s)‖ + ‖old(t) − new(t)‖.
 */
export function cutCost(
  { size, differences }: Pick<Overlap, 'size' | 'differences'>,
  labels: Labels,
): number {
  let cost = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = y * size + x;
      if (x + 1 < size && labels[at] !== labels[at + 1]) cost += differences[at]! + differences[at + 1]!;
      if (y + 1 < size && labels[at] !== labels[at + size])
        cost += differences[at]! + differences[at + size]!;
    }
  }
  return cost;
}

/** Labels of the tied pixels; the free ones are new. */
export function tiedLabels(overlap: Overlap): Labels {
  const labels = new Uint8Array(overlap.size ** 2);
  for (let y = 0; y < overlap.size; y++) {
    for (let x = 0; x < overlap.size; x++) {
      if (tieOf(overlap, y, x) === 'old') labels[y * overlap.size + x] = 1;
    }
  }
  return labels;
}

/**
 * Cost of a free pixel that its tied neighbours cause: if it is new beside old ones, and if it is old beside
 * new ones.
 */
export function tiedCosts(overlap: Overlap, y: number, x: number): { asNew: number; asOld: number } {
  const { size, differences } = overlap;
  let asNew = 0;
  let asOld = 0;
  for (const [dy, dx] of neighbourhood) {
    const [ny, nx] = [y + dy, x + dx];
    if (ny < 0 || nx < 0 || ny >= size || nx >= size) continue;
    const cost = differences[y * size + x]! + differences[ny * size + nx]!;
    const tie = tieOf(overlap, ny, nx);
    if (tie === 'old') asNew += cost;
    else if (tie === 'new') asOld += cost;
  }
  return { asNew, asOld };
}

/** Right, down, left, up. The opposite of direction d is (d + 2) mod 4. */
export const neighbourhood: readonly (readonly [dy: number, dx: number])[] = [
  [0, 1],
  [1, 0],
  [0, -1],
  [-1, 0],
];
