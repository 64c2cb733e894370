// Turns what `tmux capture-pane -e` gives into a drawing: text with SGR sequences, one line a row.

const back = '#1c1c1c';
const fore = '#d0d0d0';
const basic = [
  '#303030', '#ff6b68', '#87d75f', '#d7af00', '#6cb6ff', '#d787d7', '#5fd7d7', '#d0d0d0',
  '#808080', '#ff8787', '#afff87', '#ffd75f', '#87afff', '#ffafff', '#87ffff', '#ffffff',
]; // prettier-ignore
const levels = [0, 95, 135, 175, 215, 255];
const size = { column: 8.4, row: 18, text: 14, margin: 12 };

/** A colour of the table of 256: 16 basic ones, a cube of six levels a channel, and 24 greys. */
function colourOf(index) {
  if (index < 16) return basic[index];
  const channels =
    index < 232
      ? [36, 6, 1].map((step) => levels[Math.floor((index - 16) / step) % 6])
      : [0, 0, 0].map(() => 8 + 10 * (index - 232));
  return hex(channels);
}

function hex(channels) {
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

const plain = { fore: null, back: null, isBold: false, isDim: false, isInverse: false, isUnderlined: false };

/** The style after the parameters of one sequence. */
function styled(style, parameters) {
  const codes = parameters === '' ? [0] : parameters.split(/[;:]/).map(Number);
  let next = { ...style };
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at];
    if (code === 0) next = { ...plain };
    else if (code === 1) next.isBold = true;
    else if (code === 2) next.isDim = true;
    else if (code === 4) next.isUnderlined = true;
    else if (code === 7) next.isInverse = true;
    else if (code === 22) [next.isBold, next.isDim] = [false, false];
    else if (code === 24) next.isUnderlined = false;
    else if (code === 27) next.isInverse = false;
    else if (code === 39) next.fore = null;
    else if (code === 49) next.back = null;
    else if (code === 38 || code === 48) {
      const isIndex = codes[at + 1] === 5;
      const colour = isIndex ? colourOf(codes[at + 2]) : hex(codes.slice(at + 2, at + 5));
      next[code === 38 ? 'fore' : 'back'] = colour;
      at += isIndex ? 2 : 4;
    } else if (code >= 30 && code <= 37) next.fore = basic[code - 30];
    else if (code >= 40 && code <= 47) next.back = basic[code - 40];
    else if (code >= 90 && code <= 97) next.fore = basic[code - 82];
    else if (code >= 100 && code <= 107) next.back = basic[code - 92];
  }
  return next;
}

/** The pieces of a line that have one style, with the column in which each begins. Every character is one column wide. */
function piecesOf(line, begin) {
  const pieces = [];
  let style = begin;
  let column = 0;
  for (const [, parameters, text] of line.matchAll(/\u001B\[([\d;:]*)m|([^\u001B]+)/g)) {
    if (text === undefined) {
      style = styled(style, parameters);
      continue;
    }
    pieces.push({ text, column, style });
    column += [...text].length;
  }
  return { pieces, style };
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function number(value) {
  return String(Math.round(value * 10) / 10);
}

/** Draws a captured screen. `label` says what it shows, for those who do not see it. */
export function terminalSvg(captured, label) {
  const lines = captured.replace(/\n+$/, '').split('\n');
  const parts = [];
  let style = plain;
  let columns = 0;
  for (const [row, line] of lines.entries()) {
    const { pieces, style: last } = piecesOf(line, style);
    style = last;
    for (const piece of pieces) {
      const { fore: own, back: behind, isBold, isDim, isInverse, isUnderlined } = piece.style;
      const [ink, paper] = isInverse ? [behind ?? back, own ?? fore] : [own, behind];
      const x = size.margin + piece.column * size.column;
      const length = [...piece.text].length;
      columns = Math.max(columns, piece.column + [...piece.text.trimEnd()].length);
      if (paper !== null)
        parts.push(
          `<rect x="${number(x)}" y="${number(size.margin + row * size.row)}" width="${number(length * size.column + 0.3)}" height="${size.row}" fill="${paper}"/>`,
        );
      // Words are placed one by one, so that a font of another width changes no columns.
      for (const { 0: word, index } of piece.text.matchAll(/\S+(?: \S+)*/g)) {
        const before = [...piece.text.slice(0, index)].length;
        const attributes = [
          `x="${number(x + before * size.column)}"`,
          `y="${number(size.margin + row * size.row + 13.5)}"`,
          `textLength="${number([...word].length * size.column)}"`,
          ...(ink === null ? [] : [`fill="${ink}"`]),
          ...(isBold ? ['font-weight="bold"'] : []),
          ...(isDim ? ['opacity="0.6"'] : []),
          ...(isUnderlined ? ['text-decoration="underline"'] : []),
        ];
        parts.push(`<text ${attributes.join(' ')}>${escapeXml(word)}</text>`);
      }
    }
  }
  const width = number(2 * size.margin + columns * size.column);
  const height = number(2 * size.margin + lines.length * size.row);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(label)}">`,
    `<rect width="100%" height="100%" rx="8" fill="${back}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="${size.text}" fill="${fore}" xml:space="preserve">`,
    ...parts,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}
