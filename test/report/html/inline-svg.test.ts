import { describe, expect, it } from 'vitest';
import { drawCurves } from '../../../src/report/curves.ts';
import { inlineSvg } from '../../../src/report/html/inline-svg.ts';

const drawing = drawCurves({
  title: 'A <title> & more',
  xLabel: 'ε',
  yLabel: 'accuracy (%)',
  panels: [
    {
      title: 'fgsm',
      clean: 90,
      series: [
        { name: 'jpeg "75"', points: [{ x: 0, y: 90, low: 85, high: 95 }, { x: 0.1, y: 40, low: 30, high: 50 }] },
        { name: 'none', points: [{ x: 0, y: 90 }, { x: 0.1, y: 0 }] },
      ],
    },
  ],
}); // prettier-ignore

describe('a drawing in the page', () => {
  it('is ours with its points, their values as titles, and inks of the page', () => {
    const { html, hasPoints, description } = inlineSvg(drawing)!;
    expect(hasPoints).toBe(true);
    expect(description).toBe('A <title> & more. accuracy (%) over ε; panels: fgsm');
    expect(html).toContain('<title>jpeg &quot;75&quot;: 40 [30, 50] at 0.1</title>');
    expect(html).toContain('<title>none: 0 at 0.1</title>');
    expect(html).toContain('data-series="jpeg &quot;75&quot;"');
    expect(html).toContain('fill="var(--back)"');
    expect(html).not.toMatch(/#222222|#ffffff|#444444/);
    expect(html.match(/A &lt;title&gt;/g)).toHaveLength(2);
  });

  it('leaves out the title that stands above it', () => {
    expect(inlineSvg(drawing, 'A <title> & more')!.html.match(/A &lt;title&gt;/g)).toHaveLength(1);
  });

  const around = (inside: string, attributes = ''): string =>
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"${attributes}>${inside}</svg>`;

  it('may have shapes and text', () => {
    expect(
      inlineSvg(around('<g><rect x="1" y="2" width="3" height="4" fill="red"/></g><text>a</text>')),
    ).not.toBeNull();
  });

  it.each([
    ['a script', around('<script>alert(1)</script>')],
    ['foreign elements', around('<foreignObject></foreignObject>')],
    ['a link', around('<a href="https://a.example"><text>a</text></a>')],
    ['an image', around('<image href="x.png"/>')],
    ['a reference', around('<use href="#a"/>')],
    ['an event', around('<rect onclick="alert(1)"/>')],
    ['a style', around('<style>*{display:none}</style>')],
    ['a style of an element', around('<rect style="position:fixed"/>')],
    ['a paint server', around('<rect fill="url(#a)"/>')],
    ['an id', around('<rect id="main"/>')],
    ['an entity', around('<text>&a;</text>')],
    ['a document type', `<!DOCTYPE svg [<!ENTITY a "b">]>${around('')}`],
    ['a comment', around('<!-- a -->')],
    ['an end that does not fit', around('<g></text>')],
    ['no end', '<svg viewBox="0 0 9 9"><g>'],
    ['text outside', `a${around('')}`],
    ['two roots', around('') + around('')],
    ['a name of every object', around('<rect constructor="1"/>')],
    ['an attribute twice', around('<rect x="1" x="2"/>')],
    ['no size', '<svg><rect/></svg>'],
    ['too many levels', around('<g>'.repeat(20) + '</g>'.repeat(20))],
  ])('is no drawing with %s', (_, document) => {
    expect(inlineSvg(document)).toBeNull();
  });

  it('takes no look from the page', () => {
    expect(inlineSvg(around('<rect class="dialog"/>'))!.html).not.toContain('dialog');
  });

  it('is read in time that grows with its length', () => {
    const numbers = '1'.repeat(200_000);
    // A reader that tries every way to cut the digits would not come back.
    expect(inlineSvg(around(`<rect width="${numbers}!"/>`))).toBeNull();
    expect(inlineSvg(around(`<path d="${numbers}"/>`))).not.toBeNull();
    expect(inlineSvg(around(`<rect ${'a '.repeat(50_000)}`))).toBeNull();
  });
});
