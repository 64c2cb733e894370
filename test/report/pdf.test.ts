import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { drawCurves } from '../../src/report/curves.ts';
import { textRuns } from '../../src/report/pdf-fonts.ts';
import { svgToPdf } from '../../src/report/pdf.ts';

const svg = drawCurves({
  title: 'Accuracy (ε ≤ 8/255) – a figure',
  xLabel: 'ε',
  yLabel: 'accuracy (%)',
  intervals: 'bands',
  footer: 'n = 200',
  panels: [
    {
      title: 'fgsm',
      clean: 90,
      series: [{ name: 'jpeg', points: [{ x: 0, y: 90, low: 85, high: 95 }, { x: 0.1, y: 40, low: 30, high: 50 }] }],
    },
  ],
}); // prettier-ignore

it('is a file whose table of objects names the place of each', () => {
  const pdf = Buffer.from(svgToPdf(svg));
  const text = pdf.toString('latin1');
  expect(text.startsWith('%PDF-1.4\n')).toBe(true);
  expect(text.endsWith('%%EOF\n')).toBe(true);
  const start = Number(/startxref\n(\d+)\n/.exec(text)![1]);
  const [, count, lines] = /^xref\n0 (\d+)\n([^]*?)trailer/.exec(text.slice(start))!;
  const offsets = [...lines!.matchAll(/^(\d{10}) 00000 n $/gm)].map(([, offset]) => Number(offset));
  expect(offsets).toHaveLength(Number(count) - 1);
  for (const [index, offset] of offsets.entries())
    expect(text.slice(offset, offset + 8)).toMatch(new RegExp(`^${index + 1} 0 obj`));
  const [width, height] = ['width', 'height'].map((name) =>
    Number(new RegExp(` ${name}="([\\d.]+)"`).exec(svg)![1]),
  );
  expect(text).toContain(`/MediaBox [0 0 ${width! * 0.75} ${height! * 0.75}]`);
});

it('has the lines and letters of the drawing, and balances what it saves and restores', () => {
  const pdf = Buffer.from(svgToPdf(svg));
  const from = pdf.indexOf('stream\n') + 'stream\n'.length;
  const operators = inflateSync(pdf.subarray(from, pdf.indexOf('\nendstream'))).toString('latin1');
  const texts = [...operators.matchAll(/<([\da-f]*)> Tj/g)].map(([, hex]) =>
    Buffer.from(hex!, 'hex').toString('latin1'),
  );
  expect(texts).toEqual(
    expect.arrayContaining(['fgsm', 'accuracy (%)', 'n = 200', 'clean images', 'Accuracy (']),
  );
  const saved = [...operators.matchAll(/^([qQ])$/gm)].map(([, operator]) => operator);
  expect(saved.filter((operator) => operator === 'q')).toHaveLength(
    saved.filter((operator) => operator === 'Q').length,
  );
  expect(saved.length).toBeGreaterThan(0);
  expect([...operators.matchAll(/[a-zA-Z]*NaN|undefined|Infinity/g)]).toEqual([]);
});

it('has the same bytes for the same drawing, and refuses another document', () => {
  expect(Buffer.from(svgToPdf(svg)).equals(svgToPdf(svg))).toBe(true);
  expect(() => svgToPdf('<svg viewBox="0 0 1 1"><script/></svg>')).toThrow(RangeError);
});

// Lengths by get_text_length of PyMuPDF 2.0 (MuPDF 1.28.5), fonts helv and hebo, in thousandths of the size.
it.each([
  [Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join(''), 50_058, 52_367],
  ['Accuracy (%)', 5945, 6335],
  ['normalised L2 dissimilarity', 11_724, 12_894],
])('knows the widths of letters: %s', (line, regular, bold) => {
  const length = (isBold: boolean): number =>
    textRuns(line, isBold).reduce((sum, { advance }) => sum + advance, 0);
  expect([length(false), length(true)]).toEqual([regular, bold]);
});

it('takes Greek letters from the symbols, and writes ? for what no standard font has', () => {
  expect(textRuns('aεb', false).map(({ font }) => font)).toEqual(['F1', 'F3', 'F1']);
  expect(textRuns('漢', false)[0]!.codes).toEqual([0x3f]);
});
