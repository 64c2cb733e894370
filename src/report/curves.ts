import type { Curves, CurveSeries } from './curves-data.ts';
import { layoutCurves, sizes } from './curves-layout.ts';
import type { CurvesLayout, PanelLayout } from './curves-layout.ts';
import { dodges, errorBar, intervalBand, marker } from './curves-marks.ts';
import { drawPublished, drawSpans, publishedLegendEntry } from './draw-published.ts';
import type { SeriesLook } from './palette.ts';
import { position } from './scale.ts';
import { looksOf } from './series-looks.ts';
import { element, escapeXml, fitText, shortNumber } from './svg.ts';

/**
 * Draws line charts in panels, after figure 4 of Guo et al. 2018: one line per series, the same look in every
 * panel, error bars if intervals are known, a dotted line at the clean accuracy, and published numbers as open markers on
 * dashed lines or as bands. Returns a complete SVG document of fixed size in pixels (96 to the inch), with a title and a description for screen readers.
 */
export function drawCurves(curves: Curves): string {
  const layout = layoutCurves(curves);
  const { width, height } = layout;
  const names = layout.legend.map((entry) => entry.name);
  const looks = looksOf(names, curves);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${shortNumber(width)}" height="${shortNumber(height)}" `,
    `viewBox="0 0 ${shortNumber(width)} ${shortNumber(height)}" role="img" `,
    `font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif" font-size="${sizes.text}" fill="#222222">\n`,
    element('title', {}, escapeXml(curves.title || `${curves.yLabel} over ${curves.xLabel}`)),
    element('desc', {}, escapeXml(describe(curves))),
    '\n',
    element('rect', { width, height, fill: '#ffffff' }),
    '\n',
    drawTitle(curves.title, layout),
    ...layout.panels.map((panel) => drawPanel(panel, layout, curves, looks)),
    drawLegend(layout, looks),
    drawFooter(curves.footer, layout),
    '</svg>\n',
  ].join('');
}

function describe(curves: Curves): string {
  const panels = curves.panels.map((panel) => panel.title).filter((title) => title !== '');
  return `${curves.yLabel} over ${curves.xLabel}${panels.length > 0 ? `; panels: ${panels.join(', ')}` : ''}`;
}

function drawTitle(title: string, { width }: CurvesLayout): string {
  if (title === '') return '';
  const text = escapeXml(fitText(title, width - 16, sizes.title));
  const attributes = {
    x: width / 2,
    y: 20,
    'text-anchor': 'middle',
    'font-size': sizes.title,
    'font-weight': 'bold',
  };
  return `${element('text', attributes, text)}\n`;
}

function drawFooter(footer: string | undefined, { width, height }: CurvesLayout): string {
  if (footer === undefined) return '';
  const text = escapeXml(fitText(footer, width - 16, sizes.footer));
  return `${element('text', { x: width - 8, y: height - 7, 'text-anchor': 'end', 'font-size': sizes.footer, fill: '#555555' }, text)}\n`;
}

function drawPanel(
  panel: PanelLayout,
  layout: CurvesLayout,
  curves: Curves,
  looks: ReadonlyMap<string, SeriesLook>,
): string {
  const { content } = panel;
  const parts = [drawAxes(panel, layout, curves), drawSpans(panel, looks), drawCleanLine(panel)];
  const shifts = curves.dodge === true && curves.intervals !== 'bands' ? dodges(panel) : [];
  for (const [index, series] of content.series.entries())
    parts.push(
      drawSeries(series, panel, looks.get(series.name)!, curves.intervals ?? 'bars', shifts[index] ?? 0),
    );
  for (const series of content.published ?? [])
    parts.push(drawPublished(series, panel, looks.get(series.name)!));
  const { left, top, right } = panel;
  const heading = element(
    'text',
    { x: (left + right) / 2, y: top - 7, 'text-anchor': 'middle', 'font-size': sizes.panelTitle },
    escapeXml(fitText(content.title, right - left + 20, sizes.panelTitle)),
  );
  return `${element('g', { class: 'panel', 'data-panel': content.title }, heading, ...parts)}\n`;
}

