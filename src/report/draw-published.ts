import type { PublishedSeries } from './curves-data.ts';
import type { LegendEntry, PanelLayout } from './curves-layout.ts';
import { errorBar, openMarker } from './curves-marks.ts';
import type { SeriesLook } from './palette.ts';
import { position } from './scale.ts';
import { element, escapeXml, shortNumber } from './svg.ts';

const dash = '3 2.5';
const legendLook: SeriesLook = { colour: '#555555', marker: 'circle', dash };

/** Published numbers for all x, below the lines: bands, or dashed lines if they are single heights. */
export function drawSpans(panel: PanelLayout, looks: ReadonlyMap<string, SeriesLook>): string {
  const spans = (panel.content.published ?? []).flatMap((series) =>
    series.spans.map((span) => ({ ...span, look: looks.get(series.name)!, name: series.name })),
  );
  // The dashes of equal bands take turns, so that each colour is seen.
  return spans
    .map((span, index) => {
      const { low, high, y, look } = span;
      const paint = {
        stroke: look.colour,
        'stroke-width': 0.9,
        'stroke-dasharray': `5 ${Math.max(3, 5 * (spans.length - 1))}`,
        'stroke-dashoffset': -5 * index,
      };
      const data = { class: 'published', 'data-series': span.name };
      if (typeof low === 'number' && typeof high === 'number') {
        const [top, bottom] = [position(panel.y, high), position(panel.y, low)];
        const [left, right] = [panel.left, panel.right];
        const lines = `M${shortNumber(left)} ${shortNumber(top)}H${shortNumber(right)}M${shortNumber(left)} ${shortNumber(bottom)}H${shortNumber(right)}`;
        return element(
          'g',
          { ...data, 'data-low': String(low), 'data-high': String(high) },
          element('rect', {
            x: left,
            y: top,
            width: right - left,
            height: bottom - top,
            fill: look.colour,
            opacity: 0.07,
          }),
          element('path', { d: lines, fill: 'none', ...paint }),
        );
      }
      if (typeof y !== 'number') return '';
      const at = position(panel.y, y);
      return element('line', {
        ...data,
        x1: panel.left,
        x2: panel.right,
        y1: at,
        y2: at,
        'data-y': String(y),
        ...paint,
      });
    })
    .join('');
}

/** Published points: open markers on a thin dashed line. */
export function drawPublished(series: PublishedSeries, panel: PanelLayout, look: SeriesLook): string {
  const marks: string[] = [];
  let path = '';
  for (const point of series.points) {
    const x = position(panel.x, point.x);
    marks.push(errorBar(point, x, panel, look, '1.5 1.5'));
    if (point.y === null || !Number.isFinite(point.y)) continue;
    const y = position(panel.y, point.y);
    path += `${path === '' ? 'M' : 'L'}${shortNumber(x)} ${shortNumber(y)}`;
    marks.push(openMarker(look, x, y, { 'data-x': String(point.x), 'data-y': String(point.y) }));
  }
  const line = { d: path, fill: 'none', stroke: look.colour, 'stroke-width': 0.9, 'stroke-dasharray': dash };
  return element(
    'g',
    { class: 'published', 'data-series': series.name },
    path.includes('L') ? element('path', line) : '',
    ...marks,
  );
}

/** An entry of the legend: an open marker on a dashed line, or a band, in grey, because it stands for all colours. */
export function publishedLegendEntry({ x, y, label, published }: LegendEntry): string {
  const { colour } = legendLook;
  const line = { x1: x, x2: x + 26, stroke: colour, 'stroke-width': 0.9, 'stroke-dasharray': dash };
  const lines = published?.points === true ? [y] : [y - 5, y + 5];
  const band = { x, y: y - 5, width: 26, height: 10, fill: colour, opacity: 0.12 };
  return [
    published?.spans === true ? element('rect', band) : '',
    ...lines.map((at) => element('line', { ...line, y1: at, y2: at })),
    published?.points === true ? openMarker(legendLook, x + 13, y, {}) : '',
    element('text', { x: x + 32, y: y + 4 }, escapeXml(label)),
  ].join('');
}
