import { drawPicture, erasePicture, type PlacedPicture } from './graphics.ts';

export interface PictureOnScreen {
  readonly picture: PlacedPicture;
  /** Place of its upper left corner, from 1. */
  readonly column: number;
  readonly row: number;
}

/** The pictures that a terminal shows over its characters. */
export interface PictureLayer {
  /** The text that takes away all pictures but these. */
  readonly erase: (wanted: readonly PictureOnScreen[]) => string;
  /** The text that draws those that are not there yet. */
  readonly draw: (wanted: readonly PictureOnScreen[]) => string;
}

/** Numbers of our pictures begin here, as those of other programs are small. */
const firstId = 0x72760000;

export function createPictureLayer(): PictureLayer {
  const shown = new Map<string, PictureOnScreen & { readonly id: number }>();
  let next = firstId;
  const nameOf = ({ picture, column, row }: PictureOnScreen): string =>
    `${picture.graphics.protocol} ${picture.key} ${column} ${row}`;
  return {
    erase: (wanted) => {
      const kept = new Set(wanted.map(nameOf));
      let text = '';
      for (const [name, { picture, column, row, id }] of shown) {
        if (kept.has(name)) continue;
        shown.delete(name);
        text += erasePicture(picture, id, column, row);
      }
      return text;
    },
    draw: (wanted) => {
      let text = '';
      for (const place of wanted) {
        const name = nameOf(place);
        if (shown.has(name)) continue;
        const id = next++;
        shown.set(name, { ...place, id });
        text += `\u001B[${place.row};${place.column}H${drawPicture(place.picture, id)}`;
      }
      return text;
    },
  };
}
