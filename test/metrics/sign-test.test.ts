import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signTest } from '../../src/metrics/sign-test.ts';

describe('signTest', () => {
  it.each([
    [0, 0, 1],
    [1, 0, 1 / 2],
    [5, 0, 1 / 32],
    [0, 5, 1],
    // C(10, 8) + C(10, 9) + C(10, 10) of 2¹⁰.
    [8, 2, 56 / 1024],
  ])('of %d gained and %d lost is %d', (gained, lost, expected) => {
    expect(signTest(gained, lost)).toBeCloseTo(expected, 12);
  });

  it('gives both ends of a split together 1, and the middle twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 400 }), (gained, lost) => {
        // P(X ≥ gained) + P(X ≥ lost + 1) = 1, because X and gained + lost − X are drawn alike.
        expect(signTest(gained, lost) + signTest(lost + 1, gained - 1)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('does not underflow before its last digits do', () => {
    expect(signTest(1000, 0)).toBeCloseTo(2 ** -1000, 310);
    expect(signTest(1000, 0)).toBeGreaterThan(0);
    expect(signTest(5000, 4000)).toBeLessThan(1e-20);
  });

  it('refuses what is not a number of images', () => {
    expect(() => signTest(-1, 2)).toThrow(RangeError);
    expect(() => signTest(1.5, 2)).toThrow(RangeError);
  });
});
