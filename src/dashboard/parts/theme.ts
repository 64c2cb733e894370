import { visibleLine } from '../../console/visible-text.ts';

/** Looks: glyphs that the terminal has, and colours if it may show them. */

export type Style =
  | 'plain'
  | 'bold'
  | 'dim'
  | 'good'
  | 'reused'
  | 'busy'
  | 'bad'
  | 'selected'
  | 'title'
  | 'match'
  | `share-${0 | 1 | 2 | 3 | 4}`
  | `heat-${HeatStep}`;

/** Steps of a share from red over yellow to green. */
type HeatStep = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

export interface Span {
  readonly text: string;
  readonly style: Style;
  /** Sequences of its own in place of those of the style, for a terminal with colours. */
  readonly sequence?: string;
}

export type Line = readonly Span[];

export interface Glyphs {
  readonly done: string;
  readonly reused: string;
  readonly running: string;
  readonly partly: string;
  readonly onTheFly: string;
  readonly waiting: string;
  readonly failed: string;
  readonly blocked: string;
  readonly pointer: string;
  readonly separator: string;
  readonly ellipsis: string;
  readonly arrows: string;
  readonly times: string;
  readonly spinner: readonly string[];
  readonly rule: string;
  /** From empty to full. */
  readonly bars: readonly string[];
}

export interface Theme {
  readonly colour: boolean;
  /** Colours that the terminal has: 16, which follow its own theme, or 256. */
  readonly colours: 16 | 256;
  /** Whether it also has all colours of 8 bits a channel. */
  readonly hasAllColours: boolean;
  readonly glyphs: Glyphs;
}

const unicode: Glyphs = {
  done: '▓',
  reused: '▓',
  running: '▒',
  partly: '▚',
  onTheFly: '○',
  waiting: '░',
  failed: '✗',
  blocked: '·',
  pointer: '›',
  separator: ' · ',
  ellipsis: '…',
  arrows: '↑↓',
  times: '×',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  rule: '─',
  bars: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
};

const ascii: Glyphs = {
  done: '#',
  reused: '=',
  running: '+',
  partly: ':',
  onTheFly: 'o',
  waiting: '.',
  failed: 'x',
  blocked: '-',
  pointer: '>',
  separator: ' | ',
  ellipsis: '~',
  arrows: 'jk',
  times: 'x',
  spinner: ['|', '/', '-', '\\'],
  rule: '-',
  bars: [' ', '.', ':', '-', '=', '+', '*', '#', '#'],
};

/**
 * `FORCE_COLOR` overrides `NO_COLOR` unless it is `0`, as in Node. The Linux console, dumb terminals and
 * locales other than UTF-8 get ASCII.
 */
export function chooseTheme(environment: Readonly<Record<string, string | undefined>>): Theme {
  const { NO_COLOR: noColour, FORCE_COLOR: force, TERM: term } = environment;
  const colour =
    force !== undefined
      ? force !== '0' && force !== 'false'
      : (noColour === undefined || noColour === '') && term !== 'dumb';
  const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find(
    (name) => name !== undefined && name !== '',
  );
  const utf8 = locale !== undefined && /utf-?8/i.test(locale);
  const isOld = /^(linux|xterm|screen|ansi|rxvt|vt\d+|cygwin)$/.test(term ?? '');
  const colours =
    isOld && (environment['COLORTERM'] ?? '') === '' && force !== '2' && force !== '3' ? 16 : 256;
  const hasAllColours =
    colours === 256 && (/^(?:truecolor|24bit)$/.test(environment['COLORTERM'] ?? '') || force === '3');
  return {
    colour,
    colours,
    hasAllColours,
    glyphs: utf8 && term !== 'linux' && term !== 'dumb' ? unicode : ascii,
  };
}

/** SGR parameters. The shares go from red over yellow to green in five steps of the 256-colour cube. */
const codes: Readonly<Record<Exclude<Style, 'plain'>, string>> = {
  bold: '1',
  dim: '2',
  good: '32',
  reused: '36',
  busy: '33',
  bad: '31',
  selected: '7',
  title: '1|36',
  match: '4|1',
  'share-0': '38;5;196',
  'share-1': '38;5;208',
  'share-2': '38;5;220',
  'share-3': '38;5;148',
  'share-4': '38;5;40',
  'heat-0': '48;5;124|38;5;231',
  'heat-1': '48;5;160|38;5;231',
  'heat-2': '48;5;166|38;5;231',
  'heat-3': '48;5;172|38;5;16',
  'heat-4': '48;5;178|38;5;16',
  'heat-5': '48;5;142|38;5;16',
  'heat-6': '48;5;106|38;5;16',
  'heat-7': '48;5;70|38;5;16',
  'heat-8': '48;5;34|38;5;16',
  'heat-9': '48;5;28|38;5;231',
};

