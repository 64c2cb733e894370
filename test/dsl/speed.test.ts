import { expect, it } from 'vitest';
import { graphOf } from './fakes.ts';

const labels = (count: number): string =>
  `[${Array.from({ length: count }, (_, index) => index).join(', ')}]`;

it('10,000 cells with parameters by label take less than 1.5 s of processor time', () => {
  const text = `ravelin: 1
stages:
  a: { uses: data/photos, with: { tag: 'n$(axes.i)' }, matrix: { i: ${labels(5000)} } }
  b: { uses: defense/blur, in: { images: a }, with: { radius: $(axes.i) } }
`;
  graphOf('ravelin: 1\nstages:\n  a: { uses: data/photos }\n');
  const started = process.cpuUsage();
  expect(graphOf(text).cells.length).toBe(10_000);
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(1500);
});
