import { beforeAll, describe, expect, it } from 'vitest';
import { decodeValue, encodeValue } from '../../src/values/codec.ts';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { concatValues, sliceValue } from '../../src/values/slices.ts';
import { verifyValue } from '../../src/values/verify.ts';
import type { Figure } from '../../src/values/figure.ts';
import { imagesOf, parametersOf, runStage, stageOf } from './run-stage.ts';

let model: NetworkModel;
let digits: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4], dense: [8] })).outputs['model'] as NetworkModel;
  digits = await imagesOf('dataset/mnist', { limit: 6 });
});

const attack = async (uses: string, given: Record<string, unknown>, images = digits) =>
  runStage(uses, given, { inputs: { model, images } });
const attacked = async (uses: string, given: Record<string, unknown>, images = digits): Promise<Images> =>
  (await attack(uses, given, images)).outputs['images'] as Images;

describe('storeAs: uint8', () => {
  it.each([
    ['attack/fgsm', { epsilon: 0.1 }],
    ['attack/i-fgsm', { stepSize: 0.01, steps: 3 }],
    ['attack/noise', { epsilon: 0.1 }],
    ['attack/cw-l2', { steps: 3, learningRate: 0.01 }],
  ])('%s rounds what it would store as float32, and measures after that', async (uses, given) => {
    const floats = await attacked(uses, given);
    const bytes = await attacked(uses, { ...given, storeAs: 'uint8' });
    expect(bytes.pixels).toEqual(Uint8Array.from(floats.pixels, (value) => Math.floor(value * 255 + 0.5)));
    const size = 28 * 28;
    digits.ids.forEach((_, row) => {
      const moves = Array.from(
        bytes.pixels.subarray(row * size, (row + 1) * size),
        (value, index) => (value - digits.pixels[row * size + index]!) / 255,
      );
      const { l2, linf } = bytes.perturbation!;
      expect(l2[row]).toBeCloseTo(Math.hypot(...moves), 5);
      expect(linf[row]).toBeCloseTo(Math.max(...moves.map(Math.abs)), 6);
    });
    expect(bytes.perturbation!.rounded).toBe(true);
    expect(bytes.perturbation!.initial).toEqual(floats.perturbation!.initial);
    expect(floats.perturbation).not.toHaveProperty('rounded');
    expect(await attacked(uses, { ...given, storeAs: 'float32' })).toEqual(floats);
  });

  it('leaves originals that are bytes as they are', async () => {
    const none = await attacked('attack/none', { storeAs: 'uint8' });
    expect(none.pixels).toEqual(digits.pixels);
    expect(Math.max(...none.perturbation!.l2)).toBe(0);
  });

  it('removes perturbations below half a grey level, and says so with the score', async () => {
    const images = await attacked('attack/fgsm', { epsilon: 0.4 / 255, storeAs: 'uint8' });
    expect(images.pixels).toEqual(digits.pixels);
    const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images } });
    const predictions = outputs['predictions'] as Predictions;
    // Some were classified correctly, and one moved, so that the score is about an attack.
    const { perturbation } = predictions;
    const initial = predictions.labels.slice();
    const linf = perturbation!.linf.map((value, row) => (row === 0 ? 1 : value));
    const some = { ...predictions, perturbation: { ...perturbation!, initial, linf } };
    const { warnings } = await runStage('evaluate/robustness', {}, { inputs: { predictions: some } });
    expect(warnings).toEqual([
      expect.stringContaining(
        'Rounding to bytes also removes perturbations below half a grey level.',
      ) as string,
    ]);
  });

  it('reports the dissimilarity that is achieved after rounding', async () => {
    const { outputs, metrics } = await attack('attack/fgsm', { dissimilarity: 0.005, storeAs: 'uint8' });
    const { dissimilarity } = (outputs['images'] as Images).perturbation!;
    const mean = dissimilarity.reduce((sum, value) => sum + value, 0) / 6;
    expect(metrics['achievedDissimilarity']).toBeCloseTo(mean, 7);
  });

  it('takes a quarter of the space, and keeps what it says through files, cuts and joins', async () => {
    const floats = encodeValue(await attacked('attack/fgsm', { epsilon: 0.1 }));
    const images = await attacked('attack/fgsm', { epsilon: 0.1, storeAs: 'uint8' });
    const bytes = encodeValue(images);
    expect(bytes.length / floats.length).toBeLessThan(0.3);
    expect(decodeValue('images', bytes)).toEqual(images);
    const [first, rest] = [sliceValue(images, 0, 2), sliceValue(images, 2, 4)];
    expect(concatValues([first, rest])).toEqual(images);
    const { rounded: _, ...plain } = rest.perturbation!;
    expect(concatValues([first, { ...rest, perturbation: plain }]).perturbation).not.toHaveProperty(
      'rounded',
    );
    const wrong = { ...images, perturbation: { ...images.perturbation!, rounded: 1 } };
    expect(() => verifyValue(wrong, 'images', 'test')).toThrow('perturbation.rounded of test is 1');
  });

  it('is in the scores and below the table', async () => {
    const scored = async (strength: number, given: object): Promise<unknown> => {
      const images = await attacked('attack/fgsm', { epsilon: strength, ...given });
      const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images } });
      const predictions = outputs['predictions'] as Predictions;
      expect(decodeValue('predictions', encodeValue(predictions))).toEqual(predictions);
      const { outputs: scores } = await runStage('evaluate/robustness', {}, { inputs: { predictions } });
      return { axes: { strength }, value: scores['metrics'] as Metrics };
    };
    const table = async (scores: readonly unknown[]): Promise<string> => {
      const { outputs } = await runStage('report/table', { checks: false }, { inputs: { scores } });
      return new TextDecoder().decode((outputs['table'] as Figure).files['md']);
    };
    const [bytes, floats] = [await scored(0.1, { storeAs: 'uint8' }), await scored(0.2, {})];
    expect(bytes).toMatchObject({ value: { rows: [{ values: { roundedToBytes: 1 } }] } });
    expect(JSON.stringify(floats)).not.toContain('roundedToBytes');
    expect(await table([bytes])).toContain(
      '\nThe adversarial images were rounded to bytes (storeAs: uint8), and measured after that.\n',
    );
    expect(await table([bytes, floats])).toContain('\nIn 1 of 2 scores the adversarial images were rounded');
    expect(await table([floats])).not.toContain('rounded');
  });

  it('shares what is prepared with the attack that stores floats', () => {
    const { parts, ...stage } = stageOf('attack/fgsm');
    const prepared = (given: Record<string, unknown>): unknown =>
      parts!.of(parametersOf({ ...stage, parts: parts! }, given))!.before[0];
    expect(prepared({ epsilon: 0.1, storeAs: 'uint8' })).toEqual(prepared({ epsilon: 0.1 }));
  });
});
