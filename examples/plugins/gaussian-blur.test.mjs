// @ts-check
import assert from 'node:assert';
import { test } from 'node:test';
import { defenseInvariants, runStage, testImages } from 'ravelin/testing';
import { stages } from './gaussian-blur.mjs';

for (const { name, check } of defenseInvariants(stages[0], { derivative: 'exact' })) test(name, check);

test('leaves a flat image as it is', async () => {
  const images = testImages(1);
  const flat = { ...images, pixels: images.pixels.map(() => 0.5) };
  const { outputs } = await runStage(stages[0], { sigma: 2 }, { inputs: { images: flat } });
  const { images: blurred } = outputs;
  assert.ok(blurred.kind === 'images');
  for (const value of blurred.pixels) assert.ok(Math.abs(value - 0.5) < 1e-6);
});
