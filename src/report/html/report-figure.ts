import type { Figure } from '../../values/figure.ts';
import { readMarkdownTable } from './markdown-table.ts';
import type { ReportFigure } from './run-report.ts';

/** The figure or table of a cell as a page shows it: its drawing or picture, or else its table. */
export function reportFigure(cell: string, { title, files }: Figure): ReportFigure {
  const { svg, png, md, csv } = files;
  const table =
    svg === undefined && png === undefined && md !== undefined ? readMarkdownTable(textOf(md)) : null;
  return {
    cell,
    title,
    image:
      svg !== undefined
        ? { type: 'image/svg+xml', bytes: svg }
        : png !== undefined
          ? { type: 'image/png', bytes: png }
          : null,
    gallery: null,
    table: table?.rows ?? null,
    bold: table?.bold ?? [],
    csv: csv === undefined ? null : textOf(csv),
    notes: table?.notes ?? [],
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
