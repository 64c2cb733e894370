import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KnobResult, searchKnob } from '../../src/attacks/search.ts';

interface Run {
  readonly result: KnobResult;
  readonly evaluations: number;
  readonly last: number;
}

function drive(
  strength: (knob: number) => number,
  options: Partial<Parameters<typeof searchKnob>[0]> = {},
): Run {
  const search = searchKnob({
    target: 0.1,
    tolerance: 0.01,
    start: 0.05,
    maximum: 1,
    refinements: 60,
    ...options,
  });
  let step = search.next();
  let evaluations = 0;
  let last = 0;
  while (step.done !== true) {
    evaluations++;
    last = strength(step.value);
    step = search.next(last);
  }
  return { result: step.value, evaluations, last };
}

describe('searchKnob', () => {
  it('finds the knob of a linear strength in at most three evaluations', () => {
    const { result, evaluations } = drive((knob) => 0.4 * knob);
    expect(result.status).toBe('reached');
    expect(evaluations).toBeLessThanOrEqual(3);
  });

  it('is within the tolerance for every saturating strength', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.double({ min: 0.01, max: 0.95, noNaN: true }),
        (rate, start, share) => {
          const strength = (knob: number): number => 1 - Math.exp(-rate * knob);
          const target = share * strength(1);
          const { result, last } = drive(strength, { start, target, tolerance: 1e-4 });
          expect(result.status).toBe('reached');
          expect(Math.abs(last - target)).toBeLessThanOrEqual(1e-4 * target);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });

  it('reports the greatest strength where the target is out of reach', () => {
    const { result } = drive((knob) => Math.min(knob, 0.07));
    expect(result).toEqual({ status: 'unreachable', greatest: 0.07 });
  });

  it('stops at a jump with the knob above it', () => {
    const { result } = drive((knob) => (knob < 0.3 ? 0.05 : 0.2));
    expect(result.status).toBe('jump');
    if (result.status === 'jump') {
      expect(result.strength).toBe(0.2);
      expect(result.knob).toBeGreaterThanOrEqual(0.3);
      expect(result.knob).toBeLessThan(0.31);
    }
  });
});
