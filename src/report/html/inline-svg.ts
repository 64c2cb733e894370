import { greyLevels } from '../../values/readable-number.ts';
import { parseSvg, type SvgElement, textOf } from '../svg-tree.ts';
import { escapeXml } from '../svg.ts';

/** Larger drawings stay images. */
const mostCharacters = 1_000_000;

/** The inks of our figures follow the page, so that they are seen on a dark one. */
const inks: Readonly<Record<string, string>> = {
  '#ffffff': 'var(--back)',
  '#222222': 'var(--text)',
  '#444444': 'var(--text)',
  '#000000': 'var(--text)',
  '#555555': 'var(--quiet)',
  '#e4e4e4': 'var(--line)',
};

/** A drawing as a part of the page: its SVG, the description that it gave of itself, and whether it has points to read values from. */
export interface InlineSvg {
  readonly html: string;
  readonly description: string;
  readonly hasPoints: boolean;
}

/**
 * Reads an SVG document element by element and writes it again, so that it can be a part of the page: shapes, text and numbers only. Null for
 * a document with anything else, such as a script, a link, a style or an image, which then stays an image of its own. A point with
 * `data-x` and `data-y` gets its values as a title, which browsers show without a script. The title in the
 * drawing is left out if it is the one that the page has above it.
 */
export function inlineSvg(document: string, title = ''): InlineSvg | null {
  if (document.length > mostCharacters) return null;
  const root = parseSvg(document);
  if (root === null || root.name !== 'svg' || !root.attributes.has('viewBox')) return null;
  const described: string[] = [];
  const state = { described, points: 0, title };
  const [, , width = '0', height = '0'] = root.attributes
    .get('viewBox')!
    .trim()
    .split(/[\s,]+/);
  const inside = root.children.map((child) => write(child, '', state)).join('');
  const description = described.join('. ');
  const attributes = Object.entries({
    viewBox: root.attributes.get('viewBox')!,
    width,
    height,
    role: 'img',
    'aria-label': description,
    'font-family': "Helvetica, Arial, 'DejaVu Sans', sans-serif",
    'font-size': root.attributes.get('font-size') ?? '11',
    fill: inkOf(root.attributes.get('fill') ?? '#222222'),
    style: `--width:${Number.parseFloat(width) || 0}`,
  }).map(([name, value]) => `${name}="${escapeXml(value)}"`);
  return { html: `<svg ${attributes.join(' ')}>${inside}</svg>`, description, hasPoints: state.points > 0 };
}

interface State {
  readonly described: string[];
  points: number;
  readonly title: string;
}

function write(node: SvgElement | string, series: string, state: State): string {
  if (typeof node === 'string') return escapeXml(node);
  const { name, attributes: given, children } = node;
  if (name === 'title' || name === 'desc') {
    const text = children
      .filter((child) => typeof child === 'string')
      .join('')
      .trim();
    if (text !== '' && !state.described.includes(text)) state.described.push(text);
    return '';
  }
  if (name === 'text' && given.get('font-weight') === 'bold' && textOf(node) === state.title) return '';
  const within = given.get('data-series') ?? series;
  const [x, y] = [given.get('data-x'), given.get('data-y')];
  const isPoint = x !== undefined && y !== undefined;
  if (isPoint) state.points++;
  const written = [...given].map(
    ([key, value]) => ` ${key}="${escapeXml(key === 'fill' || key === 'stroke' ? inkOf(value) : value)}"`,
  );
  const levels = isPoint ? greyLevels(Number(x)) : null;
  if (levels !== null) written.push(` data-x-label="${levels}"`);
  const title = isPoint
    ? `<title>${escapeXml(pointText(within, x, y, given.get('data-low'), given.get('data-high')))}</title>`
    : '';
  return `<${name}${written.join('')}>${title}${children.map((child) => write(child, within, state)).join('')}</${name}>`;
}

function pointText(series: string, x: string, y: string, low?: string, high?: string): string {
  const short = (value: string): string => String(Number(Number(value).toPrecision(4)));
  const interval = low === undefined || high === undefined ? '' : ` [${short(low)}, ${short(high)}]`;
  return `${series === '' ? '' : `${series}: `}${short(y)}${interval} at ${greyLevels(Number(x)) ?? short(x)}`;
}

function inkOf(value: string): string {
  return inks[value.toLowerCase()] ?? value;
}
