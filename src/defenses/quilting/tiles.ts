/** Which way image quilting is done: as the paper describes it, or as the authors' released code does it. */
export type QuiltingCompat = 'paper' | 'fb';

/**
 * Where the tiles begin along a side of `length` ≥ `size` pixels: every `size − overlap`, and the last flush with the end, so that every
 * pixel is covered. `fb` stops before the last place that a whole tile fits: 224 pixels lose their last 3 (patches of 5, overlap 2).
 */
export function tileStarts(length: number, size: number, overlap: number, compat: QuiltingCompat): number[] {
  const starts: number[] = [];
  for (let start = 0; start < length - size; start += size - overlap) starts.push(start);
  return compat === 'fb' ? starts : [...starts, length - size];
}
