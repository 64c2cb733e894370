import type { CurvePoint } from './curves-data.ts';
import type { PanelLayout } from './curves-layout.ts';
import type { SeriesLook } from './palette.ts';
import { position } from './scale.ts';
import { element, shortNumber } from './svg.ts';

const markerPaths: Readonly<Record<Exclude<SeriesLook['marker'], 'circle'>, string>> = {
  square: 'M-2.9 -2.9H2.9V2.9H-2.9Z',
  triangle: 'M0 -3.9L3.6 2.6H-3.6Z',
  'triangle-down': 'M0 3.9L3.6 -2.6H-3.6Z',
  diamond: 'M0 -4.1L4.1 0L0 4.1L-4.1 0Z',
  cross: 'M-3 -3L3 3M-3 3L3 -3',
  plus: 'M-3.8 0H3.8M0 -3.8V3.8',
  pentagon: 'M0 -3.8L3.6 -1.2L2.2 3.1H-2.2L-3.6 -1.2Z',
};

/** The filled marker of a measured point. */
export function marker(
  look: SeriesLook,
  x: number,
  y: number,
  data: Readonly<Record<string, string>>,
): string {
  const open = look.marker === 'cross' || look.marker === 'plus';
  const paint = open
    ? { fill: 'none', stroke: look.colour, 'stroke-width': 1.8 }
    : { fill: look.colour, stroke: '#ffffff', 'stroke-width': 0.7 };
  if (look.marker === 'circle') return element('circle', { cx: x, cy: y, r: 3.4, ...paint, ...data });
  const transform = `translate(${shortNumber(x)} ${shortNumber(y)})`;
  return element('path', { d: markerPaths[look.marker], transform, ...paint, ...data });
}

/**
 * The open marker of a published point, larger than the filled one, so that both are seen at one place. Crosses, which
 * have no inside, stand in a ring.
 */
export function openMarker(
  look: SeriesLook,
  x: number,
  y: number,
  data: Readonly<Record<string, string>>,
): string {
  const paint = { fill: 'none', stroke: look.colour, 'stroke-width': 1.1 };
  const ring = element('circle', { cx: x, cy: y, r: 5, ...paint, ...data });
  if (look.marker === 'circle') return ring;
  if (look.marker === 'cross' || look.marker === 'plus') {
    const transform = `translate(${shortNumber(x)} ${shortNumber(y)}) scale(0.9)`;
    return ring + element('path', { d: markerPaths[look.marker], transform, ...paint });
  }
  const transform = `translate(${shortNumber(x)} ${shortNumber(y)}) scale(1.55)`;
  return element('path', { d: markerPaths[look.marker], transform, ...paint, 'stroke-width': 0.75, ...data });
}

/** The interval of a point as a bar with ends; nothing if the point has none. */
export function errorBar(
  { low, high }: Pick<CurvePoint, 'low' | 'high'>,
  x: number,
  panel: PanelLayout,
  look: SeriesLook,
  dash?: string,
): string {
  if (low === undefined || low === null || !Number.isFinite(low)) return '';
  if (high === undefined || high === null || !Number.isFinite(high)) return '';
  const top = shortNumber(position(panel.y, high));
  const bottom = shortNumber(position(panel.y, low));
  const [from, to] = [shortNumber(x - 2.5), shortNumber(x + 2.5)];
  const d = `M${from} ${top}H${to}M${shortNumber(x)} ${top}V${bottom}M${from} ${bottom}H${to}`;
  return element('path', {
    d,
    fill: 'none',
    stroke: look.colour,
    'stroke-width': 0.9,
    opacity: 0.65,
    'stroke-dasharray': dash,
  });
}

/** The intervals of a line as a band behind it, interrupted where a point has none. */
export function intervalBand(points: readonly CurvePoint[], panel: PanelLayout, look: SeriesLook): string {
  const bands: { readonly x: number; readonly low: number; readonly high: number }[][] = [[]];
  for (const { x, y, low, high } of points) {
    if (typeof low === 'number' && typeof high === 'number' && typeof y === 'number' && Number.isFinite(x))
      bands.at(-1)!.push({
        x: position(panel.x, x),
        low: position(panel.y, low),
        high: position(panel.y, high),
      });
    else bands.push([]);
  }
  return bands
    .filter((band) => band.length > 1)
    .map((band) => {
      const there = band.map(({ x, high }) => `${shortNumber(x)} ${shortNumber(high)}`);
      const back = band.toReversed().map(({ x, low }) => `${shortNumber(x)} ${shortNumber(low)}`);
      return element('path', {
        d: `M${[...there, ...back].join('L')}Z`,
        fill: look.colour,
        opacity: 0.15,
      });
    })
    .join('');
}

/**
 * How far to the right of its place each series of a panel is drawn, so that bars at one place stand side by side: at most a third of the least
 * distance between two places, all series together.
 */
export function dodges(panel: PanelLayout): readonly number[] {
  const { series } = panel.content;
  const places = series.map(({ points }) => points.map(({ x }) => position(panel.x, x)));
  const all = [...new Set(places.flat())].sort((one, other) => one - other);
  const isShared = all.length < places.flat().length;
  if (series.length < 2 || !isShared) return series.map(() => 0);
  const least = Math.min(...all.slice(1).map((place, index) => place - all[index]!), 60);
  const step = Math.min(3, least / 3 / (series.length - 1));
  return series.map((_, index) => (index - (series.length - 1) / 2) * step);
}
