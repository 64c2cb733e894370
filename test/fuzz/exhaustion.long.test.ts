/** Files made by hand to exhaust a reader. `npm run soak -- fuzz` also judges whether one takes more than a second. */
import { afterAll, describe, expect, it } from 'vitest';
import { countWork } from '../counted-work.ts';
import { hostileFiles } from './hostile.ts';
import { problemOf, untimed } from './target.ts';
import { targets } from './targets.ts';

/** Functions and blocks that ran; the worst of these files needs 63 million. */
const mostWork = 200_000_000;

const opened = await Promise.all(targets.map(async ({ open }) => open()));
afterAll(() => opened.forEach((target) => target.close?.()));

const made = opened.flatMap((target) =>
  Object.entries(hostileFiles[target.name] ?? {}).map(
    ([what, make]) => [target.name, what, target, make] as const,
  ),
);

describe('a reader', () => {
  it.each(made)('%s is not exhausted by %s', async (_name, _what, target, make) => {
    const bytes = make();
    const work = await countWork(async () => expect(await problemOf(target, bytes, untimed)).toBeNull());
    expect(work).toBeLessThan(mostWork);
  });
});
