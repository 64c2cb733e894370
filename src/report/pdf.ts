import { deflateSync } from 'node:zlib';
import { parseSvg, type SvgElement, textOf } from './svg-tree.ts';
import { textRuns } from './pdf-fonts.ts';

/** Points of PDF (72 to the inch) for a pixel of SVG (96 to the inch). */
const scale = 0.75;

/**
 * Writes a drawing of `drawCurves` as a PDF of one page and the same size, with lines and letters that stay sharp at any size (ISO 32000-1). It
 * knows the elements and attributes that those drawings have. Letters are those of the standard fonts, which are not embedded. The same drawing
 * gives the same bytes. Throws `RangeError` for a document that is not such a drawing.
 */
export function svgToPdf(svg: string): Uint8Array {
  const root = parseSvg(svg);
  if (root === null)
    throw new RangeError('the drawing has elements or attributes that a PDF cannot take over');
  const [width, height] = ['width', 'height'].map((name) => Number(root.attributes.get(name)));
  const page = new Page(height!);
  page.draw(root, { fill: '#000000', fontSize: 11 });
  const alphas = [...page.alphas].map(
    (alpha) => `/G${Math.round(alpha * 1000)} << /ca ${alpha} /CA ${alpha} >>`,
  );
  const title = Buffer.from(textOf(root.children.find(isTitle) ?? root) || 'figure', 'utf16le')
    .swap16()
    .toString('hex');
  const fonts = ['Helvetica', 'Helvetica-Bold'].map(
    (name, index) =>
      `/F${index + 1} << /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`,
  );
  const content = deflateSync(Buffer.from(page.text, 'latin1'), { level: 9 });
  return fileOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${short(width! * scale)} ${short(height! * scale)}] /Contents 4 0 R /Resources << /Font << ${fonts.join(' ')} /F3 << /Type /Font /Subtype /Type1 /BaseFont /Symbol >> >> /ExtGState << ${alphas.join(' ')} >> >> >>`,
    Buffer.concat([
      Buffer.from(`<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n`, 'latin1'),
      content,
      Buffer.from('\nendstream', 'latin1'),
    ]),
    `<< /Title <feff${title}> /Producer (ravelin) >>`,
  ]);
}

function isTitle(child: SvgElement | string): child is SvgElement {
  return typeof child !== 'string' && child.name === 'title';
}

/** A PDF file of some objects, the first of which is the catalog and the last the information about the document. */
function fileOf(objects: readonly (string | Uint8Array)[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n', 'latin1')];
  const offsets: number[] = [];
  let length = parts[0]!.length;
  const add = (bytes: Uint8Array): void => {
    parts.push(bytes);
    length += bytes.length;
  };
  for (const [index, object] of objects.entries()) {
    offsets.push(length);
    add(Buffer.from(`${index + 1} 0 obj\n`, 'latin1'));
    add(typeof object === 'string' ? Buffer.from(object, 'latin1') : object);
    add(Buffer.from('\nendobj\n', 'latin1'));
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const count = objects.length + 1;
  const end = length;
  add(
    Buffer.from(
      `xref\n0 ${count}\n0000000000 65535 f \n${table}trailer\n<< /Size ${count} /Root 1 0 R /Info ${count - 1} 0 R >>\nstartxref\n${end}\n%%EOF\n`,
      'latin1',
    ),
  );
  return Buffer.concat(parts);
}

/** Properties that elements inherit from those around them. */
interface Style {
  readonly fill: string;
  readonly fontSize: number;
}

/** Collects the operators of a page. */
class Page {
  readonly alphas = new Set<number>();
  #operators: string[] = [];

  constructor(height: number) {
    // The page of a drawing begins at its top, and that of a PDF at its bottom.
    this.#operators.push(`${scale} 0 0 ${-scale} 0 ${short(height * scale)} cm`);
  }

  get text(): string {
    return `${this.#operators.join('\n')}\n`;
  }

  draw(element: SvgElement, around: Style): void {
    const { name, attributes, children } = element;
    if (name === 'title' || name === 'desc') return;
    const style: Style = {
      fill: attributes.get('fill') ?? around.fill,
      fontSize: Number(attributes.get('font-size') ?? around.fontSize),
    };
    const transform = attributes.get('transform');
    const opacity = Number(attributes.get('opacity') ?? 1);
    const isOwn = transform !== undefined || opacity !== 1;
    if (isOwn) this.#add('q');
    if (transform !== undefined) for (const matrix of matricesOf(transform)) this.#add(`${matrix} cm`);
    if (opacity !== 1) {
      this.alphas.add(opacity);
      this.#add(`/G${Math.round(opacity * 1000)} gs`);
    }
    if (name === 'text') this.#text(element, style);
    else this.#shape(element, style);
    for (const child of children) if (typeof child !== 'string') this.draw(child, style);
    if (isOwn) this.#add('Q');
  }

  #shape({ name, attributes }: SvgElement, { fill }: Style): void {
    const at = (key: string): number => Number(attributes.get(key) ?? 0);
    let path: string;
    if (name === 'rect') path = `${[at('x'), at('y'), at('width'), at('height')].map(short).join(' ')} re`;
    else if (name === 'line')
      path = `${short(at('x1'))} ${short(at('y1'))} m ${short(at('x2'))} ${short(at('y2'))} l`;
    else if (name === 'circle') path = circlePath(at('cx'), at('cy'), at('r'));
    else if (name === 'path') path = pathOperators(attributes.get('d') ?? '');
    else return;
    const stroke = attributes.get('stroke') ?? 'none';
    const isFilled = fill !== 'none' && name !== 'line';
    if (isFilled) this.#add(`${colour(fill)} rg`);
    if (stroke !== 'none') {
      this.#add(`${colour(stroke)} RG ${short(Number(attributes.get('stroke-width') ?? 1))} w`);
      const dash = (attributes.get('stroke-dasharray') ?? '').split(/[\s,]+/).filter((part) => part !== '');
      this.#add(`[${dash.join(' ')}] ${attributes.get('stroke-dashoffset') ?? 0} d`);
      this.#add(attributes.get('stroke-linejoin') === 'round' ? '1 j' : '0 j');
    }
    const paint = isFilled ? (stroke === 'none' ? 'f' : 'B') : stroke === 'none' ? 'n' : 'S';
    this.#add(`${path} ${paint}`);
  }

  #text(element: SvgElement, { fill, fontSize }: Style): void {
    const { attributes } = element;
    const runs = textRuns(textOf(element), attributes.get('font-weight') === 'bold');
    const length = (runs.reduce((sum, { advance }) => sum + advance, 0) / 1000) * fontSize;
    const anchor = attributes.get('text-anchor');
    const shift = anchor === 'middle' ? length / 2 : anchor === 'end' ? length : 0;
    const [x, y] = [Number(attributes.get('x') ?? 0) - shift, Number(attributes.get('y') ?? 0)];
    // Letters stand upright in a page that is turned over.
    this.#add(`BT ${colour(fill)} rg 1 0 0 -1 ${short(x)} ${short(y)} Tm`);
    for (const { font, codes } of runs) {
      const hex = codes.map((code) => code.toString(16).padStart(2, '0')).join('');
      this.#add(`/${font} ${short(fontSize)} Tf <${hex}> Tj`);
    }
    this.#add('ET');
  }

  #add(operator: string): void {
    this.#operators.push(operator);
  }
}

