import type { DrawnLine } from '../parts/theme.ts';
import { sizeInCells, type PlacedPicture } from './graphics.ts';
import { createPictureLayer, type PictureOnScreen } from './picture-layer.ts';

/** Lines in a rectangle of the screen. A line that is missing or shorter than the rectangle leaves it empty. */
export interface Area {
  /** Columns and rows from the upper left corner of the screen, from 0. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly lines: readonly DrawnLine[];
  /** Pictures in the area; one that is not wholly in it is left out. */
  readonly pictures?: readonly PlacedPicture[];
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/**
 * The screen, in areas that do not overlap. Only what has changed since the last frame is written, so that a frame costs as much as
 * changes in it. Ink composes every frame from all of its characters, which takes more than ten times as long, and it keeps every
 * text that it has ever measured.
 */
export interface Canvas {
  readonly place: (name: string, area: Area) => void;
  readonly remove: (name: string) => void;
  /** Writes what has changed; all of it, if the terminal has another size than at the last time. */
  readonly flush: (size: Size) => void;
  /** Lets the next flush write all, since another program has written to the terminal. */
  readonly forget: () => void;
  /** The text that takes all pictures away again; empty if there are none. */
  readonly withoutPictures: () => string;
  /** The lines of the last frame from the top, each filled up to its last area. */
  readonly rows: () => readonly string[];
}

interface Patch {
  readonly left: number;
  readonly width: number;
  readonly line: DrawnLine;
}

const nothing: DrawnLine = { text: '', columns: 0 };
/** Terminals that know these show all of a frame at once; the others ignore them. */
const [beginFrame, endFrame] = ['\u001B[?2026h', '\u001B[?2026l'];

export function createCanvas(write: (text: string) => void): Canvas {
  const areas = new Map<string, Area>();
  let shown: readonly (readonly Patch[])[] = [];
  let last: Size | null = null;
  const pictures = createPictureLayer();
  return {
    place: (name, area) => areas.set(name, area),
    remove: (name) => areas.delete(name),
    flush: (size) => {
      const isOther = last?.columns !== size.columns || last.rows !== size.rows;
      const rows = rowsOf(areas.values(), size);
      const wanted = placesOf(areas.values(), size);
      const changes = [pictures.erase(isOther ? [] : wanted), ...(isOther ? ['\u001B[2J'] : [])];
      for (let row = 0; row < size.rows; row++)
        changes.push(rowChanges(row, isOther ? [] : (shown[row] ?? []), rows[row]!, size.columns));
      [shown, last] = [rows, size];
      changes.push(pictures.draw(wanted));
      const text = changes.join('');
      if (text !== '') write(`${beginFrame}${text}${endFrame}`);
    },
    forget: () => {
      last = null;
    },
    withoutPictures: () => pictures.erase([]),
    rows: () => shown.map(filled),
  };
}

/** The patches of each row from left to right. */
function rowsOf(areas: Iterable<Area>, { columns, rows }: Size): readonly (readonly Patch[])[] {
  const all = Array.from({ length: rows }, (): Patch[] => []);
  for (const { left, top, width, height, lines } of areas) {
    if (left >= columns) continue;
    for (let offset = 0; offset < height && top + offset < rows; offset++)
      all[top + offset]!.push({
        left,
        width: Math.min(width, columns - left),
        line: lines[offset] ?? nothing,
      });
  }
  for (const patches of all) patches.sort((a, b) => a.left - b.left);
  return all;
}

/** The pictures that fit, with their places on the screen. */
function placesOf(areas: Iterable<Area>, { columns, rows }: Size): readonly PictureOnScreen[] {
  return [...areas].flatMap(({ left, top, width, height, pictures = [] }) =>
    pictures.flatMap((picture): PictureOnScreen[] => {
      const size = sizeInCells(picture);
      const [right, bottom] = [picture.left + size.columns, picture.top + size.rows];
      const fits = right <= width && bottom <= height && left + right <= columns && top + bottom < rows;
      return fits ? [{ picture, column: left + picture.left + 1, row: top + picture.top + 1 }] : [];
    }),
  );
}

function rowChanges(row: number, old: readonly Patch[], now: readonly Patch[], columns: number): string {
  const isSameShape =
    old.length === now.length &&
    now.every(({ left, width }, index) => old[index]!.left === left && old[index]!.width === width);
  let text = isSameShape ? '' : `${toPlace(row, 0)}\u001B[K`;
  for (const [index, { left, width, line }] of now.entries()) {
    const before = isSameShape ? old[index]!.line : nothing;
    if (before.text === line.text) continue;
    text += toPlace(row, left) + line.text;
    // At the last column the cursor stays on the character, which must not be erased.
    const rest = before.columns - line.columns;
    if (rest > 0) text += left + width >= columns ? '\u001B[K' : ' '.repeat(rest);
  }
  return text;
}

function toPlace(row: number, column: number): string {
  return `\u001B[${row + 1};${column + 1}H`;
}

function filled(patches: readonly Patch[]): string {
  let [text, used] = ['', 0];
  for (const { left, line } of patches) {
    if (line.columns === 0) continue;
    text += ' '.repeat(Math.max(0, left - used)) + line.text;
    used = left + line.columns;
  }
  return text;
}
