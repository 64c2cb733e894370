import type { CurvePanel, Curves } from './curves-data.ts';
import { finiteRange, niceDomain, ticks } from './scale.ts';
import type { Scale } from './scale.ts';
import { fitText, textWidth } from './svg.ts';

/** Sizes in pixels at 96 to the inch. Two panels fill a text column of 5.5 inches without scaling. */
export const sizes = {
  text: 11,
  tick: 10,
  footer: 9,
  title: 14,
  panelTitle: 12,
  plotWidth: 214,
  plotHeight: 160,
} as const;

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface PanelLayout {
  readonly content: CurvePanel;
  /** The plotting area. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: Scale;
  readonly y: Scale;
  /** Only the outer panels have numbers and axis titles. */
  readonly showXTicks: boolean;
  readonly showYTicks: boolean;
}

export interface LegendEntry {
  readonly name: string;
  readonly label: string;
  readonly clean: boolean;
  /** The entry of published numbers instead of a series: what is drawn of them. */
  readonly published?: { readonly points: boolean; readonly spans: boolean };
  readonly x: number;
  readonly y: number;
}

export interface CurvesLayout {
  readonly width: number;
  readonly height: number;
  readonly panels: readonly PanelLayout[];
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly xTickHeight: number;
  readonly yTickWidth: number;
  readonly turnXTicks: boolean;
  readonly legend: readonly LegendEntry[];
  readonly cleanLegend: readonly LegendEntry[];
  readonly publishedLegend: readonly LegendEntry[];
}

/**
 * Places panels in rows of at most three, all with the same two scales, so that heights can be compared
 * across panels.
 */
export function layoutCurves(curves: Curves): CurvesLayout {
  const count = Math.max(1, curves.panels.length);
  const columns = Math.min(count, curves.panelsPerRow ?? (count === 4 ? 2 : 3));
  const domains = commonDomains(curves);
  const yTicks = ticks(...domains.y, 5).map((at) => ({ at, label: String(at) }));
  const xTicks = curves.xTicks ?? ticks(...domains.x, 5).map((at) => ({ at, label: String(at) }));
  const widestTick = Math.max(0, ...xTicks.map((tick) => textWidth(tick.label, sizes.tick)));
  const yTickWidth = Math.max(0, ...yTicks.map((tick) => textWidth(tick.label, sizes.tick)));
  const marginLeft = yTickWidth + 32;
  const gapX = 22;
  const { plotWidth, plotHeight } = plotSize(
    curves,
    columns,
    marginLeft + 10 + widestTick / 2 + (columns - 1) * gapX,
  );
  const turnXTicks = widestTick + 6 > plotWidth / Math.max(1, xTicks.length);
  const shortTicks = turnXTicks
    ? xTicks.map((tick) => ({ ...tick, label: fitText(tick.label, 110, sizes.tick) }))
    : xTicks;
  const xTickHeight = turnXTicks ? 14 + Math.min(widestTick, 110) * 0.58 : 16;
  const titleHeight = curves.title === '' ? 6 : 30;
  const headingHeight = curves.panels.every((panel) => panel.title === '') ? 10 : 24;
  const marginRight = 10 + (turnXTicks ? 0 : widestTick / 2);
  const width = Math.max(
    curves.width ?? 260,
    marginLeft + columns * plotWidth + (columns - 1) * gapX + marginRight,
  );
  const panels: PanelLayout[] = [];
  let top = titleHeight + headingHeight;
  for (let first = 0; first < curves.panels.length; first += columns) {
    let rowHasXTicks = false;
    for (let column = 0; column < columns && first + column < curves.panels.length; column++) {
      const index = first + column;
      const left = marginLeft + column * (plotWidth + gapX);
      const showXTicks = index + columns >= curves.panels.length;
      rowHasXTicks ||= showXTicks;
      const [right, bottom] = [left + plotWidth, top + plotHeight];
      // A margin inside the frame keeps the markers of the first and last point off the axes.
      const x = { domain: domains.x, range: [left + 8, right - 8] as const };
      const y = { domain: domains.y, range: [bottom, top] as const };
      panels.push({
        content: curves.panels[index]!,
        left,
        right,
        top,
        bottom,
        x,
        y,
        showXTicks,
        showYTicks: column === 0,
      });
    }
    top += plotHeight + headingHeight + (rowHasXTicks ? xTickHeight + 18 : 10);
  }
  const legendTop = top - headingHeight + 16;
  const { entries, bottom } = placeLegend(curves, width, legendTop);
  return {
    width: Math.ceil(width),
    height: Math.ceil(bottom + 10 + (curves.footer === undefined ? 0 : footerHeight)),
    panels,
    xTicks: shortTicks,
    yTicks,
    xTickHeight,
    yTickWidth,
    turnXTicks,
    legend: entries.filter((entry) => !entry.clean && entry.published === undefined),
    publishedLegend: entries.filter((entry) => entry.published !== undefined),
    cleanLegend: entries.filter((entry) => entry.clean),
  };
}

