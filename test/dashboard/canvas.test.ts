import { expect, test } from 'vitest';
import { createCanvas } from '../../src/dashboard/full/canvas.ts';
import { createTerminalScreen } from '../terminal/screen.ts';

const size = { columns: 12, rows: 3 };
const lines = (...texts: readonly string[]) => texts.map((text) => ({ text, columns: text.length }));

/** A canvas on a terminal, and all that it wrote to it, frame by frame. */
function open() {
  const frames: string[] = [];
  const terminal = createTerminalScreen(size.rows);
  const canvas = createCanvas((text) => {
    frames.push(text);
    terminal.write(text);
  });
  return { canvas, frames, shown: () => terminal.lines() };
}

test('areas stand beside and below each other, and each is cut to the screen', () => {
  const { canvas, shown } = open();
  canvas.place('left', { left: 0, top: 0, width: 4, height: 2, lines: lines('ab', 'cd') });
  canvas.place('right', { left: 6, top: 0, width: 6, height: 5, lines: lines('one', '', 'three', 'four') });
  canvas.flush(size);
  expect(shown()).toEqual(['ab    one', 'cd', '      three']);
  expect(canvas.rows()).toEqual(['ab    one', 'cd', '      three']);
});

test('only what has changed is written, and what was longer is erased', () => {
  const { canvas, frames, shown } = open();
  canvas.place('left', { left: 0, top: 0, width: 4, height: 2, lines: lines('abcd', 'efgh') });
  canvas.place('right', { left: 6, top: 0, width: 6, height: 1, lines: lines('123456') });
  canvas.flush(size);
  canvas.flush(size);
  expect(frames.length).toBe(1);
  canvas.place('left', { left: 0, top: 0, width: 4, height: 2, lines: lines('ab', 'efgh') });
  canvas.place('right', { left: 6, top: 0, width: 6, height: 1, lines: lines('12') });
  canvas.flush(size);
  expect(shown()).toEqual(['ab    12', 'efgh']);
  expect(frames[1]).not.toContain('efgh');
});

test('an area that goes away or moves leaves nothing behind', () => {
  const { canvas, shown } = open();
  canvas.place('a', { left: 0, top: 0, width: 12, height: 2, lines: lines('first', 'second') });
  canvas.flush(size);
  canvas.remove('a');
  canvas.place('b', { left: 3, top: 1, width: 9, height: 1, lines: lines('b') });
  canvas.flush(size);
  expect(shown().slice(0, 2)).toEqual(['', '   b']);
});

test('all is written on a terminal of another size, and after another program wrote', () => {
  const { canvas, frames } = open();
  canvas.place('a', { left: 0, top: 0, width: 12, height: 1, lines: lines('text') });
  canvas.flush(size);
  canvas.flush({ ...size, columns: 10 });
  canvas.forget();
  canvas.flush({ ...size, columns: 10 });
  expect(frames.length).toBe(3);
  for (const frame of frames) expect(frame).toContain('text');
  for (const frame of frames) expect(frame).not.toContain('\u001B[3J');
});
