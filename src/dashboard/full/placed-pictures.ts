import type { Line } from '../parts/theme.ts';
import { span } from '../parts/theme.ts';
import type { PicturePair } from '../pictures.ts';
import { sizeInCells, type Graphics, type PlacedPicture } from './graphics.ts';
import { gap, namesLine, noRoom, shownPictures } from './picture-lines.ts';
import { scaledPicture } from './scaled-picture.ts';

/** Lines, with empty rows for pictures. */
export interface PicturedLines {
  readonly lines: readonly Line[];
  /** Pictures in pixels, at places from the first line on. */
  readonly pictures: readonly PlacedPicture[];
}

export function withoutPictures(lines: readonly Line[]): PicturedLines {
  return { lines, pictures: [] };
}

/**
 * The images before and after a cell and ten times the change, in pixels of the terminal: as large as there is room for, and larger than
 * they are by whole numbers only. `key` names the images.
 */
export function picturesInPixels(
  pair: PicturePair,
  key: string,
  room: { readonly width: number; readonly height: number; readonly graphics: Graphics },
): PicturedLines {
  const { graphics } = room;
  const shown = shownPictures(pair);
  const columns = Math.floor((room.width - gap * (shown.length - 1)) / shown.length);
  const rows = room.height - 2;
  if (columns < 4 || rows < 2) return withoutPictures([noRoom]);
  const { after } = pair;
  const largest = Math.min(
    (columns * graphics.cell.width) / after.width,
    // A sixel picture ends with a band of six rows.
    (6 * Math.floor((rows * graphics.cell.height) / 6)) / after.height,
  );
  const scale = largest > 1 ? Math.floor(largest) : largest;
  const width = Math.max(1, Math.floor(after.width * scale));
  const height = Math.max(1, Math.floor(after.height * scale));
  const size = sizeInCells({ width, height, graphics });
  const pictures = shown.map(([name, picture], index): PlacedPicture => ({
    key: `${key} ${name} ${width} ${height}`,
    graphics,
    left: index * (size.columns + gap),
    top: 2,
    width,
    height,
    pixels: () => scaledPicture(picture, width, height),
  }));
  const names = namesLine(shown, size.columns);
  return { lines: [[span(pair.title, 'bold')], names], pictures };
}
