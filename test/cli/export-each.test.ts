import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProject, readTensors } from './ravelin.ts';

const pipeline = `ravelin: 1
name: each
stages:
  digits: { uses: dataset/mnist, with: { limit: 12 } }
  network: { uses: model/cnn, with: { filters: [2], dense: [4] } }
  adversarial: { uses: attack/fgsm, in: { model: network, images: digits }, with: { epsilon: 0.1, storeAs: uint8 } }
  crops: { uses: defense/nullification, in: { images: digits }, with: { draws: 2 }, store: always }
`;
const back = `ravelin: 1
name: back
stages:
  images: { uses: dataset/image-folder, with: { path: each, classes: each/classes.json, channels: grey } }
`;
const project = createProject({ 'p.yaml': pipeline, 'back.yaml': back });

beforeAll(async () => {
  const { code, stderr } = await project.run('run', 'p.yaml', '--backend', 'wasm', '--ui', 'plain');
  expect({ code, stderr }).toMatchObject({ code: 0 });
});

/** Pixels of images by label and pixel values, whatever their order. */
async function exported(file: string, cell: string): Promise<readonly string[]> {
  await project.run('export', file, cell, '--to', 'all.safetensors');
  const { images, labels } = readTensors(join(project.folder, 'all.safetensors'));
  const size = 28 * 28;
  return Array.from(labels!.data as Int32Array, (label, row) => {
    const own = (images!.data as Float32Array).subarray(row * size, (row + 1) * size);
    return `${label}: ${Array.from(own, (value) => Math.round(255 * value)).join(' ')}`;
  }).sort();
}

describe('export --each', () => {
  it('writes images that dataset/image-folder reads back, pixel for pixel and with their labels', async () => {
    const { code, stderr } = await project.run('export', 'p.yaml', 'adversarial', '--each', '--to', 'each');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'wrote 12 images and classes.json to each' });
    await project.run('run', 'back.yaml', '--backend', 'wasm', '--ui', 'plain');
    expect(await exported('back.yaml', 'images')).toEqual(await exported('p.yaml', 'adversarial'));
  });

  it('writes the views of an image apart', async () => {
    await project.run('export', 'p.yaml', 'crops', '--each', '--to', 'views');
    const names = readdirSync(join(project.folder, 'views'), { recursive: true }).map(String);
    const files = names.filter((name) => name.endsWith('.png')).map((name) => name.split('/')[1]);
    expect(files).toHaveLength(24);
    expect(files).toContain('0-1.png');
  });

  it('is for images', async () => {
    expect(await project.run('export', 'p.yaml', 'network', '--each', '--to', 'net')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--each writes the images of one cell') as string,
    });
  });
});
