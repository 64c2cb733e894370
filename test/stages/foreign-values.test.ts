import { describe, expect, it } from 'vitest';
import { datasetStage, defineStage, metricStage, port, reportStage, Type } from '../../src/kit/index.ts';
import {
  defenseInvariants,
  runStage,
  testImages,
  testModel,
  testPredictions,
} from '../../src/kit/testing/index.ts';
import { defenseStage, type Draw } from '../../src/kit/index.ts';

const common = { version: 1, summary: 'A stage of a plugin' };

describe('a dataset', () => {
  async function read(change: object): Promise<unknown> {
    const stage = datasetStage({
      ...common,
      uses: 'dataset/mine',
      with: {},
      gives: 'images',
      survey: () => ({ images: 8 }),
      read: ({ first, count }) => ({
        pixels: new Uint8Array(count * 4),
        size: [2, 2, 1],
        labels: Array.from({ length: count }, (_, row) => (first + row) % 3),
        classes: ['a', 'b', 'c'],
        ...change,
      }),
    });
    return (await runStage(stage, {}, { shard: { first: 4, count: 4 } })).outputs['images'];
  }
  const mine = 'read of dataset/mine returned';

  it('may have images without a label', async () => {
    expect(await read({ labels: [0, 1, -1, 2] })).toMatchObject({
      labels: Int32Array.of(0, 1, -1, 2),
      ids: Int32Array.of(4, 5, 6, 7),
    });
  });

  it.each<readonly [object, string]>([
    [{ labels: ['cat', 1, 1, 1] }, `the label of image 4 that ${mine} is the text 'cat', not a whole number`],
    [{ labels: [1, 1.5, 1, 1] }, `the label of image 5 that ${mine} is 1.5, not a whole number`],
    [{ labels: [1, 1, -2, 1] }, `the label of image 6 that ${mine} is -2`],
    [{ labels: [0, 1, 2, 3] }, 'image 7 has label 3, but dataset/mine has only 3 classes'],
    [{ labels: [1] }, `${mine} 1 label for 4 images`],
    [{ labels: undefined }, `the labels that ${mine} are undefined, not a list`],
    [{ ids: [4, 5, 5, 6] }, `image 6 that ${mine} has the id 5, which another image has too`],
    [{ ids: [4, 5, -6, 6] }, `the id of image 6 that ${mine} is -6`],
    [
      { pixels: new Float32Array(16).fill(200) },
      `the pixels that ${mine} are not all in [0, 1]: they hold 200 in image 0 (id 4)`,
    ],
    [{ pixels: new Float32Array(16).fill(NaN, 9) }, 'they hold NaN in image 2 (id 6)'],
    [{ pixels: Array(16).fill(0) }, `the pixels that ${mine} are a plain array`],
    [{ pixels: new Uint8Array(4) }, `the pixels that ${mine} are 4 values, not 16`],
    [{ size: undefined }, `the size that ${mine} is undefined`],
    [{ size: [2, 2] }, `the size that ${mine} is [2, 2]`],
    [{ classes: 'abc' }, `the classes that ${mine} are not a list of names`],
  ])('that reads %o is refused', async (change, message) => {
    await expect(read(change)).rejects.toThrow(message);
  });

  it('that counts nothing is refused', async () => {
    const declaration = {
      ...common,
      uses: 'dataset/mine',
      with: {},
      gives: 'images',
      read: () => undefined as never,
    };
    const stage = datasetStage({ ...declaration, survey: () => ({}) as never });
    await expect(runStage(stage)).rejects.toThrow(
      'survey of dataset/mine did not return the number of its images',
    );
  });
});

