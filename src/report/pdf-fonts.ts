/**
 * The advances of Helvetica and Helvetica-Bold in thousandths of the font size, from the metrics that Adobe published with the standard fonts of PDF
 * (ISO 32000-1, 9.6.2.2), for the characters from the space to `~`.
 */
const regular =
  '278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584';
const bold =
  '278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778 556 556 500 389 280 389 584';
const advances = [regular, bold].map((list) => list.split(' ').map(Number));

/** Greek letters and signs of the standard font Symbol, with their codes and advances. */
const symbols: Readonly<Record<string, readonly [code: number, advance: number]>> = {
  α: [0x61, 631],
  β: [0x62, 549],
  γ: [0x67, 411],
  δ: [0x64, 494],
  ε: [0x65, 439],
  θ: [0x71, 521],
  κ: [0x6b, 549],
  λ: [0x6c, 549],
  μ: [0x6d, 576],
  π: [0x70, 549],
  σ: [0x73, 603],
  τ: [0x74, 439],
  Δ: [0x44, 612],
  Σ: [0x53, 592],
  '∞': [0xa5, 713],
  '≤': [0xa3, 549],
  '≥': [0xb3, 549],
  '→': [0xae, 987],
  '∇': [0xd1, 713],
};

/** Characters of WinAnsiEncoding outside of Latin-1. */
const windows: Readonly<Record<string, number>> = {
  '–': 0x96,
  '—': 0x97,
  '‘': 0x91,
  '’': 0x92,
  '“': 0x93,
  '”': 0x94,
  '…': 0x85,
  '•': 0x95,
  '€': 0x80,
};

/** Substitutes for characters that the standard fonts lack. */
const substitutes: Readonly<Record<string, string>> = {
  '‖': '||',
  '₀': '0',
  '₁': '1',
  '₂': '2',
  '′': "'",
  '−': '-',
  '‑': '-',
};

/** A piece of a line in one of the fonts: F1 Helvetica, F2 Helvetica-Bold, F3 Symbol. */
export interface TextRun {
  readonly font: 'F1' | 'F2' | 'F3';
  readonly codes: readonly number[];
  /** In thousandths of the font size. */
  readonly advance: number;
}

/** Cuts a line into runs of the standard fonts; a character that they lack becomes `?`. */
export function textRuns(line: string, isBold: boolean): readonly TextRun[] {
  const runs: { font: TextRun['font']; codes: number[]; advance: number }[] = [];
  const add = (font: TextRun['font'], code: number, advance: number): void => {
    const last = runs.at(-1);
    if (last?.font === font) {
      last.codes.push(code);
      last.advance += advance;
    } else runs.push({ font, codes: [code], advance });
  };
  const own = isBold ? 'F2' : 'F1';
  const widths = advances[isBold ? 1 : 0]!;
  const plain = Array.from(line, (character) => substitutes[character] ?? character).join('');
  for (const character of plain) {
    const code = character.codePointAt(0)!;
    const symbol = symbols[character];
    if (code >= 0x20 && code < 0x7f) add(own, code, widths[code - 0x20]!);
    else if (symbol !== undefined) add('F3', ...symbol);
    else if (character in windows)
      add(own, windows[character]!, character === '—' || character === '…' ? 1000 : 556);
    else if (code >= 0xa0 && code < 0x100) add(own, code, 556);
    else add(own, 0x3f, widths[0x3f - 0x20]!);
  }
  return runs;
}
