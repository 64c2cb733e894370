import { describe, expect, it } from 'vitest';
import { type CheckedRow, failedSanityChecks, type SanityOptions } from '../../src/metrics/sanity-checks.ts';
import { randomStream } from '../../src/tensors/random.ts';

const strength: SanityOptions = {
  rising: [{ axis: 'strength', labels: [0, 0.02, 0.04, 0.06], meaning: 'gradients are masked' }],
};
const transfer: SanityOptions = { rising: [], transfer: { source: 'source', target: 'target' } };

function row(axes: CheckedRow['axes'], accuracy: number, more: CheckedRow['values'] = {}): CheckedRow {
  return { axes, values: { n: 200, accuracy, ...more } };
}

describe('sanity checks', () => {
  it('fire where accuracy rises with the strength, telling the worst pair and how many there are', () => {
    const rows = [0.9, 0.3, 0.5, 0.6].map((accuracy, index) =>
      row({ attack: 'fgsm', strength: [0, 0.02, 0.04, 0.06][index]! }, accuracy),
    );
    const [message, ...others] = failedSanityChecks(rows, strength);
    expect(others).toEqual([]);
    expect(message).toMatch(
      /^accuracy rises from 30\.0 % at strength=0\.02 to 60\.0 % at strength=0\.06 \(attack=fgsm\): gradients are masked \(200 images, p = \de-\d+; 1 more like it\)$/,
    );
  });

  it('keep silent where accuracy falls, also in another order and per series', () => {
    const rows = ['fgsm', 'i-fgsm'].flatMap((attack, series) =>
      [0.06, 0, 0.04, 0.02].map((value) => row({ attack, strength: value }, 0.9 - value * 10 - series * 0.1)),
    );
    expect(failedSanityChecks(rows, strength)).toEqual([]);
  });

  it('compare nothing across other axes: a defended row may be above an undefended one', () => {
    const rows = [
      row({ defense: 'none', strength: 0.02 }, 0.1),
      row({ defense: 'jpeg', strength: 0.06 }, 0.7),
    ];
    expect(failedSanityChecks(rows, strength)).toEqual([]);
  });

  it('raise no alarm from sampling noise: at most 1 % of sound tables of 15 pairs have a warning', () => {
    let alarms = 0;
    for (let trial = 0; trial < 1000; trial++) {
      const stream = randomStream([5, 5], trial);
      const rows = [0, 0.02, 0.04, 0.06].flatMap((value) =>
        ['a', 'b', 'c'].map((attack) => {
          let right = 0;
          for (let image = 0; image < 100; image++) right += Number(stream.bernoulli(0.3));
          return { axes: { attack, strength: value }, values: { n: 100, accuracy: right / 100 } };
        }),
      );
      alarms += failedSanityChecks(rows, strength).length;
    }
    expect(alarms).toBeLessThanOrEqual(10);
  });

  it('find a real rise of 30 points in 200 images in a table of many series', () => {
    const rows = ['a', 'b', 'c', 'd', 'e', 'f'].flatMap((defense) => [
      row({ defense, strength: 0.02 }, 0.3),
      row({ defense, strength: 0.06 }, defense === 'c' ? 0.6 : 0.25),
    ]);
    expect(failedSanityChecks(rows, strength)).toHaveLength(1);
  });

  it('fire where a transferred attack beats the white box, and not where it does worse', () => {
    const rows = (white: number, black: number) => [
      row({ source: 'resnet20', target: 'resnet20' }, white),
      row({ source: 'resnet32', target: 'resnet20' }, black),
    ];
    expect(failedSanityChecks(rows(0.5, 0.1), transfer)[0]).toContain(
      'the accuracy of target=resnet20 is 10.0 % under the attack made on source=resnet32, and 50.0 % under the white-box attack',
    );
    expect(failedSanityChecks(rows(0.01, 0.3), transfer)).toEqual([]);
    expect(failedSanityChecks(rows(0.13, 0.1), transfer)).toEqual([]);
  });

  it('fire where accuracy stays above chance though the attack may blank the image', () => {
    const none: SanityOptions = { rising: [] };
    const at = (accuracy: number, linf: number, attack = 'pgd', dissimilarity = 0.7) => [
      row({ attack }, accuracy, { chance: 0.12, linf, dissimilarity }),
    ];
    expect(failedSanityChecks(at(0.5, 0.5), none)[0]).toContain(
      'accuracy is still 50.0 %, above chance (12.0 %)',
    );
    expect(failedSanityChecks(at(0.5, 0.1), none)).toEqual([]);
    expect(failedSanityChecks(at(0.1, 0.5), none)).toEqual([]);
    expect(failedSanityChecks(at(0.15, 0.5), none)).toEqual([]);
    expect(failedSanityChecks(at(0.5, 0.5, 'noise'), none)).toEqual([]);
    // DeepFool moves a few pixels of a digit by 0.8, and the rest little.
    expect(failedSanityChecks(at(0.5, 0.8, 'deepfool', 0.3), none)).toEqual([]);
    expect(failedSanityChecks(at(0.5, 0.1, 'deepfool', 1), none)).toHaveLength(1);
  });

  it('leave out rows without images or accuracy', () => {
    const rows = [
      { axes: { strength: 0.02 }, values: { n: 0, accuracy: null } },
      { axes: { strength: 0.04 }, values: { ms: 3 } },
      row({ strength: 0.06 }, 0.9),
    ];
    expect(failedSanityChecks(rows, strength)).toEqual([]);
  });
});
