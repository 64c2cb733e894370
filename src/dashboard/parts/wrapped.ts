import { span, textColumns } from './theme.ts';
import type { Line, Style } from './theme.ts';

/**
 * Breaks lines at spaces. Words longer than a line are cut into pieces without marks, so that a path can be
 * copied whole.
 */
export function wrapped(text: string, columns: number, style: Style, indent: string): readonly Line[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<= )/)) {
    if (textColumns(line + word.trimEnd()) <= columns) {
      line += word;
      continue;
    }
    if (line.trim() !== '') lines.push(line.trimEnd());
    line = (lines.length === 0 ? '' : indent) + word;
    while (textColumns(line) > columns && columns > indent.length + 4) {
      lines.push(line.slice(0, columns));
      line = indent + line.slice(columns);
    }
  }
  if (line.trim() !== '' || lines.length === 0) lines.push(line.trimEnd());
  return lines.map((content) => [span(content, style)]);
}
