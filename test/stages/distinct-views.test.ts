import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { networkBuilder } from '../../src/models/builder.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { openClassifier } from '../../src/models/inference.ts';
import { logitsOf } from '../../src/stages/shared/classify-batches.ts';
import { distinctViews } from '../../src/stages/shared/distinct-views.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { BatchSizes } from '../../src/values/batch-size.ts';

beforeAll(() => openBackend('wasm'));

/** Two pixels a view, of few values, so that views of one image and of different images are often the same. */
const viewed = fc
  .record({
    count: fc.integer({ min: 1, max: 4 }),
    views: fc.integer({ min: 1, max: 6 }),
    bytes: fc.boolean(),
  })
  .chain(({ count, views, bytes }) =>
    fc
      .array(fc.integer({ min: 0, max: 1 }), { minLength: count * views * 2, maxLength: count * views * 2 })
      .map((values) => ({
        pixels: bytes ? Uint8Array.from(values) : Float32Array.from(values),
        shape: [count * views, 1, 2, 1] as const,
        views,
      })),
  );

it('views of an image that are the same are found once each, and never across images', () => {
  fc.assert(
    fc.property(viewed, (images) => {
      const { pixels, shape, views } = images;
      const name = (row: number): string =>
        `${Math.floor(row / views)}: ${pixels.slice(2 * row, 2 * row + 2).join()}`;
      const names = Array.from({ length: shape[0] }, (_, row) => name(row));
      const found = distinctViews(images);
      const { kept, places } = found ?? { kept: [...names.keys()], places: [...names.keys()] };
      expect(kept.map(name)).toEqual([...new Set(names)]);
      expect(Array.from(places, (place) => name(kept[place]!))).toEqual(names);
      if (found) expect(kept.length).toBeLessThan(shape[0]);
    }),
  );
});

it('views that are the same are classified once, with the logits that each of them has alone', async () => {
  const build = networkBuilder({ architecture: 'x', inputShape: [1, 2, 1], classes: 2 });
  const classifier = await openClassifier({
    kind: 'model',
    network: build.build(build.dense('fc', build.flatten('f', 'input'), { units: 2, bias: false })),
    weights: { 'fc.weight': { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } },
    preprocessing: { mean: [0], std: [1] },
  });
  let rows = 0;
  const counting: Classifier = {
    ...classifier,
    logits: (pixels) => {
      rows += pixels.shape[0];
      return classifier.logits(pixels);
    },
  };
  const hooks = { signal: new AbortController().signal, batchSizes: new BatchSizes(2) };
  const pixels = Float32Array.of(0, 1, 1, 1, 0, 1, /* another image */ 0, 1, 0, 1, 0, 1);
  const done: number[] = [];
  const logits = await logitsOf(
    counting,
    { pixels, shape: [6, 1, 2, 1], views: 3 },
    { ...hooks, onProgress: (count) => done.push(count) },
  );
  expect(rows).toBe(3);
  expect(done).toEqual([4, 6]);
  rows = 0;
  const alone = await logitsOf(counting, { pixels, shape: [6, 1, 2, 1], views: 1 }, hooks);
  expect(rows).toBe(6);
  expect([...logits]).toEqual([...alone]);
  classifier.dispose();
});
