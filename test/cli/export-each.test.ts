import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { classFolderNames, writeEachImage } from '../../src/cli/export-each.ts';
import { createProject, readTensors } from './ravelin.ts';

const pipeline = `ravelin: 1
name: each
params: { count: 12 }
stages:
  digits: { uses: dataset/mnist, with: { limit: $(params.count) } }
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
  it('writes images without a label, and those of classes with odd names, into the folder', async () => {
    const classes = ['..', 'x'.repeat(300), 'without a label'];
    const images = {
      ...({ kind: 'images', shape: [4, 1, 1, 1], views: 1, classes } as const),
      pixels: new Uint8Array(4),
      labels: Int32Array.of(0, 1, 2, -1),
      ids: Int32Array.of(0, 1, 2, 3),
    };
    const folder = join(project.folder, 'odd', 'inner');
    expect(await writeEachImage(images, folder)).toBe(4);
    expect(readdirSync(join(project.folder, 'odd'))).toEqual(['inner']);
    const folders = readdirSync(folder).filter((name) => name !== 'classes.json');
    expect(folders.sort()).toEqual([...classFolderNames(images), 'without a label'].sort());
  });

  it('writes images that dataset/image-folder reads back, pixel for pixel and with their labels', async () => {
    const { code, stderr } = await project.run('export', 'p.yaml', 'adversarial', '--each', '--to', 'each');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        'wrote 12 images and classes.json to each; read them with classes: each/classes.json, or labels may differ',
    });
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

  it('replaces an export of the same images, and refuses a folder with others, which would be read with them', async () => {
    const write = (count: number) =>
      project.run('export', 'p.yaml', 'adversarial', '-S', `params.count=${count}`, '--each', '--to', 'set');
    for (const count of [12, 4])
      await project.run('run', 'p.yaml', '-S', `params.count=${count}`, '--backend', 'wasm', '--ui', 'plain');
    for (const count of [4, 4, 12]) expect(await write(count)).toMatchObject({ code: 0 });
    expect(await write(4)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^error: set has 8 files that this export does not write, such as /,
      ) as string,
    });
    const names = readdirSync(join(project.folder, 'set'), { recursive: true }).map(String);
    expect(names.filter((name) => name.endsWith('.png'))).toHaveLength(12);
    expect(readdirSync(project.folder).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  it('is for images', async () => {
    expect(await project.run('export', 'p.yaml', 'network', '--each', '--to', 'net')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--each writes the images of one cell') as string,
    });
  });
});

describe('the folders of classes', () => {
  const names = (...classes: string[]): readonly string[] =>
    classFolderNames({ classes, labels: Int32Array.of(0) });

  it('are named after the classes', () => {
    expect(names('great grey owl', 'café', 'a/b')).toEqual(['great grey owl', 'café', 'a_b']);
    expect(classFolderNames({ classes: [], labels: Int32Array.of(0, 10) }).slice(8)).toEqual([
      '08',
      '09',
      '10',
    ]);
  });

  it('are different ones for different labels', () => {
    expect(names('crane', 'crane', 'a/b', 'a_b', 'Cat', 'cat', 'crane-0')).toEqual([
      'crane-0_',
      'crane-1',
      'a_b-2',
      'a_b-3',
      'Cat-4',
      'cat-5',
      'crane-0',
    ]);
  });

  it('lie in the folder, and can be seen', () => {
    expect(names('..', '.', '', ' ', '.git', 'end.', 'classes.json')).toEqual([
      '_.._',
      '_._',
      '__',
      '_ _',
      '_.git_',
      '_end._',
      '_classes.json_',
    ]);
  });
});
