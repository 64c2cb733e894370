import { Box } from 'ink';
import { memo } from 'react';
import { renderLine, span, textColumns, type Line, type Theme } from '../inline/theme.ts';
import { TerminalLine } from './line.tsx';

export interface PaneProps {
  readonly number: number;
  readonly title: string;
  readonly isFocused: boolean;
  readonly width: number;
  readonly height: number;
  readonly lines: readonly Line[];
  readonly theme: Theme;
}

/** A part of the screen below its title, cut to its size. */
export const Pane = memo(function Pane({ number, title, isFocused, width, height, lines, theme }: PaneProps) {
  const shown = lines.slice(0, Math.max(0, height - 1));
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden">
      <TerminalLine text={renderLine(titleLine(number, title, isFocused, width, theme), width, theme)} />
      {shown.map((line, row) => (
        <TerminalLine key={row} text={renderLine(line, width, theme)} />
      ))}
    </Box>
  );
});

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
