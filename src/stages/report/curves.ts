import { Type } from '@sinclair/typebox';
import { port, StageError } from '../../runtime/stage.ts';
import {
  clashError,
  labelProblems,
  labelsParameter,
  listOf,
  meanOverNames,
  meanOverParameter,
  requireAxes,
  requireName,
  requireValues,
  rowsToReport,
  unplacedAxes,
} from './shared/columns.ts';
import {
  checkPublishedFile,
  placed,
  publishedParameter,
  readPublishedFile,
  requirePublishedNames,
  unusedWarning,
} from './shared/published-file.ts';
import { reportStage } from './shared/report-stage.ts';

const axes = (description: string) =>
  Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 8 })], { description }));

// Ports are declared apart, so that TypeScript distinguishes `list: true` from `list: boolean`.
const scores = port('metrics', {
  list: true,
  description: 'scores with their axes: `{ from: scores, collect: all }`',
});
const clean = port('metrics', {
  list: true,
  optional: true,
  description: 'scores on clean images, for the dotted line',
});

export const curvesStage = reportStage({
  uses: 'report/curves',
  version: 5,
  summary:
    'Line charts in panels, as figure 4 of Guo et al. 2018: accuracy over strength, one line a defense; as SVG, PDF and PNG',
  with: {
    x: Type.String({
      description: 'axis (`strength`) or achieved number (`dissimilarity`) on the horizontal axis',
    }),
    y: Type.String({
      default: 'accuracy',
      description: 'number on the vertical axis; its interval becomes error bars',
    }),
    panel: axes('axis, or list of axes, with one panel for each label'),
    series: axes('axis, or list of axes, with one line for each label'),
    ...meanOverParameter,
    ...publishedParameter,
    title: Type.String({ default: '', description: 'written above the panels' }),
    ...labelsParameter,
    xLabel: Type.Optional(Type.String({ description: 'default: the quantity of x and its unit' })),
    yLabel: Type.Optional(Type.String({ description: 'default: the quantity of y and its unit' })),
    intervals: Type.Union([Type.Literal('bars'), Type.Literal('bands'), Type.Literal('none')], {
      default: 'bars',
      description: 'how intervals are drawn; bars at one place stand side by side',
    }),
    width: Type.Optional(
      Type.Number({
        unit: 'inches',
        minimum: 2,
        maximum: 20,
        description: 'inches; 3.25 is a column of a paper with two columns; default: by the number of panels',
      }),
    ),
    panelsPerRow: Type.Optional(
      Type.Integer({
        unit: 'panels',
        minimum: 1,
        maximum: 8,
        description: 'default: 3, and 2 for four panels',
      }),
    ),
    footer: Type.Union([Type.Boolean(), Type.String({ maxLength: 200 })], {
      default: true,
      description:
        'small line below: true for the number of images, what the intervals are and the backend; a text; or false for none',
    }),
    clean: Type.Union([Type.Boolean(), Type.Number({ unit: 'unit of y' })], {
      default: true,
      description:
        'dotted line: a height in the unit of y, or true for the input `clean`, else `cleanAccuracy`, else the point at x = 0',
    }),
    pngScale: Type.Number({
      unit: 'factor',
      default: 2,
      minimum: 0.5,
      maximum: 8,
      description: 'pixels of the PNG for each pixel of the SVG',
    }),
  },
  example: { x: 'strength' },
  formats: ['svg', 'pdf', 'png', 'csv', 'json'],
  in: { scores, clean },
  names: {
    x: { names: 'axis or number', of: 'scores' },
    y: { names: 'number', of: 'scores' },
    panel: { names: 'axis', of: 'scores' },
    series: { names: 'axis', of: 'scores' },
    meanOver: meanOverNames,
  },
  places: ['x', 'panel', 'series'],
  prints: { backend: true, axes: ['series'] },
  check: ({ labels }) => labelProblems(labels),
  libraries: ['sharp'],
  files: {
    async paths({ published, y }, resolve) {
      if (published === undefined) return [];
      await readPublishedFile(resolve(published), [y]);
      return [resolve(published)];
    },
    check: ({ published, x, y, panel, series, meanOver }, inputs, read) =>
      checkPublishedFile(published, [y], inputs, read, listOf(meanOver), (varying, { axes }) =>
        requiredAxes(varying, axes, x, [...listOf(panel), ...listOf(series)]),
      ),
  },
  async draw(inputs, params, warn, resolve, printed) {
    const { axisNames, scoreRows, valueNames, varyingAxes } = await import('../../report/rows.ts');
    const { meanOver } = await import('../../report/mean-over.ts');
    const rows = rowsToReport(inputs.scores, params.meanOver);
    const [panel, series] = [listOf(params.panel), listOf(params.series)];
    requireName('x', params.x, 'an axis or a number', [...axisNames(rows), ...valueNames(rows)]);
    requireValues(rows, 'y', [params.y]);
    requireAxes(rows, 'panel', panel);
    requireAxes(rows, 'series', series);
    if (!axisNames(rows).includes(params.x)) {
      // A line over an achieved number follows one axis, the strength; with two axes it would zigzag.
      const unplaced = unplacedAxes(rows, [...panel, ...series]);
      if (unplaced.length > 1) {
        const names = unplaced.map((axis) => `'${axis}'`).join(', ');
        throw new StageError(`a line over '${params.x}' can follow one axis, but ${names} all vary`, {
          fix: 'add all but one of them to panel or series, or select one label with where',
        });
      }
    }
    const { curvesFromRows } = await import('../../report/curves-from-rows.ts');
    const path = params.published === undefined ? undefined : resolve(params.published);
    const published = path === undefined ? undefined : await readPublishedFile(path, [params.y]);
    if (path !== undefined && published !== undefined) {
      const required = requiredAxes(varyingAxes(rows), published.axes, params.x, [...panel, ...series]);
      requirePublishedNames(published, rows, path, required);
    }
    const recipe = {
      x: params.x,
      y: params.y,
      panel,
      series,
      title: params.title,
      clean: params.clean,
      axes: printed.axes,
      ...(params.labels && { labels: params.labels }),
      ...(params.xLabel === undefined ? {} : { xLabel: params.xLabel }),
      ...(params.yLabel === undefined ? {} : { yLabel: params.yLabel }),
      ...(inputs.clean === undefined
        ? {}
        : { cleanRows: meanOver(scoreRows(inputs.clean), listOf(params.meanOver)) }),
      ...(published === undefined ? {} : { published: published.rows }),
    };
    const curves = placed(path ?? '', () => curvesFromRows(rows, recipe));
    if ('clash' in curves) throw clashError(curves.clash.first, curves.clash.second, 'panel or series');
    const unused = published && unusedWarning(published, curves.used.length, params.published!);
    if (unused !== undefined) warn(unused);
    const { publishedRecords } = await import('../../report/curves-published.ts');
    const records = [...rows, ...publishedRecords(curves.used, params, rows)];
    const { drawCurves } = await import('../../report/curves.ts');
    const { svgToPdf } = await import('../../report/pdf.ts');
    const { footerOf } = await import('../../report/footer.ts');
    const { rowsToCsv, rowsToJson } = await import('../../report/table.ts');
    const { svgToPng } = await import('../../report/raster.ts');
    const { width, panelsPerRow, footer } = params;
    const below =
      typeof footer === 'string' ? footer : footer ? footerOf(rows, [params.y], printed.backend) : '';
    const svg = drawCurves({
      ...curves,
      intervals: params.intervals,
      dodge: true,
      ...(width !== undefined && { width: width * 96 }),
      ...(panelsPerRow !== undefined && { panelsPerRow }),
      ...(below !== '' && { footer: below }),
    });
    const files = {
      svg,
      pdf: svgToPdf(svg),
      png: new Uint8Array(await svgToPng(svg, params.pngScale)),
      csv: rowsToCsv(records),
      json: rowsToJson(records),
    };
    return { title: params.title, files };
  },
});

/**
 * The axes on which a published number needs a label or an empty field: all that vary, but only those of panels and
 * lines if the file gives the number x itself.
 */
function requiredAxes(
  varying: readonly string[],
  columns: readonly { readonly name: string }[],
  x: string,
  placed: readonly string[],
): readonly string[] {
  const givesNumber = !varying.includes(x) && columns.some(({ name }) => name === x);
  return givesNumber ? varying.filter((axis) => placed.includes(axis)) : varying;
}
