/**
 * Sixel graphics: DEC, "VT330/VT340 Programmer Reference Manual", volume 2, chapter 14. A picture is bands of six rows; in each band
 * every colour has a character for each column, whose bits are the rows that it fills.
 */

const mostColours = 256;
const escape = '\u001B';

/** The sequence that draws RGB bytes `[height, width, 3]` from the cursor to the right and down. More than 256 colours are reduced. */
export function encodeSixel(rgb: Uint8Array, width: number, height: number): string {
  const { palette, indices } = reduceColours(rgb);
  const parts = [`${escape}P0;1;0q"1;1;${width};${height}`];
  palette.forEach(([red, green, blue], index) => parts.push(`#${index};2;${red};${green};${blue}`));
  for (let top = 0; top < height; top += 6) {
    const bits = new Map<number, Uint8Array>();
    for (let row = top; row < Math.min(height, top + 6); row++)
      for (let column = 0; column < width; column++) {
        const colour = indices[row * width + column]!;
        let own = bits.get(colour);
        if (own === undefined) bits.set(colour, (own = new Uint8Array(width)));
        own[column]! |= 1 << (row - top);
      }
    const lines = [...bits].map(([colour, columns]) => `#${colour}${runs(columns)}`);
    parts.push(`${top > 0 ? '-' : ''}${lines.join('$')}`);
  }
  return `${parts.join('')}${escape}\\`;
}

/** The characters of one colour in a band; four and more equal ones are counted. */
function runs(columns: Uint8Array): string {
  let text = '';
  let end = columns.length;
  while (end > 0 && columns[end - 1] === 0) end--;
  for (let from = 0; from < end;) {
    let to = from + 1;
    while (to < end && columns[to] === columns[from]) to++;
    const character = String.fromCharCode(63 + columns[from]!);
    text += to - from > 3 ? `!${to - from}${character}` : character.repeat(to - from);
    from = to;
  }
  return text;
}

/** A colour in hundredths, as sixel has them. */
type Colour = readonly [red: number, green: number, blue: number];

interface Reduced {
  readonly palette: readonly Colour[];
  /** Index into the palette of each pixel. */
  readonly indices: Uint8Array;
}

/**
 * At most 256 colours: those of the picture if it has no more. Otherwise it is cut by medians (P. Heckbert, "Color image quantization
 * for frame buffer display", SIGGRAPH 1982) in bins of 8 × 8 × 8 values.
 */
function reduceColours(rgb: Uint8Array): Reduced {
  return exactly(rgb) ?? byMedians(rgb);
}

function exactly(rgb: Uint8Array): Reduced | null {
  const known = new Map<number, number>();
  const palette: Colour[] = [];
  const indices = new Uint8Array(rgb.length / 3);
  for (let pixel = 0; pixel < indices.length; pixel++) {
    const colour = [0, 1, 2].map((channel) => hundredths(rgb[3 * pixel + channel]!)) as unknown as Colour;
    const key = (colour[0] * 101 + colour[1]) * 101 + colour[2];
    let index = known.get(key);
    if (index === undefined) {
      if (palette.length === mostColours) return null;
      index = palette.push(colour) - 1;
      known.set(key, index);
    }
    indices[pixel] = index;
  }
  return { palette, indices };
}

function hundredths(value: number): number {
  return Math.round((value * 100) / 255);
}

/** A bin of similar colours: the number of its pixels, and the sum of each channel. */
interface Bin {
  count: number;
  readonly sums: [number, number, number];
  index: number;
}

function byMedians(rgb: Uint8Array): Reduced {
  const bins = new Map<number, Bin>();
  const keyOf = (pixel: number): number =>
    ((rgb[3 * pixel]! >> 3) << 10) | ((rgb[3 * pixel + 1]! >> 3) << 5) | (rgb[3 * pixel + 2]! >> 3);
  for (let pixel = 0; pixel < rgb.length / 3; pixel++) {
    const key = keyOf(pixel);
    let bin = bins.get(key);
    if (bin === undefined) bins.set(key, (bin = { count: 0, sums: [0, 0, 0], index: 0 }));
    bin.count++;
    for (let channel = 0; channel < 3; channel++) bin.sums[channel]! += rgb[3 * pixel + channel]!;
  }
  const boxes = [newBox([...bins.values()])];
  while (boxes.length < mostColours) {
    const largest = boxes.reduce((best, box) => (box.weight > best.weight ? box : best));
    if (largest.weight === 0) break;
    boxes.splice(boxes.indexOf(largest), 1, ...halves(largest));
  }
  boxes.forEach((box, index) => box.bins.forEach((bin) => (bin.index = index)));
  const indices = Uint8Array.from({ length: rgb.length / 3 }, (_, pixel) => bins.get(keyOf(pixel))!.index);
  const palette = boxes.map(({ bins: own }): Colour => {
    const count = own.reduce((sum, bin) => sum + bin.count, 0);
    const mean = (channel: number): number =>
      hundredths(own.reduce((sum, bin) => sum + bin.sums[channel]!, 0) / count);
    return [mean(0), mean(1), mean(2)];
  });
  return { palette, indices };
}

interface Box {
  readonly bins: readonly Bin[];
  /** The channel in which its colours differ most. */
  readonly channel: number;
  /** That difference times the number of its pixels; 0 if it cannot be divided. */
  readonly weight: number;
}

function newBox(bins: readonly Bin[]): Box {
  let [channel, widest] = [0, 0];
  for (let candidate = 0; candidate < 3; candidate++) {
    let [low, high] = [Infinity, -Infinity];
    for (const bin of bins) {
      const value = meanOf(bin, candidate);
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (high - low > widest) [channel, widest] = [candidate, high - low];
  }
  const count = bins.reduce((sum, bin) => sum + bin.count, 0);
  return { bins, channel, weight: bins.length > 1 ? widest * count : 0 };
}

/** Divides a box so that both halves have about as many pixels. */
function halves({ bins, channel }: Box): readonly [Box, Box] {
  const sorted = [...bins].sort((a, b) => meanOf(a, channel) - meanOf(b, channel));
  const half = sorted.reduce((sum, bin) => sum + bin.count, 0) / 2;
  let [split, before] = [1, sorted[0]!.count];
  while (split < sorted.length - 1 && before + sorted[split]!.count <= half) before += sorted[split++]!.count;
  return [newBox(sorted.slice(0, split)), newBox(sorted.slice(split))];
}

function meanOf({ sums, count }: Bin, channel: number): number {
  return sums[channel]! / count;
}
