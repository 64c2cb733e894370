import { element, escapeXml, fitText, shortNumber, textWidth } from './svg.ts';

/**
 * One picture: row-major `[height, width, channels]`, channels 1 or 3; float32 in [0, 1], or uint8 for value
 * / 255.
 */
export interface Tile {
  readonly pixels: Float32Array | Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Written under it in a grid. */
  readonly caption?: string;
}

export interface ImageGrid {
  readonly title: string;
  readonly columns: readonly string[];
  /** `tiles[i]` is under `columns[i]`; null leaves the place empty. */
  readonly rows: readonly { readonly label: string; readonly tiles: readonly (Tile | null)[] }[];
}

export interface ImageGridLayout {
  readonly width: number;
  readonly height: number;
  /** Integer factor by which every pixel is enlarged. */
  readonly zoom: number;
  /** Left edge of each column and top edge of each row, in pixels of the PNG. */
  readonly lefts: readonly number[];
  readonly tops: readonly number[];
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly labelWidth: number;
}

const smallestTile = 96;
const gap = 4;
const fontSize = 12;
const lineHeight = 14;
const captionSize = 10;
const captionRoom = 14;

/**
 * Positions of the tiles. Small pictures are enlarged by an integer factor, so that a pixel stays a square of
 * one colour.
 */
export function layoutImageGrid(grid: ImageGrid): ImageGridLayout {
  const tiles = grid.rows.flatMap((row) => row.tiles.filter((tile) => tile !== null));
  const largestWidth = Math.max(1, ...tiles.map((tile) => tile.width));
  const largestHeight = Math.max(1, ...tiles.map((tile) => tile.height));
  const zoom = Math.max(1, Math.ceil(smallestTile / Math.max(largestWidth, largestHeight)));
  const [tileWidth, tileHeight] = [largestWidth * zoom, largestHeight * zoom];
  const longestLabel = Math.max(0, ...grid.rows.map((row) => textWidth(row.label, fontSize)));
  const labelWidth = longestLabel === 0 ? 0 : Math.ceil(Math.min(longestLabel, 220)) + 10;
  const titleHeight = grid.title === '' ? 0 : 26;
  const headingLines = Math.max(...grid.columns.map((column) => linesOf(column, tileWidth).length), 0);
  const headingHeight = headingLines === 0 ? 0 : 20 + (headingLines - 1) * lineHeight;
  const lefts = grid.columns.map((_, column) => 8 + labelWidth + column * (tileWidth + gap));
  const captionHeight = tiles.some(({ caption }) => caption !== undefined) ? captionRoom : 0;
  const rowHeight = tileHeight + captionHeight + gap;
  const tops = grid.rows.map((_, row) => 8 + titleHeight + headingHeight + row * rowHeight);
  const width = 8 + labelWidth + grid.columns.length * (tileWidth + gap) - gap + 8;
  const height = 8 + titleHeight + headingHeight + grid.rows.length * rowHeight - gap + 8;
  return {
    width: Math.max(width, 40),
    height: Math.max(height, 24),
    zoom,
    lefts,
    tops,
    tileWidth,
    tileHeight,
    labelWidth,
  };
}

/**
 * Draws labelled pictures on white as a PNG. Values outside [0, 1] are clipped, and NaN is painted magenta,
 * so that it is visible. Loads sharp.
 */
export async function drawImageGrid(grid: ImageGrid): Promise<Uint8Array> {
  const layout = layoutImageGrid(grid);
  const canvas = Buffer.alloc(layout.width * layout.height * 3, 255);
  for (const [row, { tiles }] of grid.rows.entries()) {
    for (const [column, tile] of tiles.entries()) {
      if (tile !== null) paintTile(canvas, layout, tile, layout.lefts[column]!, layout.tops[row]!);
    }
  }
  const { default: sharp } = await import('sharp');
  const overlay = Buffer.from(gridLabels(grid, layout));
  return await sharp(canvas, {
    raw: { width: layout.width, height: layout.height, channels: 3 },
    limitInputPixels: false,
  })
    .composite([{ input: overlay, left: 0, top: 0 }])
    .removeAlpha()
    .png()
    .toBuffer();
}

