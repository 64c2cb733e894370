import { Box, Text, useInput } from 'ink';
import { useSyncExternalStore } from 'react';
import type { Key } from './view.ts';

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

interface InkKey {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly pageUp: boolean;
  readonly pageDown: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
  readonly tab: boolean;
  readonly shift: boolean;
  readonly ctrl: boolean;
  readonly meta: boolean;
}

/** Text that was pasted or typed fast arrives in one piece; each character becomes a key. */
export function keysOf(text: string, key: InkKey): readonly Key[] {
  if (key.ctrl) return text === 'c' ? [{ name: 'interrupt' }] : text === 'z' ? [{ name: 'suspend' }] : [];
  if (key.tab) return [{ name: key.shift ? 'shift-tab' : 'tab' }];
  if (key.upArrow) return [{ name: 'up' }];
  if (key.downArrow) return [{ name: 'down' }];
  if (key.leftArrow) return [{ name: 'left' }];
  if (key.rightArrow) return [{ name: 'right' }];
  if (key.pageUp) return [{ name: 'page-up' }];
  if (key.pageDown) return [{ name: 'page-down' }];
  if (key.return) return [{ name: 'enter' }];
  if (key.escape) return [{ name: 'escape' }];
  if (key.backspace || key.delete) return [{ name: 'backspace' }];
  if (key.meta) return [];
  return Array.from(text, (character): Key => {
    if (character === '\u0003') return { name: 'interrupt' };
    if (character === '\t') return { name: 'tab' };
    if (character === '\r' || character === '\n') return { name: 'enter' };
    return { name: 'text', text: character };
  });
}
