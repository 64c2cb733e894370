import { span, type Line, type Span, type Theme } from '../parts/theme.ts';
import type { Picture, PicturePair } from '../pictures.ts';
import { scaledPicture } from './scaled-picture.ts';

/** Characters from dark to bright, for terminals without colours. */
const ramp = ' .:-=+*#%@';
/** Columns between two pictures. */
export const gap = 2;
/** Changes are shown larger by this. */
const factor = 10;

/**
 * The image before and after a cell, and ten times what the cell has changed, in as many columns and rows as there are. A character is two
 * pixels, one above the other, in the terminal's finest colours; without colours it is as bright as both.
 */
export function pictureLines(
  { title, before, after }: PicturePair,
  { theme, width, height }: { readonly theme: Theme; readonly width: number; readonly height: number },
): readonly Line[] {
  const shown = shownPictures({ before, after });
  const room = Math.floor((width - gap * (shown.length - 1)) / shown.length);
  const rows = height - 2;
  if (room < 4 || rows < 2) return [noRoom];
  const largest = Math.min(room / after.width, (2 * rows) / after.height);
  // Pixels of equal sizes are easier to read than a picture that fills the room.
  const scale = largest > 1 ? Math.floor(largest) : largest;
  const columns = Math.max(1, Math.floor(after.width * scale));
  const pixelRows = Math.max(2, 2 * Math.round((after.height * scale) / 2));
  const names = namesLine(shown, columns);
  const pictures = shown.map(([, picture]) => scaledPicture(picture, columns, pixelRows));
  const lines = Array.from({ length: Math.min(rows, pixelRows / 2) }, (_, row): Line =>
    pictures.flatMap((pixels, index) => [
      ...(index > 0 ? [span(' '.repeat(gap))] : []),
      ...rowSpans(pixels, columns, row, theme),
    ]),
  );
  return [[span(title, 'bold')], names, ...lines];
}

export const noRoom: Line = [span('there is no room for pictures; z fills the screen', 'dim')];

/** The pictures of a cell beside each other, with their names. */
export function shownPictures({
  before,
  after,
}: Pick<PicturePair, 'before' | 'after'>): readonly (readonly [name: string, picture: Picture])[] {
  if (before === null) return [['image', after]];
  return [
    ['before', before],
    ['after', after],
    [`change x${factor}`, difference(before, after)],
  ];
}

/** The names above pictures that are `columns` wide. */
export function namesLine(shown: ReturnType<typeof shownPictures>, columns: number): Line {
  return shown.map(([name], index) =>
    span(`${index > 0 ? ' '.repeat(gap) : ''}${name.slice(0, columns).padEnd(columns)}`, 'dim'),
  );
}

type Colour = readonly [red: number, green: number, blue: number];

/** Grey for no change, brighter and darker for changes up and down. */
function difference(before: Picture, after: Picture): Picture {
  const pixels = Float32Array.from(after.pixels, (_, index) =>
    Math.min(1, Math.max(0, 0.5 + factor * (valueAt(after, index) - valueAt(before, index)))),
  );
  return { ...after, pixels };
}

function valueAt({ pixels }: Picture, index: number): number {
  return pixels instanceof Uint8Array ? pixels[index]! / 255 : pixels[index]!;
}

function rowSpans(
  rgb: Uint8Array,
  columns: number,
  row: number,
  { colour, colours: known, hasAllColours, glyphs }: Theme,
): readonly Span[] {
  const at = (line: number, column: number): Colour => {
    const from = 3 * (line * columns + column);
    return [rgb[from]!, rgb[from + 1]!, rgb[from + 2]!];
  };
  const isPlain = !colour || known === 16 || glyphs.pointer === '>';
  return Array.from({ length: columns }, (_, column) => {
    const [upper, lower] = [at(2 * row, column), at(2 * row + 1, column)];
    if (isPlain) {
      const bright = (brightness(upper) + brightness(lower)) / 2;
      return span(ramp[Math.min(ramp.length - 1, Math.floor((bright / 256) * ramp.length))]!);
    }
    const code = hasAllColours ? ([r, g, b]: Colour) => `2;${r};${g};${b}` : (of: Colour) => `5;${cube(of)}`;
    return {
      text: '▀',
      style: 'plain',
      sequence: `\u001B[38;${code(upper)}m\u001B[48;${code(lower)}m`,
    };
  });
}

function brightness([red, green, blue]: Colour): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** The number of the nearest of 256 colours: one of 24 greys, or of a cube of 6 × 6 × 6. */
function cube([red, green, blue]: Colour): number {
  if (red === green && green === blue)
    return red < 4 ? 16 : red > 246 ? 231 : 232 + Math.min(23, Math.round((red - 8) / 10));
  const step = (value: number): number => (value < 48 ? 0 : value < 115 ? 1 : Math.floor((value - 35) / 40));
  return 16 + 36 * step(red) + 6 * step(green) + step(blue);
}
