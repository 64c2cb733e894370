import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childSeed, philox4x32, randomStream } from '../../src/tensors/random.ts';

function block(counter: readonly number[], key: readonly number[]): string {
  const out = new Uint32Array(4);
  philox4x32(out, counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!);
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ');
}

describe('Philox4x32-10', () => {
  // The known-answer vectors published with Random123 (kat_vectors, philox4x32 10).
  it('gives the published blocks', () => {
    expect(block([0, 0, 0, 0], [0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    const ones = 0xffffffff;
    expect(block([ones, ones, ones, ones], [ones, ones])).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(block([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });

  it('agrees with the definition in 64-bit integers', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(block(counter, key)).toBe(definition(counter.map(BigInt), key.map(BigInt)));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a random stream', () => {
  it('is a function of seed and counters', () => {
    const draw = (seed: readonly [number, number], ...counters: number[]): number[] => {
      const stream = randomStream(seed, ...counters);
      return [stream.uniform(), stream.normal(), stream.integer(1000), stream.uniform()];
    };
    expect(draw([1, 2], 3, 4)).toEqual(draw([1, 2], 3, 4));
    const others = [
      draw([1, 2], 3, 4),
      draw([2, 1], 3, 4),
      draw([1, 2], 4, 3),
      draw([1, 2], 3, 4, 1),
      draw([1, 2]),
    ];
    expect(new Set(others.map(String)).size).toBe(others.length);
  });

  it('fills arrays with the numbers that it would draw one by one', () => {
    const filled = new Float32Array(11);
    randomStream([7, 8], 1).fillNormal(filled);
    const stream = randomStream([7, 8], 1);
    expect([...filled]).toEqual(Array.from(filled, () => Math.fround(stream.normal())));
  });

  it('is uniform in [0, 1) with exact float32 values', () => {
    const numbers = new Float32Array(40_000);
    randomStream([5, 6]).fillUniform(numbers);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    // Standard error of the mean: 1 / √(12 n) = 0.0014.
    expect(Math.abs(mean(numbers) - 0.5)).toBeLessThan(0.006);
    expect(Math.abs(mean(numbers.map((x) => x * x)) - 1 / 3)).toBeLessThan(0.006);
  });

  it('has normal moments', () => {
    const numbers = new Float32Array(40_000);
    randomStream([5, 6], 1).fillNormal(numbers);
    expect(Math.abs(mean(numbers))).toBeLessThan(0.02);
    expect(Math.abs(mean(numbers.map((x) => x ** 2)) - 1)).toBeLessThan(0.03);
    expect(Math.abs(mean(numbers.map((x) => x ** 4)) - 3)).toBeLessThan(0.25);
  });

  it('draws integers without bias, at awkward n as well', () => {
    const stream = randomStream([9, 9]);
    const counts = new Float64Array(7);
    for (let index = 0; index < 70_000; index++) counts[stream.integer(7)]!++;
    // χ² with 6 degrees of freedom: beyond 22.5 once in a thousand.
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5);
    // With n = 3·2³⁰ plain multiplication would give a third of the numbers twice the weight.
    let low = 0;
    for (let index = 0; index < 30_000; index++) if (stream.integer(3 * 2 ** 30) % 3 === 0) low++;
    expect(Math.abs(low / 30_000 - 1 / 3)).toBeLessThan(0.015);
    expect(() => stream.integer(0)).toThrow(RangeError);
  });

  it('permutes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 1000 }), (n, counter) => {
        const order = randomStream([1, 1], counter).permutation(n);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, index) => index));
      }),
    );
    // All 6 permutations of 3 about equally often.
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 6000; draw++) {
      const key = randomStream([2, 2], draw).permutation(3).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });

  it('draws Bernoulli numbers of the asked probability, 0 and 1 included', () => {
    const stream = randomStream([3, 3]);
    const ones = new Uint8Array(20_000);
    stream.fillBernoulli(ones, 0.3);
    expect(Math.abs(mean(ones) - 0.3)).toBeLessThan(0.015);
    stream.fillBernoulli(ones, 0);
    expect(mean(ones)).toBe(0);
    stream.fillBernoulli(ones, 1);
    expect(mean(ones)).toBe(1);
  });

  it('refuses counters that it cannot hold', () => {
    expect(() => randomStream([0, 0], -1)).toThrow(RangeError);
    expect(() => randomStream([0, 0], 0.5)).toThrow(RangeError);
    expect(() => randomStream([0, 0], 2 ** 32)).toThrow(RangeError);
    expect(() => randomStream([0, 0], 1, 2, 3, 4)).toThrow(RangeError);
  });

  it('gives parts of a computation seeds of their own', () => {
    const seeds = [childSeed([1, 2]), childSeed([1, 2], 1), childSeed([1, 3]), childSeed([1, 2], 0, 1)];
    expect(new Set(seeds.map(String)).size).toBe(4);
    expect(childSeed([1, 2], 1)).toEqual(childSeed([1, 2], 1));
  });
});

function mean(values: Float32Array | Uint8Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function definition(counter: readonly bigint[], key: readonly bigint[]): string {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0;
    const p1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map((word) => word.toString(16).padStart(8, '0')).join(' ');
}
