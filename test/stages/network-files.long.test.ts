import { beforeAll, describe, expect, it } from 'vitest';
import { zoo } from '../../src/models/architectures/zoo.ts';
import { readNetworkFile } from '../../src/models/network-file/read.ts';
import { networkFileText } from '../../src/models/network-file/write.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { expectSameAfterRoundTrip } from './network-round-trip.ts';
import { stageOf } from './run-stage.ts';

beforeAll(() => openBackend('wasm'));

/** Sizes that leave something to pool, so that the round trip of a network takes a second. */
function smallest(name: string): number {
  const { properties } = stageOf(`model/${name}`).with as unknown as {
    properties: { size: { minimum: number } };
  };
  return Math.max(32, properties.size.minimum);
}

/** vgg16's weights (0.5 GB, three times over) are much for a test; RAVELIN_TEST_LARGE=1 computes its gradients too. */
const tooLarge = process.env['RAVELIN_TEST_LARGE'] === '1' ? [] : ['vgg16'];
for (const name of tooLarge)
  process.stderr.write(
    `SKIPPED: the gradients of ${name} after a round trip, for RAVELIN_TEST_LARGE is not 1\n`,
  );

describe.each(Object.entries(zoo))('%s, written as a network file and read back', (name, { build }) => {
  const network = build({ size: smallest(name), classes: 10 });

  it('is the same graph', () => {
    const preprocessing = { mean: [0, 0, 0], std: [1, 1, 1] };
    const text = networkFileText({ kind: 'model', network, weights: {}, preprocessing }, 'w.safetensors');
    expect(readNetworkFile(JSON.parse(text))).toEqual({
      network,
      preprocessing,
      weights: { file: 'w.safetensors', layout: 'ravelin' },
    });
  });

  it.skipIf(tooLarge.includes(name))('has the same logits and gradients, to the bit', async () => {
    await expectSameAfterRoundTrip(network);
  });
});
