import { beforeAll, describe, expect, it } from 'vitest';
import { attackStage } from '../../src/stages/attack/shared/attack-stage.ts';
import { stages } from '../../src/stages/index.ts';
import type { Images } from '../../src/values/images.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { contextOf, imagesOf, runStage, stageOf } from './run-stage.ts';

let inputs: { readonly model: NetworkModel; readonly images: Images };
beforeAll(async () => {
  const { outputs } = await runStage('model/cnn', { filters: [4], dense: [] });
  inputs = {
    model: outputs['model'] as NetworkModel,
    images: await imagesOf('dataset/mnist', { limit: 3 }),
  };
});

/** As a plugin would write it: it adds twice its strength to each pixel. */
const careless = attackStage({
  uses: 'attack/careless',
  version: 1,
  summary: 'an attack that leaves its ball',
  strength: { name: 'epsilon', minimum: 0, maximum: 1, description: 'radius' },
  with: {},
  example: { epsilon: 0.1 },
  attack: () => ({
    kind: 'iterated',
    maximum: 1,
    prepare: ({ images: { pixels } }) => ({
      perturb: (rows, strengths) => {
        const size = pixels.length / 3;
        const moved = new Float32Array(rows.length * size);
        rows.forEach((row, index) => {
          for (let at = 0; at < size; at++)
            moved[index * size + at] = Math.min(1, pixels[row * size + at]! + 2 * strengths[index]!);
        });
        return Promise.resolve(moved);
      },
    }),
  }),
});

describe('the radius that an attack declares', () => {
  it('is measured, and an attack that leaves it is warned of', async () => {
    const warnings: string[] = [];
    const context = contextOf('attack/fgsm', { epsilon: 0.1 }, { inputs });
    await careless.run({ ...context, warn: (message: string) => warnings.push(message) });
    expect(warnings).toEqual([
      'the attack moved 3 of 3 images farther than epsilon: 0.1, up to 0.2000 in L∞. It does not keep to the radius that it declares, so these numbers belong to a larger one.',
    ]);
  });

  it.each([...stages.keys()].filter((uses) => uses.startsWith('attack/') && uses !== 'attack/none'))(
    'is kept by %s in each norm',
    async (uses) => {
      const { example = {}, with: schema } = stageOf(uses);
      const norms = 'norm' in schema.properties ? ['linf', 'l2', 'l1'] : [undefined];
      for (const norm of norms) {
        const given = {
          ...example,
          ...(norm !== undefined && {
            norm,
            ...('epsilon' in example && { epsilon: norm === 'linf' ? 0.1 : 2 }),
          }),
        };
        const run = await runStage(uses, given, { inputs }).catch((error: unknown) => {
          // Not every attack has every norm.
          if (String(error).includes('/norm')) return { warnings: [] };
          throw error;
        });
        expect(run.warnings.filter((warning) => warning.includes('farther than epsilon'))).toEqual([]);
      }
    },
  );
});
