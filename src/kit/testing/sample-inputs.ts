import type { Stage } from '../../runtime/stage.ts';
import { stages } from '../../stages/index.ts';
import type { Value } from '../../values/value.ts';
import { recipeOf, testImages, testModel, testPatches, testPredictions } from './fixtures.ts';
import { runStage } from './run-stage.ts';

/**
 * A small value for each input that a stage requires: images, a model, its predictions on them, their scores
 * by `evaluate/robustness`, a recipe, patches. A list port gets two, with the labels 0.1 and 0.2 of an axis
 * `strength`. Throws `TypeError` for a kind of which there is none.
 */
export async function sampleInputs({ uses, in: inputs }: Stage): Promise<Readonly<Record<string, unknown>>> {
  const entries: [string, unknown][] = [];
  for (const [name, { kind, list, optional }] of Object.entries(inputs)) {
    if (optional) continue;
    const sample = Object.hasOwn(samples, kind) ? samples[kind] : undefined;
    if (sample === undefined)
      throw new TypeError(`there is no sample value of the kind ${kind} for the input '${name}' of ${uses}`);
    const collected = async (): Promise<unknown> => [
      { axes: { strength: 0.1 }, value: await sample(1) },
      { axes: { strength: 0.2 }, value: await sample(2) },
    ];
    entries.push([name, list ? await collected() : await sample(1)]);
  }
  return Object.fromEntries(entries);
}

/** How a value of each kind is made; `seed` is that of the model that it comes from. */
const samples: Readonly<Record<string, (seed: number) => Value | Promise<Value>>> = {
  images: () => testImages(),
  model: testModel,
  predictions: predictionsOf,
  metrics: async (seed) => {
    const inputs = { predictions: await predictionsOf(seed), originals: testImages(20) };
    return (await runStage(stages.get('evaluate/robustness')!, {}, { inputs })).outputs['metrics']!;
  },
  transform: () => recipeOf('defense/bit-depth', { bits: 4 }),
  patches: testPatches,
};

async function predictionsOf(seed: number): Promise<Value> {
  return testPredictions(await testModel(seed), testImages(20));
}
