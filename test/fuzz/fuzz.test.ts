/** The short form of `npm run soak -- fuzz`: some inputs of every reader, all that once broke one, and files made by hand to exhaust it. */
import { afterAll, describe, expect, it } from 'vitest';
import { hostileFiles } from './hostile.ts';
import { Broken, fuzz, inputOf, keptInputs, limits, problemOf } from './target.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets.ts';

const opened = await Promise.all(targets.map(async ({ open, share }) => ({ target: await open(), share })));

afterAll(() => opened.forEach(({ target }) => target.close?.()));

/** The slowest take half of the second that they may; a processor that shares its core with other jobs counts more. */
const slow = 3 * limits.milliseconds;

describe('the fuzzer', () => {
  const broken = (run: FuzzTarget['run']): FuzzTarget => ({
    name: 'broken',
    documented: [SyntaxError],
    make: (random) => Uint8Array.of(random.integer(256)),
    run,
  });

  it('tells of an input that takes more than 500 MB', async () => {
    const heavy = broken(() => Buffer.alloc(900_000_000, 1));
    expect(await problemOf(heavy, new Uint8Array(0))).toMatch(/^it took \d+ MiB$/);
  });

  it('lets documented errors pass and tells of all others, once each', async () => {
    const findings = await fuzz(
      broken(([byte]) => {
        if (byte! < 128) throw new SyntaxError('documented');
        throw new Broken(`byte ${byte!}`);
      }),
      { seed: 1, count: 50 },
    );
    expect(findings.map(({ problem }) => problem.split('\n')[0]!.replace(/\d+/, 'n'))).toEqual([
      'Broken: byte n',
    ]);
  });

  it('tells of an input that takes more than a second and of a changed prototype', async () => {
    const second = (): void => {
      const started = process.cpuUsage();
      while (process.cpuUsage(started).user < 1_050_000);
    };
    expect(await problemOf(broken(second), new Uint8Array(0))).toMatch(/^it took \d+ ms$/);
    const polluted = broken(() => Object.assign(Object.prototype, { polluted: 1 }));
    expect(await problemOf(polluted, new Uint8Array(0))).toBe('a prototype was changed');
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
      expect(await fuzz(target, { seed: 5, count: 200 + 10_000 * share })).toEqual([]);
    });

    it('still answers what once broke it', async () => {
      for (const { name: file, bytes } of keptInputs(name))
        expect(await problemOf(target, bytes, slow), file).toBeNull();
    });

    const made = Object.entries(hostileFiles[name] ?? {});
    it.runIf(made.length > 0).each(made)('is not exhausted by %s', async (_, make) => {
      expect(await problemOf(target, make(), slow)).toBeNull();
    });
  },
);
