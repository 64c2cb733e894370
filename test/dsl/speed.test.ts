import { expect, it } from 'vitest';
import { countWork } from '../counted-work.ts';
import { graphOf } from './fakes.ts';

const labels = (count: number): string =>
  `[${Array.from({ length: count }, (_, index) => index).join(', ')}]`;

const pipeline = (count: number): string => `ravelin: 1
stages:
  a: { uses: data/photos, with: { tag: 'n$(axes.i)' }, matrix: { i: ${labels(count)} } }
  b: { uses: defense/blur, in: { images: a }, with: { radius: $(axes.i) } }
`;

it('twice as many cells with parameters by label take twice the work; npm run bench -- many-cells measures the seconds', async () => {
  const workOf = (count: number): Promise<number> =>
    countWork(() => expect(graphOf(pipeline(count)).cells.length).toBe(2 * count));
  await workOf(10);
  const [once, twice] = [await workOf(1_000), await workOf(2_000)];
  expect(twice / once).toBeLessThan(2.1);
  // 79 functions and blocks ran for each cell when this was written.
  expect(twice / 4_000).toBeLessThan(160);
});