describe('a metric', () => {
  it.each<readonly [unknown, string]>([
    [{ x: NaN }, "'x' in what score of evaluate/mine returned is NaN, not a finite number or null"],
    [{ x: Infinity }, "'x' in what score of evaluate/mine returned is Infinity"],
    [{ x: '0.3' }, "is the text '0.3'"],
    [{ x: undefined }, "'x' in what score of evaluate/mine returned is undefined"],
    [{ x: { y: 1 } }, 'is an object'],
    [{ x: [1] }, 'is [1], not a finite number or null'],
    [undefined, 'what score of evaluate/mine returned is undefined, not an object'],
    [[1], 'what score of evaluate/mine returned is a plain array, not an object'],
  ])('that returns %o is refused', async (scores, message) => {
    const stage = metricStage({ ...common, uses: 'evaluate/mine', gives: 'x', score: () => scores as never });
    const predictions = await testPredictions(await testModel(), testImages());
    await expect(runStage(stage, {}, { inputs: { predictions } })).rejects.toThrow(message);
  });

  it('refuses images without a label', async () => {
    const images = { ...testImages(), labels: new Int32Array(7).fill(-1) };
    const stage = metricStage({ ...common, uses: 'evaluate/mine', gives: 'x', score: () => ({ x: 1 }) });
    const predictions = await testPredictions(await testModel(), images);
    await expect(runStage(stage, {}, { inputs: { predictions } })).rejects.toThrow(
      'image 0 (id 10) has no label (−1)',
    );
  });
});

describe('a report', () => {
  it.each<readonly [unknown, string]>([
    ['text', 'what draw of report/mine returned is a text, not a report'],
    [undefined, 'what draw of report/mine returned is undefined, not a report'],
    [{ title: 'x' }, 'has no files'],
    [{ files: {} }, 'has no files'],
    [{ files: { md: 3 } }, 'has a number as its .md file, not a text or bytes'],
    [{ files: { '.md': 'x' } }, "'.md' in output 'figure' of report/mine is not an extension"],
    [{ title: 3, files: { md: 'x' } }, 'has a title that is a number, not a text'],
  ])('that returns %o is refused', async (report, message) => {
    const stage = reportStage({ ...common, uses: 'report/mine', in: {}, draw: () => report as never });
    await expect(runStage(stage)).rejects.toThrow(message);
  });
});

describe('any other stage', () => {
  const stageOf = (run: (images: ReturnType<typeof testImages>) => unknown): ReturnType<typeof defineStage> =>
    defineStage({
      ...common,
      uses: 'lab/mine',
      with: Type.Object({}),
      in: { images: port('images') },
      out: { images: port('images') },
      shard: 'images',
      run: ({ inputs }) => Promise.resolve(run(inputs.images) as never),
    });
  it.each<readonly [string, (images: ReturnType<typeof testImages>) => unknown, string]>([
    ['nothing', () => undefined, 'lab/mine returned undefined instead of an object with its outputs'],
    ['no output', () => ({}), "lab/mine did not return its output 'images'"],
    [
      'another output',
      (images) => ({ images, other: images }),
      "lab/mine returned 'other', which it does not declare",
    ],
    [
      'another kind',
      () => ({ images: { kind: 'figure' } }),
      "lab/mine returned figure for 'images', which is declared images",
    ],
    ['a number', () => ({ images: 3 }), "lab/mine returned a number for 'images'"],
    [
      'fewer images',
      (images) => ({
        images: {
          ...images,
          ids: images.ids.slice(1),
          labels: images.labels.slice(1),
          pixels: images.pixels.slice(360),
          shape: [6, 12, 10, 3],
        },
      }),
      "lab/mine returned 6 images for 'images' of a shard of 7",
    ],
    [
      'float64',
      (images) => ({ images: { ...images, pixels: Float64Array.from(images.pixels) } }),
      "the pixels of output 'images' of lab/mine are a Float64Array",
    ],
    [
      'its input after a write',
      (images) => {
        images.pixels[0] = 0;
        return { images };
      },
      "lab/mine wrote into pixels of its input 'images', which other cells read too",
    ],
    [
      'nothing after a write and a throw',
      (images) => {
        images.ids[0] = 0;
        throw new Error('boom');
      },
      "lab/mine wrote into ids of its input 'images'",
    ],
  ])('that returns %s is refused', async (_, run, message) => {
    await expect(runStage(stageOf(run), {}, { inputs: { images: testImages() } })).rejects.toThrow(message);
  });
});

it('the invariants of a defense find that it draws without views', async () => {
  const stage = defenseStage({
    ...common,
    uses: 'defense/mine',
    with: {},
    defense: {
      apply: (pixels, _shape, _params, { seed }: Draw) => pixels.map((value) => value * (seed[0] % 2)),
    },
  });
  const [first] = defenseInvariants(stage);
  await expect(first!.check()).rejects.toThrow('reads draw.seed, but declares no views');
});
