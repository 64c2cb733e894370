import type { Interval } from './wilson.ts';

/** A number with the ends of its 95 % interval. */
export interface Bounded extends Interval {
  readonly value: number;
}

/**
 * 95 % interval of the difference `second − first` of two independent numbers from the intervals of each: d − √((p₂ − l₂)² + (u₁ − p₁)²) to
 * d + √((u₂ − p₂)² + (p₁ − l₁)²). With Wilson intervals it is method 10 of Newcombe 1998 ("Interval estimation for the difference between
 * independent proportions", Statistics in Medicine 17:873); Zou and Donner 2008 give it for any two intervals. If both numbers are of the same
 * images, it is wider than need be.
 */
export function differenceInterval(first: Bounded, second: Bounded): Interval {
  const difference = second.value - first.value;
  return {
    low: difference - Math.hypot(second.value - second.low, first.high - first.value),
    high: difference + Math.hypot(second.high - second.value, first.value - first.low),
  };
}
