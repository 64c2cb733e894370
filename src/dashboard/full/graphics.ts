import { deleteKitty, encodeKitty } from './kitty.ts';
import { encodeSixel } from './sixel.ts';

/** How a terminal shows pictures of real pixels. */
export interface Graphics {
  readonly protocol: 'kitty' | 'sixel';
  /** Pixels of a character. */
  readonly cell: { readonly width: number; readonly height: number };
}

/** A picture at a place of its area. Equal keys mean equal pixels. */
export interface PlacedPicture {
  readonly key: string;
  readonly graphics: Graphics;
  /** Columns and rows from the upper left corner of the area. */
  readonly left: number;
  readonly top: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** RGB bytes `[height, width, 3]`. */
  readonly pixels: () => Uint8Array;
}

/** The columns and rows that a picture covers, in part or wholly. */
export function sizeInCells({
  width,
  height,
  graphics: { cell },
}: Pick<PlacedPicture, 'width' | 'height' | 'graphics'>): {
  readonly columns: number;
  readonly rows: number;
} {
  return { columns: Math.ceil(width / cell.width), rows: Math.ceil(height / cell.height) };
}

/** Draws a picture at the cursor. */
export function drawPicture({ graphics, width, height, pixels }: PlacedPicture, id: number): string {
  return graphics.protocol === 'kitty'
    ? encodeKitty(pixels(), width, height, id)
    : encodeSixel(pixels(), width, height);
}

/** Takes a picture away, whose upper left corner is at this column and row from 1. A terminal drops sixels with the characters under them. */
export function erasePicture(picture: PlacedPicture, id: number, column: number, row: number): string {
  if (picture.graphics.protocol === 'kitty') return deleteKitty(id);
  const { columns, rows } = sizeInCells(picture);
  return Array.from({ length: rows }, (_, line) => `\u001B[${row + line};${column}H\u001B[${columns}X`).join(
    '',
  );
}

/**
 * The query of a terminal: whether it has the graphics of kitty, the pixels of a character and of the window, and last its primary
 * attributes. Every terminal answers the last, and the others before it if it knows them. tmux and screen pass the first query to no
 * terminal, and take it for the title of the window.
 */
export function graphicsQuery({ TMUX, STY, TERM }: Readonly<Record<string, string | undefined>>): string {
  const isWithin = [TMUX, STY].some((name) => (name ?? '') !== '') || /^(?:tmux|screen)/.test(TERM ?? '');
  const kitty = isWithin ? '' : '\u001B_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u001B\\';
  return `${kitty}\u001B[16t\u001B[14t\u001B[c`;
}

const answer =
  /\u001B_G(?<kitty>[^\u001B]*)\u001B\\|\u001B\[(?<kind>[46]);(?<height>\d+);(?<width>\d+)t|\u001B\[\?(?<attributes>[\d;]*)c/g;
/** An answer whose end has not come yet. The first character alone is the escape key, too. */
const begun = /\u001B(?:_[^\u001B]*\u001B?|\[(?:\?[\d;]*|[46][\d;]*)?)$/;

export interface AnswerReader {
  /** Takes the answers out of what was typed, and returns the rest. */
  readonly read: (typed: string) => string;
}

/** Reads the answers to `graphicsQuery` between the keys. `known` is called once, with null if the terminal shows no pictures. */
export function createAnswerReader(
  size: () => { readonly columns: number; readonly rows: number },
  known: (graphics: Graphics | null) => void,
): AnswerReader {
  let [rest, hasKitty, isAnswered] = ['', false, false];
  let cell: Graphics['cell'] | null = null;
  return {
    read: (typed) => {
      let text = rest + typed;
      rest = '';
      text = text.replace(answer, (...match) => {
        const found = match.at(-1) as Record<string, string | undefined>;
        if (found['kitty'] !== undefined) hasKitty ||= /^i=31;OK$/.test(found['kitty']);
        else if (found['attributes'] === undefined) cell = cellOf(found, size()) ?? cell;
        else {
          isAnswered = true;
          const hasSixel = found['attributes'].split(';').slice(1).includes('4');
          const protocol = hasKitty ? 'kitty' : hasSixel ? 'sixel' : null;
          // The VT340 has characters of 10 × 20 pixels, and terminals that do not say theirs draw sixels as if they had.
          known(protocol === null ? null : { protocol, cell: cell ?? { width: 10, height: 20 } });
        }
        return '';
      });
      const from = isAnswered ? null : begun.exec(text);
      if (from !== null) [text, rest] = [text.slice(0, from.index), from[0]];
      return text;
    },
  };
}

/** The size of a character: as the terminal says it, or from that of the window. */
function cellOf(
  { kind, width: w, height: h }: Readonly<Record<string, string | undefined>>,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): Graphics['cell'] | null {
  const [width, height] = [Number(w), Number(h)];
  const cell =
    kind === '6'
      ? { width, height }
      : { width: Math.floor(width / columns), height: Math.floor(height / rows) };
  return isSensible(cell.width) && isSensible(cell.height) ? cell : null;
}

const isSensible = (pixels: number): boolean => pixels >= 2 && pixels <= 256;