function drawAxes(panel: PanelLayout, layout: CurvesLayout, curves: Curves): string {
  const { left, right, top, bottom, x, y } = panel;
  const parts: string[] = [];
  for (const tick of layout.yTicks) {
    const at = position(y, tick.at);
    parts.push(
      element('line', { x1: left, x2: right, y1: at, y2: at, stroke: '#e4e4e4', 'stroke-width': 0.75 }),
    );
    if (panel.showYTicks) {
      parts.push(
        element(
          'text',
          { x: left - 6, y: at + 3.5, 'text-anchor': 'end', 'font-size': sizes.tick },
          escapeXml(tick.label),
        ),
      );
    }
  }
  for (const tick of layout.xTicks) {
    const at = position(x, tick.at);
    parts.push(
      element('line', {
        x1: at,
        x2: at,
        y1: bottom,
        y2: bottom + 4,
        stroke: '#444444',
        'stroke-width': 0.75,
      }),
    );
    if (!panel.showXTicks) continue;
    const turned = layout.turnXTicks;
    const where = turned
      ? {
          transform: `translate(${shortNumber(at + 3)} ${shortNumber(bottom + 13)}) rotate(-35)`,
          'text-anchor': 'end',
        }
      : { x: at, y: bottom + 15, 'text-anchor': 'middle' };
    parts.push(element('text', { ...where, 'font-size': sizes.tick }, escapeXml(tick.label)));
  }
  const frame = `M${shortNumber(left)} ${shortNumber(top)}V${shortNumber(bottom)}H${shortNumber(right)}`;
  parts.push(element('path', { d: frame, fill: 'none', stroke: '#444444', 'stroke-width': 1 }));
  if (panel.showXTicks) {
    const label = escapeXml(fitText(curves.xLabel, right - left + 24, sizes.text));
    const at = bottom + layout.xTickHeight + 15;
    parts.push(element('text', { x: (left + right) / 2, y: at, 'text-anchor': 'middle' }, label));
  }
  if (panel.showYTicks) {
    const label = escapeXml(fitText(curves.yLabel, bottom - top + 24, sizes.text));
    const transform = `translate(${shortNumber(left - layout.yTickWidth - 14)} ${shortNumber((top + bottom) / 2)}) rotate(-90)`;
    parts.push(element('text', { transform, 'text-anchor': 'middle' }, label));
  }
  return parts.join('');
}

function drawCleanLine(panel: PanelLayout): string {
  const { clean } = panel.content;
  return clean === undefined || clean === null || !Number.isFinite(clean)
    ? ''
    : cleanLine(clean, panel, '#444444');
}

function cleanLine(clean: number, { left, right, y }: PanelLayout, colour: string): string {
  const at = position(y, clean);
  return element('line', {
    class: 'clean',
    x1: left,
    x2: right,
    y1: at,
    y2: at,
    stroke: colour,
    'stroke-width': 1.2,
    'stroke-dasharray': '1.5 3',
    'data-clean': String(clean),
  });
}

function drawSeries(
  series: CurveSeries,
  panel: PanelLayout,
  look: SeriesLook,
  intervals: NonNullable<Curves['intervals']>,
  shift: number,
): string {
  const bars: string[] = intervals === 'bands' ? [intervalBand(series.points, panel, look)] : [];
  const marks: string[] = [];
  let path = '';
  let connected = false;
  for (const point of series.points) {
    if (point.y === null || !Number.isFinite(point.y) || !Number.isFinite(point.x)) {
      connected = false;
      continue;
    }
    const x = position(panel.x, point.x) + shift;
    const y = position(panel.y, point.y);
    path += `${connected ? 'L' : 'M'}${shortNumber(x)} ${shortNumber(y)}`;
    connected = true;
    if (intervals === 'bars') bars.push(errorBar(point, x, panel, look));
    const { low, high } = point;
    const ends =
      typeof low === 'number' && typeof high === 'number'
        ? { 'data-low': String(low), 'data-high': String(high) }
        : {};
    marks.push(marker(look, x, y, { 'data-x': String(point.x), 'data-y': String(point.y), ...ends }));
  }
  const line = {
    d: path,
    fill: 'none',
    stroke: look.colour,
    'stroke-width': 1.6,
    'stroke-linejoin': 'round',
  };
  return element(
    'g',
    { class: 'series', 'data-series': series.name },
    series.clean === undefined ? '' : cleanLine(series.clean, panel, look.colour),
    ...bars,
    path === '' ? '' : element('path', { ...line, 'stroke-dasharray': look.dash }),
    ...marks,
  );
}

/** Legend of all series and the clean line, below the panels. */
function drawLegend(layout: CurvesLayout, looks: ReadonlyMap<string, SeriesLook>): string {
  const parts: string[] = [];
  for (const entry of [...layout.legend, ...layout.cleanLegend]) {
    if (entry.label === '') continue;
    const look = looks.get(entry.name);
    const { x, y } = entry;
    const dash = entry.clean ? '1.5 3' : look!.dash;
    const stroke = entry.clean ? '#444444' : look!.colour;
    parts.push(
      element('line', {
        x1: x,
        x2: x + 26,
        y1: y,
        y2: y,
        stroke,
        'stroke-width': 1.6,
        'stroke-dasharray': dash,
      }),
    );
    if (!entry.clean) parts.push(marker(look!, x + 13, y, {}));
    parts.push(element('text', { x: x + 32, y: y + 4 }, escapeXml(entry.label)));
  }
  parts.push(...layout.publishedLegend.map(publishedLegendEntry));
  return `${element('g', { class: 'legend' }, ...parts)}\n`;
}
