/** Variant of image quilting: as the paper describes it, or as the authors' released code does it. */
export type QuiltingCompat = 'paper' | 'fb';

/**
 * Starts of the tiles along a side of `length` ≥ `size` pixels: every `size − overlap` pixels, and the last
 * one flush with the end, so that every pixel is covered. `fb` stops before the last position where a whole
 * tile fits, so 224 pixels lose their last 3 (patches of 5, overlap 2).
 */
export function tileStarts(length: number, size: number, overlap: number, compat: QuiltingCompat): number[] {
  const starts: number[] = [];
  for (let start = 0; start < length - size; start += size - overlap) starts.push(start);
  return compat === 'fb' ? starts : [...starts, length - size];
}
