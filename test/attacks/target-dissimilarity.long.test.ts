import { beforeAll, describe, expect, it } from 'vitest';
import { sweepStrengths } from './attack-classifier.ts';
import {
  meanOf,
  perturbationNorms,
  pixelSpace,
  ratios,
  referenceNorms,
} from '../../src/attacks/dissimilarity.ts';
import { noise } from '../../src/attacks/noise.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { readyBackends } from '../tensors/backends.ts';
import { carliniWagnerWith, deepFoolWith, pgdWith } from './every-attack.ts';
import { iterated, plainFgsm } from './plain-attacks.ts';
import { resnet20, squeezenet } from './trained-network.ts';

/** The attacks of the paper and ours, on trained networks. RAVELIN_TEST_LARGE=1 takes SqueezeNet and more images too. */
const large = process.env['RAVELIN_TEST_LARGE'] === '1';
const backend = 'tensorflow';
const ready = readyBackends.includes(backend);
if (!ready)
  process.stderr.write('SKIPPED: target dissimilarities, for the tensorflow backend is not ready\n');

const networks = [
  ['ResNet-20', ready ? await resnet20(large ? 256 : 24) : null],
  ...(large ? ([['SqueezeNet', ready ? await squeezenet(24) : null]] as const) : []),
] as const;
const attacks = Object.entries({
  fgsm: plainFgsm,
  'i-fgsm': iterated({ steps: 10 }),
  // All thousand classes of SqueezeNet would take an hour.
  deepfool: deepFoolWith({ candidates: large ? 10 : 4 }),
  'cw-l2': carliniWagnerWith({ steps: large ? 100 : 30, learningRate: large ? 0.001 : 0.003 }),
  pgd: pgdWith({ steps: 7 }),
  'pgd in L2': pgdWith({ steps: 7, norm: 'l2' }),
  noise: noise({ distribution: 'gaussian', seed: [1, 2] }),
}).map(([name, attack]) => ({ name, attack }));

describe.each(networks)('on %s', (_name, network) => {
  beforeAll(async () => {
    if (ready) await openBackend(backend);
  });

  it.skipIf(network === null).each(attacks)(
    '$name reaches a mean dissimilarity of 0.02, 0.04, 0.06 and 0.08 within 1 %',
    async ({ name, attack }) => {
      const { model, images } = network!;
      const classifier = await openClassifier(model);
      const targets = [0.02, 0.04, 0.06, 0.08];
      const results = await sweepStrengths(
        attack,
        classifier,
        images,
        targets.map((dissimilarity) => ({ dissimilarity, per: 'set', tolerance: 0.01, space: pixelSpace })),
      );
      classifier.dispose();
      const references = referenceNorms(images, pixelSpace);
      const achieved = results.map(({ pixels }) =>
        meanOf(ratios(perturbationNorms(images, pixels, pixelSpace), references)),
      );
      if (large)
        process.stderr.write(`${_name} ${name}: ${achieved.map((value) => value.toFixed(5)).join(' ')}\n`);
      for (const [index, target] of targets.entries()) {
        expect(Math.abs(achieved[index]! - target)).toBeLessThanOrEqual(0.01 * target);
      }
      if (name.startsWith('pgd') || name === 'i-fgsm') return;
      // Only what searches with gradients may have to scale a perturbation down.
      expect(results.map(({ scaled }) => scaled)).toEqual([0, 0, 0, 0]);
    },
    large ? 1_800_000 : 600_000,
  );
});
