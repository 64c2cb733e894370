import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack, Strength } from '../../src/attacks/attack.ts';
import { attackImages, type AttackResult } from '../../src/attacks/attack-images.ts';
import { pixelSpace } from '../../src/attacks/dissimilarity.ts';
import type { ImageBatch } from '../../src/attacks/images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { linearModel } from './linear-classifier.ts';

beforeAll(() => openBackend('wasm'));

const images = (): ImageBatch => ({
  pixels: Float32Array.from({ length: 12 }, (_, at) => 0.25 + at / 24),
  shape: [3, 2, 2, 1],
  labels: Int32Array.of(0, 1, 0),
  ids: Int32Array.of(10, 11, 12),
});

function attacked(attack: unknown, strength: Strength = 0.1, given = images()): Promise<AttackResult> {
  const { classifier } = linearModel([2, 2, 1], 2, Float32Array.of(1, -1, 0.5, -0.5, 1, -1, -1, 1));
  return attackImages(attack as Attack, openQueries(classifier), given, strength);
}

const targets = (['set', 'image'] as const).map(
  (per) => ({ dissimilarity: 0.1, per, tolerance: 0.01, space: pixelSpace }) satisfies Strength,
);

type Perturb = (rows: Int32Array, strengths: Float64Array, images: ImageBatch) => unknown;
const iterated = (perturb: Perturb, change: object = {}): object => ({
  kind: 'iterated',
  maximum: 1,
  prepare: (problem: { images: ImageBatch }) => ({
    perturb: (rows: Int32Array, strengths: Float64Array) =>
      Promise.resolve(perturb(rows, strengths, problem.images)),
  }),
  ...change,
});

describe('what perturb returns is checked at a strength and at a target, whose search ends', () => {
  const subject = 'the pixels that perturb returned';
  it.each<readonly [string, Perturb, string]>([
    [
      'NaN',
      (rows) => new Float32Array(4 * rows.length).fill(NaN),
      'are not finite: they hold NaN in image 0 (id 10)',
    ],
    [
      'too few values',
      (rows) => new Float32Array(4 * rows.length - 4),
      'are 8 values, not 12 (3 × 2 × 2 × 1)',
    ],
    [
      'more than 1',
      (rows) => new Float32Array(4 * rows.length).fill(1.5),
      'are not all in [0, 1]: they hold 1.5 in image 0 (id 10)',
    ],
    ['float64', (rows) => new Float64Array(4 * rows.length), 'are a Float64Array, not a Float32Array'],
    [
      'a plain array',
      (rows) => Array.from({ length: 4 * rows.length }, () => 0),
      'are a plain array, not a Float32Array',
    ],
    ['bytes', (rows) => new Uint8Array(4 * rows.length), 'are a Uint8Array, not a Float32Array'],
    ['nothing', () => undefined, 'are undefined, not a Float32Array'],
  ])('%s', async (_, perturb, problem) => {
    for (const strength of [0.1, ...targets])
      await expect(attacked(iterated(perturb), strength)).rejects.toThrow(`${subject} ${problem}`);
  });

  it('an attack that moves nothing cannot reach a target, and says so', async () => {
    for (const target of targets)
      await expect(
        attacked(
          iterated((_rows, _strengths, { pixels }) => pixels.slice()),
          target,
        ),
      ).rejects.toThrow('cannot be reached');
  });
});

describe('what direction returns is checked', () => {
  it.each<readonly [string, unknown, string]>([
    ['too few values', new Float32Array(10), 'are 10 values, not 12 (3 × 2 × 2 × 1)'],
    ['NaN', new Float32Array(12).fill(NaN), 'are not finite: they hold NaN in image 0 (id 10)'],
    ['float64', new Float64Array(12), 'are a Float64Array, not a Float32Array or an Int8Array'],
  ])('%s', async (_, returned, problem) => {
    const attack = { kind: 'direction', maximum: 1, direction: () => Promise.resolve(returned) };
    for (const strength of [0.1, ...targets])
      await expect(attacked(attack, strength)).rejects.toThrow(
        `the values that direction returned ${problem}`,
      );
  });
});

describe('the originals are those that were given', () => {
  it.each([0.1, ...targets])('an attack that writes into them is refused at %o', async (strength) => {
    const attack = iterated((_rows, strengths, { pixels }) => {
      pixels.forEach((value, at) => (pixels[at] = Math.min(1, value + strengths[0]!)));
      return pixels.slice();
    });
    await expect(attacked(attack, strength)).rejects.toThrow(
      'the attack wrote into pixels of problem.images',
    );
  });

  it('an attack that returns them has not moved them, and the engine does not write into them either', async () => {
    const given = images();
    const { pixels } = await attacked(
      iterated((_rows, _strengths, originals) => originals.pixels),
      0.1,
      given,
    );
    expect(pixels).toEqual(images().pixels);
    expect(pixels.buffer).not.toBe(given.pixels.buffer);
  });

  it('an attack that changes its strengths and rows changes a copy', async () => {
    const { strengths } = await attacked(
      iterated((rows, given) => new Float32Array(4 * rows.fill(0).length).fill(given.fill(0)[0]!)),
    );
    expect(strengths).toEqual(Float64Array.of(0.1, 0.1, 0.1));
  });
});

it.each<readonly [string, unknown, string]>([
  ['nothing', undefined, 'the attack is undefined, not an object'],
  ['no kind', { maximum: 1 }, "the kind of the attack is neither 'direction' nor 'iterated'"],
  ['no prepare', { kind: 'iterated', maximum: 1 }, 'prepare of the attack is undefined, not a function'],
  [
    'no perturb',
    { kind: 'iterated', maximum: 1, prepare: () => ({}) },
    'perturb of the attack is undefined, not a function',
  ],
  [
    'no iteration',
    { kind: 'iterated', maximum: 1, prepare: () => undefined },
    'what prepare returned is undefined, not an object',
  ],
  ['a maximum that is NaN', iterated(() => null, { maximum: NaN }), "the attack's maximum is NaN"],
  [
    'an endless search',
    iterated(() => null, { search: { refinements: Infinity } }),
    "the attack's search is",
  ],
  [
    'that a stronger attack moves an image by no more',
    iterated(() => null, { search: { elasticity: 0 } }),
    "the attack's search is { guess: 1, elasticity: 0, refinements: 12, pilot: 0 }",
  ],
])('an attack that declares %s is refused', async (_, attack, message) => {
  await expect(attacked(attack)).rejects.toThrow(message);
});
