/** An element of a drawing with its attributes and what it contains. */
export interface SvgElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: (SvgElement | string)[];
}

/** The text in an element, without that of elements in it. */
export function textOf({ children }: SvgElement): string {
  return children.filter((child) => typeof child === 'string').join('');
}

const mostDepth = 12;

const names: ReadonlySet<string> = new Set(
  'svg g path rect circle ellipse line polyline polygon text tspan'.split(' '),
);
const numbers = /^[\d\s,.e+-]*$/i;
const paint = /^(?:#[\da-f]{3,8}|none|currentColor|[a-z]{3,20})$/i;
const word = /^[\w. -]{1,60}$/;
const attributes: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    'x y dx dy x1 x2 y1 y2 cx cy r rx ry width height viewBox points stroke-width stroke-dasharray stroke-dashoffset opacity fill-opacity stroke-opacity font-size'
      .split(' ')
      .map((name) => [name, numbers]),
  ),
  d: /^[\s,MLHVCSQTAZmlhvcsqtaz\d.e+-]*$/,
  transform: /^(?:\s*(?:translate|scale|rotate)\([\d\s,.e+-]*\))*\s*$/,
  fill: paint,
  stroke: paint,
  'stroke-linejoin': word,
  'stroke-linecap': word,
  'text-anchor': word,
  'font-weight': word,
  'font-style': word,
};
/** Classes by which the script finds the parts of a figure; others would take the look of the page. */
const classes: ReadonlySet<string> = new Set(['panel', 'series', 'published', 'clean', 'legend']);
const dropped: ReadonlySet<string> = new Set(['xmlns', 'role', 'font-family', 'version']);

/**
 * Reads an SVG document of shapes, groups, numbers and text. Null if it has anything else: a script, a link, a style, an image, a reference, or what
 * is not XML as our own figures write it. Attributes that do not matter are left out.
 */
export function parseSvg(document: string): SvgElement | null {
  const token = /<\?xml[^>]*\?>|<\/([a-z]+)\s*>|<([a-z]+)((?:\s+[\w:-]+\s*=\s*"[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  const stack: SvgElement[] = [];
  let root: SvgElement | null = null;
  while (token.lastIndex < document.length) {
    const at = token.lastIndex;
    const match = token.exec(document);
    if (match === null || (match[0].startsWith('<?') && at > 0)) return null;
    const [, closed, opened, attributeText = '', isEmpty, text] = match;
    const parent = stack.at(-1);
    if (text !== undefined) {
      const plain = plainText(text);
      if (plain === null || (parent === undefined && plain.trim() !== '')) return null;
      parent?.children.push(plain);
    } else if (closed !== undefined) {
      if (stack.pop()?.name !== closed) return null;
    } else if (opened !== undefined) {
      const given = readAttributes(attributeText);
      const isKnown = names.has(opened) || opened === 'title' || opened === 'desc';
      if (!isKnown || given === null || stack.length >= mostDepth) return null;
      const element = { name: opened, attributes: given, children: [] };
      if (parent !== undefined) parent.children.push(element);
      else if (root === null) root = element;
      else return null;
      if (isEmpty !== '/') stack.push(element);
    }
  }
  return stack.length === 0 ? root : null;
}

function readAttributes(text: string): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  for (const [, name, raw] of text.matchAll(/([\w:-]+)\s*=\s*"([^"]*)"/g)) {
    const value = plainText(raw!);
    if (value === null || found.has(name!)) return null;
    if (dropped.has(name!)) continue;
    if (name === 'class') {
      if (classes.has(value)) found.set('class', value);
      continue;
    }
    const isData = /^data-(?:x|y|low|high|clean)$/.test(name!);
    if (name === 'data-series' || name === 'data-panel') found.set(name, value);
    else if (isData || Object.hasOwn(attributes, name!)) {
      if (value !== '' && !(isData ? numbers : attributes[name!]!).test(value)) return null;
      if (value !== '') found.set(name!, value);
    } else return null;
  }
  return found;
}

const references: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

/** Text with its references resolved; null for one that is not known. */
function plainText(text: string): string | null {
  const found: readonly string[] = text.match(/&[^;\s]{0,12};?/g) ?? [];
  if (found.some((reference) => !Object.hasOwn(references, reference))) return null;
  return text.replaceAll(/&[^;\s]{0,12};?/g, (reference) => references[reference]!);
}
