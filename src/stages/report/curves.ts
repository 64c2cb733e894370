import { Type } from '@sinclair/typebox';
import { port, StageError } from '../../runtime/stage.ts';
import {
  clashError,
  listOf,
  meanOverNames,
  meanOverParameter,
  requireAxes,
  requireName,
  requireValues,
  rowsToReport,
  unplacedAxes,
} from './shared/columns.ts';
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
  version: 1,
  summary:
    'Line charts in panels, as figure 4 of Guo et al. 2018: accuracy over strength, one line a defense',
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
    title: Type.String({ default: '', description: 'written above the panels' }),
    xLabel: Type.Optional(Type.String({ description: 'default: the name of x' })),
    yLabel: Type.Optional(Type.String({ description: 'default: the name of y' })),
    clean: Type.Union([Type.Boolean(), Type.Number()], {
      default: true,
      description:
        'dotted line: a height in the unit of y, or true for the input `clean`, else `cleanAccuracy`, else the point at x = 0',
    }),
    pngScale: Type.Number({
      default: 2,
      minimum: 0.5,
      maximum: 8,
      description: 'pixels of the PNG for each pixel of the SVG',
    }),
  },
  example: { x: 'strength' },
  in: { scores, clean },
  names: {
    x: { names: 'axis or number', of: 'scores' },
    y: { names: 'number', of: 'scores' },
    panel: { names: 'axis', of: 'scores' },
    series: { names: 'axis', of: 'scores' },
    meanOver: meanOverNames,
  },
  places: ['x', 'panel', 'series'],
  libraries: ['sharp'],
  async draw(inputs, params) {
    const { axisNames, scoreRows, valueNames } = await import('../../report/rows.ts');
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
    const curves = curvesFromRows(rows, {
      x: params.x,
      y: params.y,
      panel,
      series,
      title: params.title,
      clean: params.clean,
      ...(params.xLabel === undefined ? {} : { xLabel: params.xLabel }),
      ...(params.yLabel === undefined ? {} : { yLabel: params.yLabel }),
      ...(inputs.clean === undefined
        ? {}
        : { cleanRows: meanOver(scoreRows(inputs.clean), listOf(params.meanOver)) }),
    });
    if ('clash' in curves) throw clashError(curves.clash.first, curves.clash.second, 'panel or series');
    const { drawCurves } = await import('../../report/curves.ts');
    const { rowsToCsv, rowsToJson } = await import('../../report/table.ts');
    const { svgToPng } = await import('../../report/raster.ts');
    const svg = drawCurves(curves);
    const files = {
      svg,
      png: new Uint8Array(await svgToPng(svg, params.pngScale)),
      csv: rowsToCsv(rows),
      json: rowsToJson(rows),
    };
    return { title: params.title, files };
  },
});
