import { useLayoutEffect } from 'react';
import type { DrawnLine } from '../parts/theme.ts';
import type { Canvas } from './canvas.ts';
import type { PlacedPicture } from './graphics.ts';

export interface PlacedProps {
  readonly canvas: Canvas;
  /** Names the area, of which there is one at a time. */
  readonly name: string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly lines: readonly DrawnLine[];
  readonly pictures?: readonly PlacedPicture[];
}

/** Lines at a place of the canvas for as long as the component is there. */
export function Placed({ canvas, name, left, top, width, height, lines, pictures }: PlacedProps) {
  useLayoutEffect(() => {
    canvas.place(name, { left, top, width, height, lines, ...(pictures && { pictures }) });
    return () => canvas.remove(name);
  }, [canvas, name, left, top, width, height, lines, pictures]);
  return null;
}
