import { Box, Text, useInput } from 'ink';
import { useSyncExternalStore } from 'react';
import { keysOf, type Key } from '../parts/keys.ts';

/** The screen that the component shows: it provides lines of terminal text, and receives keys. */
export interface Screen {
  readonly subscribe: (listener: () => void) => () => void;
  /** Returns the same array until something changes. */
  readonly lines: () => readonly string[];
  readonly press: (key: Key) => void;
}

/**
 * Shows the lines of a screen. All state and the clock are outside. `interactive` is false if stdin is not a
 * terminal.
 */
export function App({ screen, interactive }: { readonly screen: Screen; readonly interactive: boolean }) {
  const lines = useSyncExternalStore(screen.subscribe, screen.lines);
  useInput(
    (text, key) => {
      for (const pressed of keysOf(text, key)) screen.press(pressed);
    },
    { isActive: interactive },
  );
  return (
    <Box flexDirection="column">
      {lines.map((line, row) => (
        <Text key={row} wrap="truncate">
          {line === '' ? ' ' : line}
        </Text>
      ))}
    </Box>
  );
}
