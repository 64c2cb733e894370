/**
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011). The n-th number of a stream is a pure function of seed, counters and n, so
 * results do not depend on the batch, the shard or the order.
 */

export type Seed = readonly [high: number, low: number];

/** Numbers drawn one after another; two streams with equal seed and counters give equal numbers. */
export interface RandomStream {
  /** Uniform in [0, 1) and a multiple of 2⁻²⁴, so that it is exact in float32. */
  uniform(): number;
  /** Standard normal (Box and Muller 1958). */
  normal(): number;
  /** Uniform in {0, …, n − 1} without bias, 1 ≤ n ≤ 2³² (Lemire, "Fast random integer generation", 2019). */
  integer(n: number): number;
  /** True with probability p. */
  bernoulli(p: number): boolean;
  /** Uniform permutation of 0 … n − 1 (Fisher and Yates). */
  permutation(n: number): Int32Array;
  fillUniform(target: Float32Array): void;
  fillNormal(target: Float32Array): void;
  /** Fills with ones with probability p, and zeros otherwise. */
  fillBernoulli(target: Float32Array | Uint8Array, p: number): void;
}

/**
 * The stream of `seed` that up to three counters name, each an integer in [0, 2³²): usually the draw, the
 * image id, and a number for what is drawn. Missing counters count as 0.
 */
export function randomStream(seed: Seed, ...counters: readonly number[]): RandomStream {
  return new PhiloxStream(seed, checkCounters(counters));
}

/** A seed for a part of the computation, independent of every stream of `seed`. */
export function childSeed(seed: Seed, ...counters: readonly number[]): Seed {
  const words = checkCounters(counters);
  const block = new Uint32Array(4);
  // No stream reaches this block, which would be its last after 2³⁴ numbers.
  philox4x32(block, 0xffffffff, words[0], words[1], words[2], seed[0], seed[1]);
  return [block[0]!, block[1]!];
}

/**
 * Computes one block, ten rounds of Philox4x32 on the counter c0 … c3 with the key k0, k1, into `out[0 … 3]`.
 */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * Upper 32 bits of the product of two unsigned 32-bit integers, as a signed integer. Products of 16-bit
 * halves plus a carry of 16 bits stay below 2³², so that the engine uses integer arithmetic throughout.
 */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const middle = (Math.imul(aLow, bHigh) + (low & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (low >>> 16) + (middle >>> 16)) | 0;
}

class PhiloxStream implements RandomStream {
  readonly #seed: Seed;
  readonly #counters: readonly [number, number, number];
  readonly #block = new Uint32Array(4);
  #blocks = 0;
  #used = 4;
  #spareNormal: number | null = null;

  constructor(seed: Seed, counters: readonly [number, number, number]) {
    this.#seed = seed;
    this.#counters = counters;
  }

  #word(): number {
    if (this.#used === 4) {
      const [c1, c2, c3] = this.#counters;
      philox4x32(this.#block, this.#blocks++, c1, c2, c3, this.#seed[0], this.#seed[1]);
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  uniform(): number {
    return (this.#word() >>> 8) * 2 ** -24;
  }

  normal(): number {
    if (this.#spareNormal !== null) {
      const spare = this.#spareNormal;
      this.#spareNormal = null;
      return spare;
    }
    // V8 has its own log, cos and sin (fdlibm), so the bits are the same on every machine.
    const radius = Math.sqrt(-2 * Math.log((this.#word() + 0.5) * 2 ** -32));
    const angle = 2 * Math.PI * (this.#word() * 2 ** -32);
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new RangeError(`integer(${n}): n must be an integer in [1, 2^32]`);
    if (n === 2 ** 32) return this.#word();
    let word = this.#word();
    let low = Math.imul(word, n) >>> 0;
    if (low < n) {
      const threshold = (2 ** 32 - n) % n;
      while (low < threshold) {
        word = this.#word();
        low = Math.imul(word, n) >>> 0;
      }
    }
    return multiplyHigh(word, n) >>> 0;
  }

  bernoulli(p: number): boolean {
    return this.#word() * 2 ** -32 < p;
  }

  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, index) => index);
    for (let last = n - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const swap = order[last]!;
      order[last] = order[other]!;
      order[other] = swap;
    }
    return order;
  }

  fillUniform(target: Float32Array): void {
    for (let index = 0; index < target.length; index++) target[index] = this.uniform();
  }

  fillNormal(target: Float32Array): void {
    for (let index = 0; index < target.length; index++) target[index] = this.normal();
  }

  fillBernoulli(target: Float32Array | Uint8Array, p: number): void {
    for (let index = 0; index < target.length; index++) target[index] = this.bernoulli(p) ? 1 : 0;
  }
}

function checkCounters(counters: readonly number[]): readonly [number, number, number] {
  if (counters.length > 3)
    throw new RangeError(`a random stream has at most 3 counters, got ${counters.length}`);
  for (const counter of counters) {
    if (!Number.isInteger(counter) || counter < 0 || counter >= 2 ** 32) {
      throw new RangeError(`counter ${counter} of a random stream is not an integer in [0, 2^32)`);
    }
  }
  return [counters[0] ?? 0, counters[1] ?? 0, counters[2] ?? 0];
}
