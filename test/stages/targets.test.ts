import { beforeAll, describe, expect, it } from 'vitest';
import { attackAlong, prepareAttack } from '../../src/attacks/attack-images.ts';
import { openQueries } from '../../src/attacks/open-queries.ts';
import { fgsm } from '../../src/attacks/fgsm.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { argmaxRows } from '../../src/metrics/classification.ts';
import { robustnessScores } from '../../src/metrics/robustness.ts';
import { decodeValue, encodeValue } from '../../src/values/codec.ts';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { concatValues, sliceValue, toFloats } from '../../src/values/slices.ts';
import { imagesOf, runStage, stageOf } from './run-stage.ts';

let model: NetworkModel;
let digits: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
  digits = await imagesOf('dataset/mnist', { limit: 10 });
});

async function predicted(images: Images): Promise<Predictions> {
  const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images } });
  return outputs['predictions'] as Predictions;
}

async function attacked(uses: string, given: Record<string, unknown>, images = digits): Promise<Images> {
  return (await runStage(uses, given, { inputs: { model, images } })).outputs['images'] as Images;
}

const targeted: readonly (readonly [string, Record<string, unknown>])[] = [
  ['attack/fgsm', { epsilon: 0.1 }],
  ['attack/i-fgsm', { epsilon: 0.1, steps: 2 }],
  ['attack/mi-fgsm', { epsilon: 0.1, steps: 2 }],
  ['attack/transfer', { epsilon: 0.1, steps: 2 }],
  ['attack/pgd', { epsilon: 0.1, steps: 2 }],
  ['attack/pgd', { epsilon: 0.1, steps: 2, storeAs: 'uint8', queries: 5 }],
  ['attack/spsa', { epsilon: 0.1, steps: 1, samples: 4 }],
  ['attack/deepfool', {}],
  ['attack/cw-l2', { steps: 2 }],
  ['attack/ddn', { steps: 2 }],
  ['attack/fmn', { steps: 2 }],
  ['attack/hop-skip-jump', { steps: 1, firstSamples: 4, starts: 2 }],
];

describe.each(targeted)('%s with %j', (uses, given) => {
  it('records the classes that it aims at, in any shards', async () => {
    const whole = await attacked(uses, { ...given, targeted: 'random' });
    const target = whole.perturbation?.target;
    expect(target).toHaveLength(10);
    digits.labels.forEach((label, row) => expect(target![row]).not.toBe(label));
    const parts: Images[] = [];
    for (const [first, end] of [
      [0, 4],
      [4, 10],
    ] as const)
      parts.push(
        await attacked(uses, { ...given, targeted: 'random' }, sliceValue(digits, first, end - first)),
      );
    const joined = concatValues<Images>(parts);
    expect(joined.perturbation!.target).toEqual(target);
    const stored = decodeValue('images', encodeValue(joined)) as Images;
    expect(stored.perturbation!.target).toEqual(target);
  });

  it('records the same classes at strength 0', async () => {
    const { perturbation } = await attacked(uses, { ...given, targeted: 'random' });
    const zero = 'epsilon' in given ? { epsilon: 0 } : { dissimilarity: 0 };
    const still = await attacked(uses, { ...given, ...zero, targeted: 'random' });
    expect(still.perturbation!.target).toEqual(perturbation!.target);
    expect(Math.max(...still.perturbation!.l2)).toBe(0);
    expect((await attacked(uses, { ...given, ...zero })).perturbation).not.toHaveProperty('target');
  });

  it('has a version of its own with a target, because earlier results were without the classes', () => {
    const { versionWith, version } = stageOf(uses);
    const versionOf = (params: object): number => versionWith?.(params as never) ?? version;
    for (const norm of ['linf', 'l2']) expect(versionOf({ norm, targeted: 3 })).toBe(versionOf({ norm }) + 1);
  });

  it('records no class without a target', async () => {
    const { perturbation } = await attacked(uses, given);
    expect(perturbation).not.toHaveProperty('target');
  });
});

it('The targets of attack/fab are no classes, and its version stays', () => {
  const { versionWith } = stageOf('attack/fab');
  expect(versionWith?.({ targeted: true } as never)).toBeUndefined();
});

describe('the targets of an attack', () => {
  it('are the least likely classes at the originals, or the class that is given', async () => {
    const { probabilities } = await predicted(digits);
    const least = digits.ids.map((_, row) => {
      const own = probabilities.subarray(row * 10, (row + 1) * 10);
      return own.indexOf(Math.min(...own));
    });
    const aimed = async (rule: number | string): Promise<unknown> =>
      (await attacked('attack/fgsm', { epsilon: 0.1, targeted: rule })).perturbation!.target;
    expect(await aimed('least-likely')).toEqual(least);
    expect(await aimed(3)).toEqual(new Int32Array(10).fill(3));
  });

  it('are part of what an attack prepares for all strengths', async () => {
    const classifier = await openClassifier(model);
    const batch = { ...digits, pixels: toFloats(digits.pixels) };
    const attack = fgsm({ loss: 'cross-entropy', seed: [1, 2], targeted: 'least-likely', randomStart: 0 });
    try {
      const prepared = await prepareAttack(attack, openQueries(classifier), batch);
      const stored = decodeValue('preparation', encodeValue(prepared)) as typeof prepared;
      const { target } = await attackAlong({ maximum: 1 }, stored, batch, 0.1);
      expect(target).toHaveLength(10);
      const parts = [sliceValue(stored, 0, 3), sliceValue(stored, 3, 7)];
      expect(concatValues(parts).target).toEqual(target);
    } finally {
      classifier.dispose();
    }
  });

  it('are not held against an attack at images that have them from the start', async () => {
    const labels = await predicted(digits).then(({ probabilities }) => argmaxRows(probabilities, 10));
    const right = { ...digits, labels };
    const [first] = labels;
    const images = await attacked('attack/deepfool', { targeted: first }, right);
    const at = labels.filter((label) => label === first).length;
    const { l2 } = images.perturbation!;
    expect(l2.filter((length) => length === 0).length).toBeGreaterThanOrEqual(at);
    const { unmoved } = robustnessScores(await predicted(images));
    expect(unmoved).toBe(l2.filter((length, row) => length === 0 && labels[row] !== first).length);
  });

  it('give the share of the images that reach them, without those that are of that class', async () => {
    const images = await attacked('attack/pgd', { epsilon: 0.3, steps: 10, targeted: 7 });
    const predictions = await predicted(images);
    const classes = argmaxRows(predictions.probabilities, 10);
    const others = [...digits.labels.keys()].filter((row) => digits.labels[row] !== 7);
    const reached = others.filter((row) => classes[row] === 7);
    expect(others.length).toBeLessThan(10);
    expect(robustnessScores(predictions)).toMatchObject({
      nTargeted: others.length,
      targetRate: reached.length / others.length,
    });
    expect(
      robustnessScores(await predicted(await attacked('attack/pgd', { epsilon: 0.3 }))),
    ).not.toHaveProperty('targetRate');
  });
});
