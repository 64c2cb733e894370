import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack } from '../../src/attacks/attack.ts';
import { measurePerturbation } from '../../src/attacks/dissimilarity.ts';
import { takeRows } from '../../src/attacks/images.ts';
import { marginOf } from '../../src/attacks/logits.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import reference from '../reference/attacks.json' with { type: 'json' };
import { readyBackends } from '../tensors/backends.ts';
import { attackImages, classify } from './attack-classifier.ts';
import { libraryAttacks } from './library-attacks.ts';
import { resnet20, type TrainedNetwork } from './trained-network.ts';

/**
 * The other libraries on the same network and images: `reference` was made by test/reference/attacks.py. RAVELIN_TEST_LARGE=1 also runs
 * torchattacks' DeepFool and CW-L2, which Foolbox's cover nearly.
 */
const large = process.env['RAVELIN_TEST_LARGE'] === '1';
const cases = [
  ['foolbox', 'fgsm'],
  ['foolbox', 'bim'],
  ['foolbox', 'deepfool'],
  ['foolbox', 'cw-l2'],
  ['torchattacks', 'fgsm'],
  ['torchattacks', 'mi-fgsm'],
  ...(large
    ? ([
        ['torchattacks', 'bim'],
        ['torchattacks', 'deepfool'],
        ['torchattacks', 'cw-l2'],
      ] as const)
    : []),
] as const;

const backend = 'tensorflow';
const network = readyBackends.includes(backend) ? await resnet20(256) : null;
if (!readyBackends.includes(backend)) {
  process.stderr.write('SKIPPED: parity of attacks, for the tensorflow backend is not ready\n');
}

describe.skipIf(network === null)('with the preset of a library', () => {
  beforeAll(async () => {
    await openBackend(backend);
  });

  it.each(cases)(
    'as %s, %s leaves as many images right (±1 %) at the same mean L2 (±1 %)',
    async (library, name) => {
      const expected = reference.results[library][name];
      const { attack, strength } = libraryAttacks[library][name];
      const found = await outcome(network!, attack, strength, expected.images);
      if (large) process.stderr.write(`${library} ${name}: ${JSON.stringify(found)}\n`);
      expect(Math.abs(found.l2 - expected.l2)).toBeLessThanOrEqual(0.01 * expected.l2);
      expect(Math.abs(found.dissimilarity - expected.dissimilarity)).toBeLessThanOrEqual(
        0.01 * expected.dissimilarity,
      );
      // An image on the boundary itself is right or wrong by the last bits, which depend on the batch in PyTorch too.
      expect(Math.abs(found.correct - found.tied - (expected.correct - expected.tied))).toBeLessThanOrEqual(
        0.01 * expected.images,
      );
    },
  );
});

interface Outcome {
  readonly correct: number;
  /** How many of these are right by less than 1e-4 in the logits, as in test/reference/attacks.py. */
  readonly tied: number;
  readonly l2: number;
  readonly dissimilarity: number;
}

async function outcome(
  { model, images }: TrainedNetwork,
  attack: Attack,
  strength: number,
  count: number,
): Promise<Outcome> {
  const some = takeRows(
    images,
    Array.from({ length: count }, (_, row) => row),
  );
  const classifier = await openClassifier(model);
  const { pixels } = await attackImages(attack, classifier, some, strength);
  const { classes, logits } = await classify(classifier, { ...some, pixels });
  classifier.dispose();
  const { l2, dissimilarity } = measurePerturbation(some, pixels);
  const right = Array.from(classes.keys()).filter((row) => classes[row] === some.labels[row]);
  const tied = right.filter((row) => -marginOf(logits, classifier.classes, row, some.labels[row]!) < 1e-4);
  return { correct: right.length, tied: tied.length, l2: mean(l2), dissimilarity: mean(dissimilarity) };
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
