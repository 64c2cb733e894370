/** `trace: true` of the attack stages, and evaluate/trace. */
import { beforeAll, describe, expect, it } from 'vitest';
import { stages } from '../../src/stages/index.ts';
import type { Images } from '../../src/values/images.ts';
import type { Metrics } from '../../src/values/metrics.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import type { Predictions } from '../../src/values/predictions.ts';
import { concatValues, sliceValue } from '../../src/values/slices.ts';
import type { Transform } from '../../src/values/transform.ts';
import { failureOf, imagesOf, runStage, stageOf } from './run-stage.ts';

let model: NetworkModel;
let digits: Images;
beforeAll(async () => {
  model = (await runStage('model/cnn', { filters: [4, 8], dense: [16] })).outputs['model'] as NetworkModel;
  const read = await imagesOf('dataset/mnist', { limit: 5 });
  const { probabilities } = await predictionsOf(read);
  const labels = read.labels.map((_, row) => {
    const own = probabilities.subarray(row * 10, (row + 1) * 10);
    return own.indexOf(Math.max(...own));
  });
  digits = { ...read, labels };
});

async function predictionsOf(images: Images): Promise<Predictions> {
  const { outputs } = await runStage('predict/classify', {}, { inputs: { model, images } });
  return outputs['predictions'] as Predictions;
}

async function attacked(
  uses: string,
  given: Readonly<Record<string, unknown>> = {},
  images = digits,
): Promise<{ readonly images: Images; readonly metrics: Readonly<Record<string, number>> }> {
  const { outputs, metrics } = await runStage(
    uses,
    { ...stageOf(uses).example, ...given },
    { inputs: { model, images } },
  );
  return { images: outputs['images'] as Images, metrics };
}

async function rowsOf(images: Images): Promise<Metrics['rows']> {
  const { outputs } = await runStage('evaluate/trace', {}, { inputs: { images } });
  return (outputs['metrics'] as Metrics).rows;
}

const attacks = [...stages.keys()].filter(
  (uses) => uses.startsWith('attack/') && uses !== 'attack/auto-attack' && uses !== 'attack/none',
);

describe.each(attacks)('%s', (uses) => {
  it('with trace: true makes the same images and counts the same passes', async () => {
    const plain = await attacked(uses);
    const traced = await attacked(uses, { trace: true });
    const { trace, ...perturbation } = traced.images.perturbation!;
    expect({ ...traced.images, perturbation }).toEqual(plain.images);
    expect(traced.metrics).toEqual(plain.metrics);
    expect(trace!.lengths.length).toBe(5);
    expect((await attacked(uses, { trace: false })).images).toEqual(plain.images);
  });

  it('has the same trace in shards, and as many misclassified images at its end as are scored', async () => {
    const { images } = await attacked(uses, { trace: true });
    const shards = await Promise.all(
      [
        [0, 2],
        [2, 3],
      ].map(([first, count]) => attacked(uses, { trace: true }, sliceValue(digits, first!, count!))),
    );
    expect(concatValues(shards.map((shard) => shard.images))).toEqual(images);
    const rows = await rowsOf(images);
    const { outputs } = await runStage(
      'evaluate/robustness',
      {},
      { inputs: { predictions: await predictionsOf(images) } },
    );
    const scores = (outputs['metrics'] as Metrics).rows[0]!.values;
    expect(rows.at(-1)!.values['reachedRate']).toBeCloseTo(1 - scores['accuracy']!, 9);
    expect(rows.at(-1)!.values['n']).toBe(5);
  });
});

it('attack/auto-attack has no trace, and its key has none', () => {
  const { with: schema, unset } = stageOf('attack/auto-attack');
  expect(schema.properties['trace']).toBeUndefined();
  expect(unset).toBeUndefined();
  expect(stageOf('attack/pgd').unset).toEqual({ trace: false });
});

it('an attack that prepares something for all strengths does so in one go for a trace', () => {
  const partsOf = (params: object) => stageOf('attack/cw-l2').parts!.of(params as never)?.before ?? [];
  const given = { scale: 1, pilot: 100, per: 'set' };
  expect(partsOf(given).map(({ name }) => name)).toEqual(['prepare']);
  expect(partsOf({ ...given, trace: true })).toEqual([]);
  // What false prepares has the key of what its absence prepares.
  expect(partsOf({ ...given, trace: false })).toEqual(partsOf(given));
});

it('the parts of a search have the keys that they have without a trace, but for the tries', () => {
  const of = (params: object) => stageOf('attack/pgd').parts!.of(params as never)!;
  const given = { dissimilarity: 0.1, per: 'set', pilot: 10, space: 'pixel', tolerance: 0.01 };
  const [plain, traced] = [of(given), of({ ...given, trace: true })];
  for (const [index, part] of plain.before.entries()) {
    const other = traced.before[index]!;
    if (part.stage === 'self') expect(other.params).toEqual({ ...given, trace: true });
    else expect(other).toEqual(part);
  }
  expect(traced.after).toEqual(plain.after);
});

it('images stored as bytes have the trace of the rounded images', async () => {
  const { images } = await attacked('attack/pgd', { trace: true, storeAs: 'uint8' });
  const { trace, linf } = images.perturbation!;
  let entry = -1;
  for (const [row, length] of trace!.lengths.entries())
    expect(trace!.distances[(entry += length)]).toBeCloseTo(linf[row]!, 6);
});

it('predictions and defended images have no trace', async () => {
  const { images } = await attacked('attack/pgd', { trace: true });
  expect((await predictionsOf(images)).perturbation!.trace).toBeUndefined();
  expect((await predictionsOf(images)).perturbation!.linf).toEqual(images.perturbation!.linf);
  const { outputs } = await runStage('defense/bit-depth', { bits: 3 }, { inputs: { images } });
  expect((outputs['images'] as Images).perturbation!.trace).toBeUndefined();
  expect((outputs['transform'] as Transform).kind).toBe('transform');
  const error = await failureOf(runStage('evaluate/trace', {}, { inputs: { images: outputs['images'] } }));
  expect(error.message).toBe("the images of 'images' have no trace");
  expect(error.fix).toContain('trace: true');
});
