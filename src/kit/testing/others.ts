import { deepStrictEqual, ok } from 'node:assert';
import type { Stage } from '../../runtime/stage.ts';
import type { Figure } from '../../values/figure.ts';
import type { Images } from '../../values/images.ts';
import type { JsonObject } from '../../values/json.ts';
import type { Metrics } from '../../values/metrics.ts';
import type { Predictions } from '../../values/predictions.ts';
import { classes, testImages, testModel, testPredictions } from './fixtures.ts';
import { type Invariant, invariant, leavingAlone, pixelsOf } from './invariant.ts';
import { sampleInputs } from './sample-inputs.ts';
import { runStage, type StageRunOptions } from './run-stage.ts';

/** Invariants of every metric stage. */
export function metricInvariants(
  stage: Stage,
  params: JsonObject = stage.example ?? {},
): readonly Invariant[] {
  const scores = async (inputs: Readonly<Record<string, object>>): Promise<Metrics['rows'][0]['values']> => {
    const { outputs } = await leavingAlone(Object.values(inputs), () => runStage(stage, params, { inputs }));
    const { rows } = outputs['metrics'] as Metrics;
    deepStrictEqual(rows.length, 1, 'a metric gives one row');
    return rows[0]!.values;
  };
  const predictions = async (count = 20): Promise<Predictions> =>
    testPredictions(await testModel(), testImages(count));
  return [
    invariant('gives numbers that are finite, or null', async () => {
      const values = Object.entries(await scores({ predictions: await predictions() }));
      ok(values.length > 0, 'there is no number');
      for (const [name, value] of values) ok(value === null || Number.isFinite(value), `${name} is ${value}`);
    }),
    invariant('gives no number that it does not declare', async () => {
      const declared = stage.out[stage.defaultOutput]!.values;
      const names = Object.keys(await scores({ predictions: await predictions() }));
      for (const name of declared === undefined ? [] : names)
        ok(declared!.includes(name), `${name} is not in gives`);
    }),
    invariant('does not depend on the order of the images', async () => {
      const given = await predictions();
      const before = await scores({ predictions: given });
      const after = await scores({ predictions: reversed(given) });
      for (const [name, value] of Object.entries(before)) {
        const other = after[name] ?? null;
        const isClose =
          value === null || other === null
            ? value === other
            : Math.abs(value - other) <= 1e-9 * Math.max(1, Math.abs(value));
        ok(isClose, `${name} is ${value} in one order and ${other} in another`);
      }
    }),
    invariant('takes originals and clean predictions', async () => {
      const originals = testImages(20);
      const clean = await predictions();
      await scores({ predictions: clean, originals, clean });
    }),
  ];
}

/** Invariants of every report stage, drawn from `inputs`, or from the values of `sampleInputs` if absent. */
export function reportInvariants(
  stage: Stage,
  given?: NonNullable<StageRunOptions['inputs']>,
  params: JsonObject = stage.example ?? {},
): readonly Invariant[] {
  const draw = async (): Promise<Figure> => {
    const inputs = given ?? (await sampleInputs(stage));
    const { outputs } = await leavingAlone(Object.values(inputs) as object[], () =>
      runStage(stage, params, { inputs }),
    );
    return outputs[stage.defaultOutput] as Figure;
  };
  return [
    invariant('makes files that are not empty', async () => {
      const files = Object.entries((await draw()).files);
      ok(files.length > 0, 'there is no file');
      for (const [extension, bytes] of files) {
        ok(/^[a-z0-9]+$/.test(extension), `'${extension}' is not a file extension`);
        ok(bytes instanceof Uint8Array && bytes.length > 0, `the .${extension} file is empty`);
      }
    }),
    invariant('gives the same bytes in every run', async () => {
      deepStrictEqual(await draw(), await draw());
    }),
  ];
}

/** Invariants of every dataset stage. */
export function datasetInvariants(
  stage: Stage,
  params: JsonObject = stage.example ?? {},
  options: Pick<StageRunOptions, 'folder'> = {},
): readonly Invariant[] {
  const read = async (first: number, count: number, given = params): Promise<Images> => {
    const shard = { first, count };
    return (await runStage(stage, given, { ...options, shard })).outputs['images'] as Images;
  };
  const few = { ...params, limit: 7 };
  return [
    invariant('gives labelled images in [0, 1] with ids of their own', async () => {
      const images = (await runStage(stage, few, options)).outputs['images'] as Images;
      const [rows, height, width, channels] = images.shape;
      deepStrictEqual(images.pixels.length, rows * height * width * channels, 'pixels do not fit the shape');
      deepStrictEqual([images.labels.length, images.ids.length], [rows, rows]);
      deepStrictEqual(new Set(images.ids).size, rows, 'two images have one id');
      const known = images.classes.length === 0 ? Infinity : images.classes.length;
      ok(
        images.labels.every((label) => label >= -1 && label < known),
        'a label is not a class',
      );
      if (images.pixels instanceof Float32Array) ok(images.pixels.every((value) => value >= 0 && value <= 1));
    }),
    invariant('gives an image the same bytes in any shard', async () => {
      const whole = await read(0, 7, few);
      for (const [first, count] of [
        [0, 2],
        [2, 1],
        [3, 4],
      ] as const) {
        const part = await read(first, count, few);
        deepStrictEqual(part.pixels, pixelsOf(whole, first, count));
        deepStrictEqual(part.ids, whole.ids.slice(first, first + count));
        deepStrictEqual(part.labels, whole.labels.slice(first, first + count));
      }
    }),
    invariant('gives an image the same bytes whatever the limit', async () => {
      deepStrictEqual(
        (await read(0, 3, { ...params, limit: 3 })).pixels,
        pixelsOf(await read(0, 7, few), 0, 3),
      );
    }),
  ];
}

function reversed(predictions: Predictions): Predictions {
  const rows = Array.from(predictions.ids.keys()).reverse();
  const probabilities = new Float32Array(predictions.probabilities.length);
  rows.forEach((from, to) =>
    probabilities.set(predictions.probabilities.subarray(from * classes, (from + 1) * classes), to * classes),
  );
  const pick = (values: Int32Array): Int32Array => Int32Array.from(rows, (row) => values[row]!);
  return { ...predictions, probabilities, labels: pick(predictions.labels), ids: pick(predictions.ids) };
}
