import { beforeAll, describe, expect, it } from 'vitest';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { sliceValue, toFloats } from '../../src/values/slices.ts';
import type { Transform } from '../../src/values/transform.ts';
import { imagesOf, runStage } from './run-stage.ts';

/** Attacks whose questions differ: class gradients, products with a vector, gradients of a loss. */
const attacks = [
  ['attack/deepfool', { steps: 3 }],
  ['attack/cw-l2', { steps: 8, learningRate: 0.01 }],
  ['attack/pgd', { epsilon: 0.1, steps: 3 }],
  ['attack/apgd', { epsilon: 0.1, steps: 3, loss: 'targeted-dlr', targets: 2, stopEarly: false }],
  ['attack/square', { epsilon: 0.1, queries: 6 }],
  ['attack/spsa', { epsilon: 0.1, samples: 4, steps: 3, delta: 0.1 }],
  ['attack/fab', { steps: 25 }],
  ['attack/auto-attack', { epsilon: 0.1, steps: 3, version: 'rand', draws: 2 }],
] as const;

describe('attacks through a defense', () => {
  let model: NetworkModel;
  let digits: Images;
  const recipes = new Map<string, Transform>();
  beforeAll(async () => {
    model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
    const drawn = await imagesOf('dataset/mnist', { limit: 10 });
    // The network is untrained: what it says is taken for the truth, so that every attack has something to do.
    const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images: drawn } });
    const { probabilities, shape } = outputs['predictions'] as Predictions;
    const classes = shape[1];
    digits = { ...drawn, labels: drawn.labels.map((_, row) => argmax(probabilities, row, classes)) };
    const database = await runStage(
      'defense/patch-database',
      { patches: 300 },
      { inputs: { images: drawn } },
    );
    const patches = database.outputs['patches'];
    for (const [name, uses, given, inputs] of [
      ['bit depth', 'defense/bit-depth', { bits: 1 }, {}],
      ['crop', 'defense/crop', { crops: 4, size: 22 }, {}],
      ['TVM', 'defense/tvm', {}, {}],
      ['quilting', 'defense/quilting', { neighbors: 3 }, { patches }],
    ] as const) {
      recipes.set(name, (await runStage(uses, given, { inputs })).outputs['transform'] as Transform);
    }
  });

  async function attack(
    uses: string,
    given: Readonly<Record<string, unknown>>,
    images: Images,
    through?: string,
  ): Promise<Float32Array> {
    const inputs = { model, images, ...(through !== undefined && { through: recipes.get(through) }) };
    const { outputs, warnings } = await runStage(uses, given, { inputs });
    expect(warnings.filter((warning) => /zero|finite/.test(warning))).toEqual([]);
    const { pixels } = outputs['images'] as Images;
    const found = toFloats(pixels);
    expect(found.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(found).not.toEqual(toFloats(images.pixels));
    return found;
  }

  describe.each(attacks)('%s', (uses, given) => {
    it.each(['bit depth', 'crop'])('through %s differs from the gray box', async (through) => {
      expect(await attack(uses, given, digits, through)).not.toEqual(await attack(uses, given, digits));
    });

    it('draws as often as it is told through a crop, and once through bit depth', async () => {
      const few = await attack(uses, { ...given, eot: 2 }, digits, 'crop');
      expect(await attack(uses, { ...given, eot: 3 }, digits, 'crop')).not.toEqual(few);
      const once = await attack(uses, { ...given, eot: 2 }, digits, 'bit depth');
      expect(await attack(uses, { ...given, eot: 3 }, digits, 'bit depth')).toEqual(once);
    });

    it('gives the same bytes again, and in shards', async () => {
      const whole = await attack(uses, { ...given, eot: 2 }, digits, 'crop');
      expect(await attack(uses, { ...given, eot: 2 }, digits, 'crop')).toEqual(whole);
      const first = await attack(uses, { ...given, eot: 2 }, sliceValue(digits, 0, 3), 'crop');
      const rest = await attack(uses, { ...given, eot: 2 }, sliceValue(digits, 3, 7), 'crop');
      expect(Float32Array.of(...first, ...rest)).toEqual(whole);
    });
  });

  it.each(['TVM', 'quilting'])('i-fgsm through %s draws by image and seed', async (through) => {
    const few = sliceValue(digits, 0, 4);
    const given = { epsilon: 0.2, steps: 2, eot: 2 };
    const whole = await attack('attack/i-fgsm', given, few, through);
    expect(whole).not.toEqual(await attack('attack/i-fgsm', given, few));
    expect(await attack('attack/i-fgsm', given, few, through)).toEqual(whole);
    expect(await attack('attack/i-fgsm', { ...given, eot: 3 }, few, through)).not.toEqual(whole);
    const last = await attack('attack/i-fgsm', given, sliceValue(digits, 3, 1), through);
    expect(last).toEqual(whole.slice(-last.length));
  });
});

function argmax(values: Float32Array, row: number, width: number): number {
  const own = values.subarray(row * width, (row + 1) * width);
  return own.indexOf(Math.max(...own));
}
