import { Transform, useInput } from 'ink';
import { useSyncExternalStore } from 'react';
import { keysOf, type Key } from '../parts/keys.ts';

/** The screen that the component shows: it provides lines of terminal text, and receives keys. */
export interface Screen {
  readonly subscribe: (listener: () => void) => () => void;
  /** Lines that fit into the width of the terminal. Returns the same array until something changes. */
  readonly lines: () => readonly string[];
  readonly press: (key: Key) => void;
}

/**
 * Shows the lines of a screen. All state and the clock are outside. `interactive` is false if stdin is not a
 * terminal.
 *
 * Ink keeps every text that it has ever measured or cut, which is a text for each second of each row in a run of days. So it
 * gets a text of as many empty rows to measure, and the lines only take their place when the frame is written.
 */
export function App({ screen, interactive }: { readonly screen: Screen; readonly interactive: boolean }) {
  const lines = useSyncExternalStore(screen.subscribe, screen.lines);
  useInput(
    (text, key) => {
      for (const pressed of keysOf(text, key)) screen.press(pressed);
    },
    { isActive: interactive },
  );
  if (lines.length === 0) return null;
  return (
    // The lines of now: those of the last frame may be too long for a terminal that has become smaller.
    <Transform transform={(_, row) => screen.lines()[row] ?? ''}>
      {Array(lines.length).fill(' ').join('\n')}
    </Transform>
  );
}