/** Room for the line below the figure. */
export const footerHeight = 16;
/** Narrower panels have no room for their numbers. */
const narrowestPlot = 90;

/** The size of a plotting area; `around` is what else needs room in a row of panels. */
function plotSize(
  curves: Curves,
  columns: number,
  around: number,
): { readonly plotWidth: number; readonly plotHeight: number } {
  if (curves.width === undefined) {
    const single = columns === 1;
    return {
      plotWidth: sizes.plotWidth * (single ? 1.7 : 1),
      plotHeight: sizes.plotHeight * (single ? 1.5 : 1),
    };
  }
  const plotWidth = Math.max(narrowestPlot, (curves.width - around) / columns);
  return { plotWidth, plotHeight: Math.min(sizes.plotHeight * 1.5, Math.max(110, plotWidth * 0.7)) };
}

function commonDomains(curves: Curves): { x: readonly [number, number]; y: readonly [number, number] } {
  const xs: number[] = (curves.xTicks ?? []).map((tick) => tick.at);
  const ys: number[] = [];
  for (const panel of curves.panels) {
    if (typeof panel.clean === 'number') ys.push(panel.clean);
    for (const series of panel.series) {
      if (series.clean !== undefined) ys.push(series.clean);
      for (const point of series.points) {
        if (point.y === null || !Number.isFinite(point.y)) continue;
        xs.push(point.x);
        ys.push(point.y);
        if (typeof point.low === 'number') ys.push(point.low);
        if (typeof point.high === 'number') ys.push(point.high);
      }
    }
    for (const { points, spans } of panel.published ?? []) {
      xs.push(...points.map((point) => point.x));
      ys.push(...[...points, ...spans].flatMap(({ y, low, high }) => [y, low, high].filter(isNumber)));
    }
  }
  return { x: tightDomain(xs), y: curves.yDomain ?? niceDomain(ys, 5) };
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number';
}

/** The range of the points, so that the first and the last strength are at the ends of the axis. */
function tightDomain(values: readonly number[]): readonly [number, number] {
  const range = finiteRange(values);
  return range !== null && range[0] < range[1] ? range : niceDomain(values, 5);
}

function placeLegend(curves: Curves, width: number, top: number): { entries: LegendEntry[]; bottom: number } {
  const names = [...new Set(curves.panels.flatMap((panel) => panel.series.map((series) => series.name)))];
  const wanted: Omit<LegendEntry, 'x' | 'y'>[] = names.map((name) => ({
    name,
    label: fitText(name, width - 80, sizes.text),
    clean: false,
  }));
  const hasClean = curves.panels.some(
    ({ clean, series }) =>
      (typeof clean === 'number' && Number.isFinite(clean)) || series.some((one) => one.clean !== undefined),
  );
  if (hasClean) wanted.push({ name: '', label: 'clean images', clean: true });
  const drawn = curves.panels.flatMap((panel) => panel.published ?? []);
  const published = {
    points: drawn.some(({ points }) => points.length > 0),
    spans: drawn.some(({ spans }) => spans.length > 0),
  };
  for (const label of publishedLabels(curves))
    wanted.push({ name: '', label: fitText(label, width - 80, sizes.text), clean: false, published });
  const named = wanted.filter((entry) => entry.label !== '');
  const rows: { entries: typeof named; width: number }[] = [];
  for (const entry of named) {
    const size = 32 + textWidth(entry.label, sizes.text) + 16;
    const row = rows.at(-1);
    if (row !== undefined && row.width + size <= width - 16) {
      row.entries.push(entry);
      row.width += size;
    } else rows.push({ entries: [entry], width: size });
  }
  const entries: LegendEntry[] = [];
  for (const [index, row] of rows.entries()) {
    let x = (width - row.width + 16) / 2;
    for (const entry of row.entries) {
      entries.push({ ...entry, x, y: top + index * 18 });
      x += 32 + textWidth(entry.label, sizes.text) + 16;
    }
  }
  // A series without a name (the only line) needs a look, but no entry in the legend.
  for (const entry of wanted)
    if (!named.includes(entry)) entries.push({ ...entry, label: '', x: -100, y: -100 });
  return { entries, bottom: rows.length === 0 ? top - 10 : top + (rows.length - 1) * 18 + 4 };
}

/** A source is an entry of its own, up to a number that leaves room for the figure. */
function publishedLabels({ publishedIn }: Curves): readonly string[] {
  if (publishedIn === undefined) return [];
  if (publishedIn.length === 0) return ['published'];
  const shown = publishedIn.length > 4 ? publishedIn.slice(0, 3) : publishedIn;
  const rest = publishedIn.length - shown.length;
  return [
    ...shown.map((source) => `published: ${source}`),
    ...(rest > 0 ? [`published: ${rest} more sources`] : []),
  ];
}
