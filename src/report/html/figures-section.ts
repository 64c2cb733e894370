import { isRadius, readableRadius } from '../../values/readable-number.ts';
import { CsvError, readCsv } from '../csv-records.ts';
import type { Attachments } from './attachments.ts';
import { html, table, text } from './elements.ts';
import { galleryBlock } from './gallery-section.ts';
import { inlineSvg } from './inline-svg.ts';
import type { ReportFigure } from './run-report.ts';

/** Rows of the numbers of a figure that are shown below it; its CSV has all of them. */
const shownNumbers = 200;

/** Every figure and table of the run, in the order of the pipeline. */
export function figuresSection(figures: readonly ReportFigure[], attachments: Attachments): string {
  if (figures.length === 0) return '';
  return html(
    'section',
    { id: 'figures' },
    html('h2', {}, 'Figures and tables'),
    ...figures.map((figure) => figureBlock(figure, attachments)),
  );
}

/** A figure or table with its notes and downloads. */
export function figureBlock(figure: ReportFigure, attachments: Attachments): string {
  const { cell, title, image, csv, notes, gallery } = figure;
  const name = title === '' ? cell : title;
  const isDrawing = image?.type === 'image/svg+xml';
  const downloads = [
    ...(csv === null
      ? []
      : [{ what: 'CSV', name: `${cell}.csv`, type: 'text/csv;charset=utf-8', bytes: Buffer.from(csv) }]),
    // The script of a page gives the drawing that is in it, because a second copy would make the page twice as large.
    ...(isDrawing && !attachments.areInside
      ? [{ what: 'SVG', name: `${cell}.svg`, type: image.type, bytes: image.bytes }]
      : []),
  ];
  return html(
    'figure',
    {},
    html('h3', {}, text(name)),
    gallery !== null
      ? galleryBlock(cell, gallery, attachments)
      : image === null
        ? ''
        : pictureBlock(name, cell, image, attachments),
    figure.table === null ? numbersBlock(name, csv) : tableOf(name, figure.table, new Set(figure.bold)),
    ...notes.map((note) => html('p', { class: 'note' }, text(note))),
    html(
      'figcaption',
      {},
      html('code', { class: isDrawing && attachments.areInside ? 'drawn' : undefined }, text(cell)),
      ...downloads.map(
        ({ what, name: file, type, bytes }) =>
          ` · ${html('a', { href: attachments.address(fileName(file), type, bytes), download: fileName(file) }, `Download ${what}`)}`,
      ),
    ),
  );
}

function pictureBlock(
  name: string,
  cell: string,
  { type, bytes }: NonNullable<ReportFigure['image']>,
  attachments: Attachments,
): string {
  const drawing = type === 'image/svg+xml' ? inlineSvg(Buffer.from(bytes).toString('utf8'), name) : null;
  if (drawing !== null)
    return html('div', { class: drawing.hasPoints ? 'chart points' : 'chart' }, drawing.html);
  // An image of its own runs no script, whatever wrote it.
  const extension = type === 'image/png' ? 'png' : 'svg';
  return html(
    'div',
    { class: 'chart' },
    html('img', {
      src: attachments.address(fileName(`${cell}-figure.${extension}`), type, bytes),
      alt: `Figure: ${name}`,
    }),
  );
}

/** The numbers behind a drawing, for those who do not see it. */
function numbersBlock(name: string, csv: string | null): string {
  if (csv === null) return '';
  const rows = recordsOf(csv);
  if (rows === null || rows.length < 2) return '';
  const left = rows.length - 1 - shownNumbers;
  return html(
    'details',
    {},
    html('summary', {}, 'Its numbers'),
    tableOf(`Numbers of ${name}`, rows.slice(0, shownNumbers + 1)),
    left > 0 ? html('p', { class: 'note' }, `The CSV has ${left} more rows.`) : '',
  );
}

function recordsOf(csv: string): readonly (readonly string[])[] | null {
  try {
    const [heads = [], ...records] = readCsv(csv).map((record) => record.map(({ text }) => text));
    return [heads, ...records.map((record) => record.map((text, at) => shortNumber(heads[at] ?? '', text)))];
  } catch (error) {
    if (error instanceof CsvError) return null;
    throw error;
  }
}

/** A number with more digits than anybody reads, rounded to five; a radius as `8/255` if it is one. */
function shortNumber(name: string, field: string): string {
  if (!/^-?\d*\.\d{6,}$/.test(field)) return field;
  return isRadius(name) ? readableRadius(Number(field), 5) : String(Number(Number(field).toPrecision(5)));
}

/** A table of texts, the first row of which are the heads. `bold` are places as `row,column`. */
export function tableOf(
  caption: string,
  [heads = [], ...rows]: readonly (readonly string[])[],
  bold: ReadonlySet<string> = new Set(),
): string {
  const number = (field: string): number | undefined => {
    const found = /^-?\d+(?:\.\d+)?/.exec(field);
    return found === null ? undefined : Number(found[0]);
  };
  const columns = heads.map((head, index) => ({
    head,
    isNumber: rows.some((row) => number(row[index] ?? '') !== undefined),
  }));
  return table(
    caption,
    columns,
    rows.map((row, at) =>
      row.map((field, column) => {
        const shown = withQuietInterval(field);
        return {
          html: bold.has(`${at + 1},${column}`) ? html('strong', {}, shown) : shown,
          sort: number(field),
        };
      }),
    ),
    { isCaptionSpoken: true },
  );
}

/** `43.1 % [40.2, 46.1]` with its interval in a quiet colour, and free to go onto a line of its own. */
export function withQuietInterval(field: string): string {
  const [, value, interval, rest] = /^(\S+(?: %)?) (\[[^\]]{1,40}\])( .*)?$/.exec(field) ?? [];
  if (value === undefined || interval === undefined) return text(field);
  return `${text(value)} ${html('span', { class: 'interval' }, text(interval))}${rest === undefined ? '' : html('span', { class: 'beside' }, text(rest))}`;
}

function fileName(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '_').slice(-80);
}