function paintTile(canvas: Buffer, layout: ImageGridLayout, tile: Tile, left: number, top: number): void {
  const { zoom } = layout;
  for (let y = 0; y < tile.height; y++) {
    for (let x = 0; x < tile.width; x++) {
      const colour = tileColour(tile, y, x);
      for (let dy = 0; dy < zoom; dy++) {
        let at = ((top + y * zoom + dy) * layout.width + left + x * zoom) * 3;
        for (let dx = 0; dx < zoom; dx++) {
          canvas[at++] = colour[0];
          canvas[at++] = colour[1];
          canvas[at++] = colour[2];
        }
      }
    }
  }
}

function tileColour(
  { pixels, width, channels }: Tile,
  y: number,
  x: number,
): readonly [number, number, number] {
  const at = (y * width + x) * channels;
  const byte = (channel: number): number => {
    const value = pixels[at + Math.min(channel, channels - 1)]!;
    return pixels instanceof Uint8Array ? value : Math.round(Math.min(1, Math.max(0, value)) * 255);
  };
  const colour = [byte(0), byte(1), byte(2)] as const;
  return colour.some(Number.isNaN) ? [255, 0, 255] : colour;
}

/** A heading over a tile in one line, or in two if it does not fit: `dissimilarity 0.02` keeps its number. None if it is empty. */
function linesOf(heading: string, tileWidth: number): readonly string[] {
  if (heading === '') return [];
  const room = tileWidth + gap - 2;
  const cut = heading.lastIndexOf(' ');
  const lines =
    textWidth(heading, fontSize) <= room || cut < 0
      ? [heading]
      : [heading.slice(0, cut), heading.slice(cut + 1)];
  return lines.map((line) => fitText(line, room, fontSize));
}

function gridLabels(grid: ImageGrid, layout: ImageGridLayout): string {
  const parts: string[] = [];
  if (grid.title !== '') {
    const title = fitText(grid.title, layout.width - 16, 14);
    parts.push(
      element(
        'text',
        { x: layout.width / 2, y: 24, 'font-size': 14, 'font-weight': 'bold', 'text-anchor': 'middle' },
        escapeXml(title),
      ),
    );
  }
  const headingTop = (layout.tops[0] ?? 0) - 7;
  for (const [column, label] of grid.columns.entries()) {
    const x = layout.lefts[column]! + layout.tileWidth / 2;
    const lines = linesOf(label, layout.tileWidth);
    for (const [line, text] of lines.entries()) {
      const y = headingTop - (lines.length - 1 - line) * lineHeight;
      parts.push(element('text', { x, y, 'text-anchor': 'middle' }, escapeXml(text)));
    }
  }
  for (const [row, { label }] of grid.rows.entries()) {
    const y = layout.tops[row]! + layout.tileHeight / 2 + 4;
    parts.push(
      element(
        'text',
        { x: layout.labelWidth, y, 'text-anchor': 'end' },
        escapeXml(fitText(label, layout.labelWidth - 6, fontSize)),
      ),
    );
  }
  for (const [row, { tiles }] of grid.rows.entries()) {
    for (const [column, tile] of tiles.entries()) {
      if (tile?.caption === undefined) continue;
      const caption = fitText(tile.caption, layout.tileWidth + gap, captionSize);
      const [x, y] = [
        layout.lefts[column]! + layout.tileWidth / 2,
        layout.tops[row]! + layout.tileHeight + 11,
      ];
      parts.push(
        element('text', { x, y, 'text-anchor': 'middle', 'font-size': captionSize }, escapeXml(caption)),
      );
    }
  }
  const size = `width="${shortNumber(layout.width)}" height="${shortNumber(layout.height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif" font-size="${fontSize}" fill="#222222">${parts.join('')}</svg>`;
}

/**
 * `0.5 + factor · (changed − original)` per pixel and channel in float32, which is grey if nothing changed.
 * The two tiles must have the same shape.
 */
export function differenceTile(original: Tile, changed: Tile, factor: number): Tile {
  const { height, width, channels } = original;
  const unit = (pixels: Tile['pixels'], at: number): number =>
    pixels instanceof Uint8Array ? pixels[at]! / 255 : pixels[at]!;
  const pixels = new Float32Array(height * width * channels);
  for (let at = 0; at < pixels.length; at++) {
    pixels[at] = 0.5 + factor * (unit(changed.pixels, at) - unit(original.pixels, at));
  }
  return { pixels, height, width, channels };
}
