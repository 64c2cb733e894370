import { expect, it } from 'vitest';
import { countWork } from '../counted-work.ts';
import { graphOf, load } from './fakes.ts';

// Seconds are measured by npm run bench -- many-cells.

const labels = (count: number): string =>
  `[${Array.from({ length: count }, (_, index) => index).join(', ')}]`;

const manyCells = (count: number): string => `ravelin: 1
stages:
  a: { uses: data/photos, with: { tag: 'n$(axes.i)' }, matrix: { i: ${labels(count)} } }
  b: { uses: defense/blur, in: { images: a }, with: { radius: $(axes.i) } }
`;

it('twice as many cells with parameters by label take twice the work', async () => {
  const workOf = (count: number): Promise<number> =>
    countWork(() => expect(graphOf(manyCells(count)).cells.length).toBe(2 * count));
  await workOf(10);
  const [once, twice] = [await workOf(1_000), await workOf(2_000)];
  expect(twice / once).toBeLessThan(2.05);
  // 199 functions and blocks ran for each cell when this was written.
  expect(twice / 4_000).toBeLessThan(400);
});

const manyKeys = (count: number): string =>
  `ravelin: 1\nparams:\n${Array.from({ length: count }, (_, index) => `  k${index}: 1\n`).join('')}`;

it('twice as many keys take twice the work', async () => {
  const workOf = (count: number): Promise<number> => countWork(() => load(manyKeys(count)));
  await workOf(10);
  const [once, twice] = [await workOf(1_000), await workOf(2_000)];
  expect(twice / once).toBeLessThan(2.05);
});
