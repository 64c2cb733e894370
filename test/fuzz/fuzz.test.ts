/** The short form of `npm run soak -- fuzz`: some inputs of every reader, and all that once broke one. */
import { afterAll, describe, expect, it } from 'vitest';
import { Broken, fuzz, inputOf, keptInputs, problemOf, untimed } from './target.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets.ts';

const opened = await Promise.all(targets.map(async ({ open, share }) => ({ target: await open(), share })));

afterAll(() => opened.forEach(({ target }) => target.close?.()));

describe('the fuzzer', () => {
  const broken = (run: FuzzTarget['run']): FuzzTarget => ({
    name: 'broken',
    documented: [SyntaxError],
    make: (random) => Uint8Array.of(random.integer(256)),
    run,
  });

  it('tells of an input that takes more than 500 MB', async () => {
    const heavy = broken(() => Buffer.alloc(900_000_000, 1));
    expect(await problemOf(heavy, new Uint8Array(0), untimed)).toMatch(/^it took \d+ MiB$/);
  });

  it('lets documented errors pass and tells of all others, once each', async () => {
    const findings = await fuzz(
      broken(([byte]) => {
        if (byte! < 128) throw new SyntaxError('documented');
        throw new Broken(`byte ${byte!}`);
      }),
      { seed: 1, count: 50, ...untimed },
    );
    expect(findings.map(({ problem }) => problem.split('\n')[0]!.replace(/\d+/, 'n'))).toEqual([
      'Broken: byte n',
    ]);
  });

  it('tells of an input that takes more than a second and of a changed prototype', async () => {
    let now = 0;
    const judge = (milliseconds: number): Promise<string | null> =>
      problemOf(
        broken(() => (now += milliseconds)),
        new Uint8Array(0),
        { processorMilliseconds: () => now },
      );
    expect(await judge(1_000)).toBeNull();
    expect(await judge(1_001)).toBe('it took 1001 ms');
    const polluted = broken(() => Object.assign(Object.prototype, { polluted: 1 }));
    expect(await problemOf(polluted, new Uint8Array(0), untimed)).toBe('a prototype was changed');
    Reflect.deleteProperty(Object.prototype, 'polluted');
  });

  it('makes the same input of the same seed and number', () => {
    for (const { target } of opened) {
      expect(inputOf(target, 3, 17), target.name).toEqual(inputOf(target, 3, 17));
      expect(inputOf(target, 3, 17), target.name).not.toEqual(inputOf(target, 3, 18));
    }
  });
});

describe.each(opened.map(({ target, share }) => [target.name, target, share] as const))(
  'the reader %s',
  (name, target, share) => {
    it('answers damaged files as documented', async () => {
      expect(await fuzz(target, { seed: 5, count: 200 + 10_000 * share, ...untimed })).toEqual([]);
    });

    it('still answers what once broke it', async () => {
      for (const { name: file, bytes } of keptInputs(name))
        expect(await problemOf(target, bytes, untimed), file).toBeNull();
    });
  },
);
