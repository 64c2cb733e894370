import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openClassifier } from '../../src/models/inference.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { tf } from '../../src/tensors/tf.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { madeUp } from '../models/made-up.ts';
import { runStage } from './run-stage.ts';

/** Made by test/reference/efficientnet_lite.py with the package that the weights were published for. */
const expected = JSON.parse(readFileSync('test/reference/efficientnet-lite.json', 'utf8')) as Readonly<
  Record<string, { readonly size: number; readonly logits: readonly number[]; readonly sum: number; readonly class: number }>
>; // prettier-ignore

const folder = process.env['RAVELIN_TEST_WEIGHTS'] ?? '';
const isThere = Object.keys(expected).every((name) => existsSync(join(folder, `${name}.pth`)));
if (!isThere)
  process.stderr.write(
    'SKIPPED: the published weights of EfficientNet-Lite, for RAVELIN_TEST_WEIGHTS names no folder with what ravelin weights fetch writes\n',
  );

describe.skipIf(!isThere)('the published weights', () => {
  beforeAll(() => openBackend('wasm'));

  it.each(Object.entries(expected))('of %s have the logits of their own package', async (name, known) => {
    const { size, logits, sum } = known;
    const padding = name === 'efficientnet-lite0' ? { padding: 'tensorflow', mean: [127 / 255], std: [128 / 255] } : {}; // prettier-ignore
    const params = { weights: `${name}.pth`, ...padding };
    const { outputs } = await runStage(`model/${name}`, params, { root: folder });
    const model = outputs['model'] as NetworkModel;
    expect(model.network.inputShape).toEqual([size, size, 3]);
    const classifier = await openClassifier(model);
    const image = tf.tensor4d(madeUp('image', size * size * 3), [1, size, size, 3]);
    const result = await classifier.logits(image);
    const values = [...(await result.data())];
    tf.dispose([image, result]);
    classifier.dispose();
    const largest = Math.max(...values.map(Math.abs));
    logits.forEach((logit, at) => expect(Math.abs(values[at]! - logit) / largest).toBeLessThan(1e-4));
    expect(Math.abs(values.reduce((all, value) => all + value, 0) - sum) / 1000 / largest).toBeLessThan(1e-4);
    expect(values.indexOf(Math.max(...values))).toBe(known.class);
  });
});
