import { Text } from 'ink';
import { memo } from 'react';

/** A line of terminal text. It is drawn again only if it changes. */
export const TerminalLine = memo(function TerminalLine({ text }: { readonly text: string }) {
  return <Text wrap="truncate">{text === '' ? ' ' : text}</Text>;
});
