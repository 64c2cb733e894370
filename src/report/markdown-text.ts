import { visibleLine } from '../console/visible-text.ts';

/**
 * Text of one line that means itself in GitHub-flavoured Markdown, in a cell of a table too: bars, tags, links,
 * images, code and emphasis by stars are escaped.
 */
export function markdownText(text: string): string {
  return visibleLine(text).replace(/[\\|<[*`]/g, '\\$&');
}
