import type { Theme } from '../parts/theme.ts';

/** Values as bars of one row, the latest last, from the lowest to the highest of those that are shown. */
export function sparkline(
  values: readonly number[],
  width: number,
  { glyphs }: Pick<Theme, 'glyphs'>,
): string {
  const shown = values.slice(-width).filter((value) => Number.isFinite(value));
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const steps = glyphs.bars.length - 2;
  return shown
    .map(
      (value) =>
        glyphs.bars[1 + (high === low ? steps >> 1 : Math.round(((value - low) / (high - low)) * steps))]!,
    )
    .join('');
}

/** Values as bars of several rows above zero, top row first; neighbours are added up if there are more than columns. */
export function barRows(
  values: readonly number[],
  width: number,
  height: number,
  { glyphs }: Pick<Theme, 'glyphs'>,
): readonly string[] {
  const group = Math.max(1, Math.ceil(values.length / width));
  const sums: number[] = [];
  for (let at = 0; at < values.length; at += group)
    sums.push(values.slice(at, at + group).reduce((sum, value) => sum + value, 0));
  // A short run fills the width too, so that bars do not wander to the right as it goes on.
  const wide = Math.max(1, Math.floor(width / sums.length));
  const highest = Math.max(1, ...sums);
  const full = glyphs.bars.length - 1;
  return Array.from({ length: height }, (_, row) =>
    sums
      .map((value) => {
        const filled = Math.round((value / highest) * height * full) - (height - 1 - row) * full;
        return glyphs.bars[Math.max(0, Math.min(full, filled))]!.repeat(wide);
      })
      .join(''),
  );
}
