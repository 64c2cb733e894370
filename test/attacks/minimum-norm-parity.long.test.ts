/**
 * Minimal norms beside those of adv-lib, mean and median within 2 %, and the images that are left, within one: ResNet-20 and the
 * 52 of the first 64 CIFAR-10 test images that it classifies correctly. `reference` was made by test/reference/field_attacks.py.
 * The numbers of some attacks depend on the last bits of the images by more than that: for these it has several runs of
 * adv-lib on images with a noise of 1e-6, and ours have to be within the range of them all.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { distanceBetween } from '../../src/attacks/norms.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import reference from '../reference/field_attacks.json' with { type: 'json' };
import { readyBackends } from '../tensors/backends.ts';
import { attackImages, classify } from './attack-classifier.ts';
import { ddnWith, fabWith, fmnWith } from './every-attack.ts';
import { resnet20 } from './trained-network.ts';

const attacks = [
  ['ddn', 'l2', ddnWith({ steps: 100 })],
  ['fmn-l2', 'l2', fmnWith({ norm: 'l2', steps: 100 })],
  ['fmn-linf', 'linf', fmnWith({ norm: 'linf', steps: 100 })],
  ['fmn-l1', 'l1', fmnWith({ norm: 'l1', steps: 100 })],
  ['ddn-least-likely', 'l2', ddnWith({ steps: 100, targeted: 'least-likely' })],
  ['fmn-l2-least-likely', 'l2', fmnWith({ norm: 'l2', steps: 100, targeted: 'least-likely' })],
  ['fab-l2', 'l2', fabWith({ norm: 'l2', steps: 20 })],
  ['fab-linf', 'linf', fabWith({ norm: 'linf', steps: 20 })],
] as const;

type Run = Readonly<Record<'mean' | 'median' | 'right' | 'left', number>>;

/** Images that are farther than this are left, as in test/reference/field_attacks.py. */
const budget = 1 / 255;
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
    const runs: readonly Run[] = [expected, ...('nudged' in expected ? expected.nudged : [])];
    const { model, images } = network!;
    const classifier = await openClassifier(model);
    const { pixels, states, initial } = await attackImages(attack, classifier, images, 1);
    const { classes } = await classify(classifier, { ...images, pixels });
    classifier.dispose();
    const size = pixels.length / states.length;
    const rows = [...states.keys()].filter((row) => initial[row] === images.labels[row]);
    const distanceOf = (row: number): number => {
      const [first, end] = [row * size, (row + 1) * size];
      return distanceBetween(images.pixels.subarray(first, end), pixels.subarray(first, end), norm);
    };
    const right = rows.filter((row) => classes[row] === images.labels[row]);
    const left = rows.filter((row) => right.includes(row) || distanceOf(row) > budget * 1.0001);
    const distances = rows.map(distanceOf).sort((a, b) => a - b);
    expect(distances.length).toBe(expected.images);
    const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    const middle = distances.length / 2;
    const median = (distances[middle - 1]! + distances[middle]!) / 2;
    process.stderr.write(
      `${name}: mean ${mean.toFixed(6)} (${expected.mean}), median ${median.toFixed(6)} (${expected.median}), ` +
        `${right.length} right (${expected.right}), ${left.length} left (${expected.left})\n`,
    );
    for (const [key, value] of [
      ['mean', mean],
      ['median', median],
    ] as const) {
      expect(value).toBeGreaterThanOrEqual(0.98 * Math.min(...runs.map((run) => run[key])));
      expect(value).toBeLessThanOrEqual(1.02 * Math.max(...runs.map((run) => run[key])));
    }
    for (const [key, value] of [
      ['right', right.length],
      ['left', left.length],
    ] as const) {
      expect(value).toBeGreaterThanOrEqual(Math.min(...runs.map((run) => run[key])) - 1);
      expect(value).toBeLessThanOrEqual(Math.max(...runs.map((run) => run[key])) + 1);
    }
  });
});