/** A colour of three or six hexadecimal digits as three numbers; other colours are black. */
function colour(text: string): string {
  const digits = /^#([\da-f]{6}|[\da-f]{3})$/i.exec(text)?.[1] ?? '000000';
  const pairs = digits.length === 3 ? Array.from(digits, (digit) => digit + digit) : digits.match(/../g)!;
  return pairs.map((pair) => short(Number.parseInt(pair, 16) / 255)).join(' ');
}

function matricesOf(transform: string): readonly string[] {
  return [...transform.matchAll(/(translate|scale|rotate)\(([^)]*)\)/g)].map(([, kind, list]) => {
    const [first = 0, second] = list!
      .trim()
      .split(/[\s,]+/)
      .map(Number);
    if (kind === 'translate') return `1 0 0 1 ${short(first)} ${short(second ?? 0)}`;
    if (kind === 'scale') return `${short(first)} 0 0 ${short(second ?? first)} 0 0`;
    const angle = (first / 180) * Math.PI;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)].map((value) => value.toFixed(5));
    return `${cos!} ${sin!} ${short(-Number(sin), 5)} ${cos!} 0 0`;
  });
}

/** Moves, lines, horizontals, verticals and closings of a path, all absolute. Throws `RangeError` for others. */
function pathOperators(d: string): string {
  const operators: string[] = [];
  let [x, y] = [0, 0];
  for (const [, command, list] of d.matchAll(/([A-Za-z])([^A-Za-z]*)/g)) {
    const numbers =
      list!.trim() === ''
        ? []
        : list!
            .trim()
            .split(/[\s,]+|(?<=\d)(?=-)/)
            .map(Number);
    if (command === 'Z') operators.push('h');
    else if (command === 'H') [x] = numbers as [number];
    else if (command === 'V') [y] = numbers as [number];
    else if (command === 'M' || command === 'L') [x, y] = numbers as [number, number];
    else throw new RangeError(`a path with the command ${command!} cannot be written as PDF`);
    if (command !== 'Z') operators.push(`${short(x)} ${short(y)} ${command === 'M' ? 'm' : 'l'}`);
  }
  return operators.join(' ');
}

/** A circle of four cubic curves, which miss it by less than 0.03 % of its radius. */
function circlePath(x: number, y: number, r: number): string {
  const k = 0.5523 * r;
  const curve = (...points: readonly number[]): string =>
    `${points.map((point) => short(point)).join(' ')} c`;
  return [
    `${short(x + r)} ${short(y)} m`,
    curve(x + r, y + k, x + k, y + r, x, y + r),
    curve(x - k, y + r, x - r, y + k, x - r, y),
    curve(x - r, y - k, x - k, y - r, x, y - r),
    curve(x + k, y - r, x + r, y - k, x + r, y),
    'h',
  ].join(' ');
}

function short(value: number, digits = 3): string {
  return String(Number(value.toFixed(digits)));
}
