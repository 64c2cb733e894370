/** Attacks as the engine runs them, on ResNet-20: images a second, and the digest of what they make, twice in a row. */
import { createHash } from 'node:crypto';
import { attackImages } from '../../src/attacks/attack-images.ts';
import type { Attack, Strength } from '../../src/attacks/attack.ts';
import { meanOf, measurePerturbation, pixelSpace } from '../../src/attacks/dissimilarity.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { carliniWagnerWith, deepFoolWith } from '../../test/attacks/every-attack.ts';
import { iterated, plainFgsm } from '../../test/attacks/plain-attacks.ts';
import { cifar } from './models.ts';
import { orFailure } from './row.ts';
import type { Given, Report } from './row.ts';

export async function measureAttacks({ backend, data, small }: Given, report: Report): Promise<void> {
  await openBackend(backend);
  const count = small ? 2 : backend === 'wasm' ? 32 : 256;
  const { model, images } = await cifar(data, count);
  const classifier = await openClassifier(model);
  const queries = openQueries(classifier);
  const target = { dissimilarity: 0.05, per: 'set', tolerance: 0.01, space: pixelSpace } as const;
  const attacks: Readonly<Record<string, readonly [Attack, Strength]>> = {
    fgsm: [plainFgsm, 8 / 255],
    'i-fgsm, 10 steps': [iterated({ steps: 10, epsilon: 8 / 255 }), 2 / 255],
    'i-fgsm, 10 steps, dissimilarity 0.05': [iterated({ steps: 10 }), target],
    deepfool: [deepFoolWith(), 1.02],
    'cw-l2, 100 steps': [carliniWagnerWith({ steps: 100, learningRate: 0.01 }), 1],
  };
  // The first calls compile shaders.
  await attackImages(plainFgsm, queries, images, 8 / 255);
  for (const [name, [attack, strength]] of Object.entries(attacks).slice(0, small ? 1 : undefined)) {
    await orFailure(name, report, async () => {
      const digests: string[] = [];
      const times = backend === 'wasm' ? 1 : 2;
      for (let time = 0; time < times; time++) {
        const [begun, before] = [performance.now(), process.cpuUsage()];
        const result = await attackImages(attack, queries, images, strength);
        const seconds = (performance.now() - begun) / 1000;
        const { user, system } = process.cpuUsage(before);
        digests.push(createHash('sha256').update(result.pixels).digest('hex').slice(0, 12));
        if (time < times - 1) continue;
        const { l2 } = measurePerturbation(images, result.pixels);
        const right = result.initial.filter((predicted, row) => predicted === images.labels[row]).length;
        report({
          what: name,
          value: count / seconds,
          unit: 'images/s',
          note:
            `CPU ${((user + system) / 1000 / count).toFixed(2)} ms an image; ${right} of ${count} right before, mean L2 ${meanOf(Float64Array.from(l2)).toFixed(4)}; ` +
            (new Set(digests).size === 1 ? `same bytes ${digests[0]}` : `OTHER BYTES ${digests.join(' ')}`),
        });
      }
    });
  }
}
