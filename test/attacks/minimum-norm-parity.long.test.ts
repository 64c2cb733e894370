/**
 * Minimal norms beside those of adv-lib, mean and median within 2 %: ResNet-20 and the 52 of the first 64 CIFAR-10 test images
 * that it classifies correctly. `reference` was made by test/reference/field_attacks.py.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { distanceBetween } from '../../src/attacks/norms.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import reference from '../reference/field_attacks.json' with { type: 'json' };
import { readyBackends } from '../tensors/backends.ts';
import { attackImages } from './attack-classifier.ts';
import { ddnWith, fabWith, fmnWith } from './every-attack.ts';
import { resnet20 } from './trained-network.ts';

const attacks = [
  ['ddn', 'l2', ddnWith({ steps: 100 })],
  ['fmn-l2', 'l2', fmnWith({ norm: 'l2', steps: 100 })],
  ['fmn-linf', 'linf', fmnWith({ norm: 'linf', steps: 100 })],
  ['fab-l2', 'l2', fabWith({ norm: 'l2', steps: 20 })],
  ['fab-linf', 'linf', fabWith({ norm: 'linf', steps: 20 })],
] as const;

const backend = 'tensorflow';
const network = readyBackends.includes(backend) ? await resnet20(64) : null;
if (!readyBackends.includes(backend)) {
  process.stderr.write('SKIPPED: parity of minimal norms, for the tensorflow backend is not ready\n');
}

describe.skipIf(network === null)('beside adv-lib', () => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  it.each(attacks)('%s finds the same mean and median norm within 2 percent', async (name, norm, attack) => {
    const expected = reference.results['adv-lib'][name];
    const { model, images } = network!;
    const classifier = await openClassifier(model);
    const { pixels, states, initial } = await attackImages(attack, classifier, images, 1);
    classifier.dispose();
    const size = pixels.length / states.length;
    const distances = [...states.keys()]
      .filter((row) => states[row] === 'active' && initial[row] === images.labels[row])
      .map((row) => {
        const [first, end] = [row * size, (row + 1) * size];
        return distanceBetween(images.pixels.subarray(first, end), pixels.subarray(first, end), norm);
      })
      .sort((a, b) => a - b);
    expect(distances.length).toBe(expected.images);
    const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    const middle = distances.length / 2;
    const median = (distances[middle - 1]! + distances[middle]!) / 2;
    process.stderr.write(
      `${name}: mean ${mean.toFixed(6)} (${expected.mean}), median ${median.toFixed(6)} (${expected.median})\n`,
    );
    expect(Math.abs(mean / expected.mean - 1)).toBeLessThanOrEqual(0.02);
    expect(Math.abs(median / expected.median - 1)).toBeLessThanOrEqual(0.02);
  });
});
