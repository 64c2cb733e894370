import { expect, it } from 'vitest';
import { firstWords } from '../../src/kernels/philox/wasm.ts';
import { philox4x32, randomStream } from '../../src/tensors/random.ts';
import type { Seed } from '../../src/tensors/random.ts';

const seed: Seed = [0xfedcba98, 0x76543210];

it.each([1, 4, 15, 16, 17, 1003])('gives the first %d words of the stream', (count) => {
  const stream = randomStream(seed, 7, 0xffffffff, 2);
  const expected = Array.from({ length: count }, () => stream.integer(2 ** 32));
  expect([...firstWords(count, seed, [7, 0xffffffff, 2])]).toEqual(expected);
});

it('gives the known answer of the authors for a counter and a key of zeros', () => {
  const block = new Uint32Array(4);
  philox4x32(block, 0, 0, 0, 0, 0, 0);
  expect([...firstWords(4, [0, 0], [0, 0, 0])]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  expect([...block]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
});
