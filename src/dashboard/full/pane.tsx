import { drawLine, span, textColumns, type Line, type Theme } from '../parts/theme.ts';
import type { PlacedPicture } from './graphics.ts';
import { Placed } from './placed.tsx';
import type { PanePlace } from './pane-context.ts';

export interface PaneProps {
  readonly number: number;
  readonly title: string;
  readonly isFocused: boolean;
  readonly place: PanePlace;
  readonly lines: readonly Line[];
  /** Pictures at places from the first line on. */
  readonly pictures?: readonly PlacedPicture[];
  readonly theme: Theme;
}

const none: readonly PlacedPicture[] = [];

/** A part of the screen below its title, cut to its size. */
export function Pane({ number, title, isFocused, place, lines, pictures = none, theme }: PaneProps) {
  const { width, height } = place;
  const shown = [
    titleLine(number, title, isFocused, width, theme),
    ...lines.slice(0, Math.max(0, height - 1)),
  ];
  return (
    <Placed
      {...place}
      name={`pane ${number}`}
      lines={shown.map((line) => drawLine(line, width, theme))}
      // They come below the title.
      pictures={pictures.map((picture) => ({ ...picture, top: picture.top + 1 }))}
    />
  );
}

function titleLine(
  number: number,
  title: string,
  isFocused: boolean,
  width: number,
  { glyphs }: Theme,
): Line {
  const name = ` ${number} ${title} `;
  const rest = Math.max(0, width - textColumns(name) - 2);
  const edge = isFocused ? glyphs.pointer : glyphs.rule;
  return [
    span(glyphs.rule, isFocused ? 'title' : 'dim'),
    span(edge, isFocused ? 'title' : 'dim'),
    span(name, isFocused ? 'title' : 'plain'),
    span(glyphs.rule.repeat(rest), isFocused ? 'title' : 'dim'),
  ];
}