/** One escape sequence for each attribute, because Ink takes only the first of several in one. */
function sequencesOf(code: string): string {
  return code.replaceAll(/[^|]+/g, '\u001B[$&m').replaceAll('|', '');
}

/** The same in 16 colours, for terminals that have no more. */
function codeOf(style: Exclude<Style, 'plain'>, { colours }: Theme): string {
  if (colours === 256 || !/^(share|heat)-/.test(style)) return codes[style];
  const step = Number(style.slice(style.indexOf('-') + 1)) / (style.startsWith('heat') ? 9 : 4);
  return step < 0.34 ? '31' : step < 0.67 ? '33' : '32';
}

/** Sequences by colours and style, since each frame needs hundreds. */
const sequences: Record<string, string> = {};

function sequenceOf(style: Exclude<Style, 'plain'>, theme: Theme): string {
  return (sequences[`${theme.colours} ${style}`] ??= sequencesOf(codeOf(style, theme)));
}

export function span(text: string, style: Style = 'plain'): Span {
  return { text, style };
}

/** Colour step of a share in [0, 1]. */
export function shareStyle(share: number): Style {
  const step = Math.min(4, Math.max(0, Math.floor(share * 5)));
  return `share-${step as 0 | 1 | 2 | 3 | 4}`;
}

/** Colour step of a share in [0, 1], for the background of a cell. */
export function heatStyle(share: number): Style {
  const step = Math.min(9, Math.max(0, Math.floor(share * 10)));
  return `heat-${step as HeatStep}`;
}

/** A line as terminal text, and the columns that it takes. */
export interface DrawnLine {
  readonly text: string;
  readonly columns: number;
}

/** The line as terminal text, cut to `width` columns. Control characters never reach the terminal. */
export function renderLine(line: Line, width: number, theme: Theme): string {
  return drawLine(line, width, theme).text;
}

export function drawLine(line: Line, width: number, theme: Theme): DrawnLine {
  let room = width;
  let text = '';
  for (const { text: raw, style, sequence } of line) {
    if (room <= 0) break;
    if (raw === '') continue;
    const shown = clip(visibleLine(raw), room, theme.glyphs.ellipsis);
    room -= textColumns(shown);
    text +=
      (style === 'plain' && sequence === undefined) || !theme.colour
        ? markSelection(shown, style)
        : `${sequence ?? sequenceOf(style as Exclude<Style, 'plain'>, theme)}${shown}\u001B[0m`;
  }
  return { text, columns: width - room };
}

/** Marks the selection by brackets if there is room for them, but colour is not available. */
function markSelection(text: string, style: Style): string {
  if (style !== 'selected' || text.length < 3 || !text.startsWith(' ') || !text.endsWith(' ')) return text;
  return `[${text.slice(1, -1)}]`;
}

/** Cuts to `width` columns with an ellipsis. */
export function clip(text: string, width: number, ellipsis: string): string {
  if (textColumns(text) <= width) return text;
  let [kept, used] = ['', 0];
  for (const character of text) {
    const columns = textColumns(character);
    if (used + columns > width - 1) break;
    kept += character;
    used += columns;
  }
  return width < 1 ? '' : kept + ellipsis;
}

/**
 * Number of columns that text takes: two for East Asian and pictographic characters, none for combining
 * marks.
 */
export function textColumns(text: string): number {
  let columns = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    // Nearly all text, and the marks of this theme: the expressions below are slow.
    if (code < 0x300 || (code >= 0x2010 && code < 0x20d0) || (code >= 0x2100 && code < 0x2c00)) columns += 1;
    else if (/\p{Mark}|\u200D|\uFE0F/u.test(character)) columns += 0;
    else columns += isWide(code) ? 2 : 1;
  }
  return columns;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** Pads or cuts to exactly `width` columns. */
export function cellText(text: string, width: number, align: 'left' | 'right', ellipsis: string): string {
  const shown = clip(text, width, ellipsis);
  const space = ' '.repeat(Math.max(0, width - textColumns(shown)));
  return align === 'left' ? shown + space : space + shown;
}
