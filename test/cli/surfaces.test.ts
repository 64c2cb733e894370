import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/values/safetensors.ts';
import { createProject, readTensors } from './ravelin.ts';

const pipeline = `ravelin: 1
name: surfaces
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 12 } }
  network: { uses: model/cnn, with: { filters: [2], dense: [] } }
  predictions: { uses: predict/classify, in: { model: network, images: digits } }
`;

describe('an export', () => {
  const project = createProject({ 'p.yaml': pipeline });
  beforeAll(async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  });

  it('of predictions holds probabilities that sum to one, and labels', async () => {
    expect((await project.run('export', 'p.yaml', 'predictions', '--to', 'y.safetensors')).code).toBe(0);
    const { probabilities, labels } = readTensors(project.path('y.safetensors'));
    expect(probabilities).toMatchObject({ dtype: 'F32', shape: [12, 10] });
    expect(labels).toMatchObject({ dtype: 'I32', shape: [12] });
    for (let row = 0; row < 12; row++) {
      const sum = [...probabilities!.data.subarray(row * 10, row * 10 + 10)].reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
  });

  it('to .csv has a header and a line an image', async () => {
    expect((await project.run('export', 'p.yaml', 'predictions', '--to', 'y.csv')).code).toBe(0);
    const lines = readFileSync(project.path('y.csv'), 'utf8').trim().split(/\r?\n/);
    expect(lines).toHaveLength(13);
    expect(lines[0]).toMatch(/^id,label,/);
  });

  it('to .npz is a zip of .npy files whose data start at a multiple of 64', async () => {
    expect((await project.run('export', 'p.yaml', 'digits', '--to', 'x.npz')).code).toBe(0);
    const archive = readFileSync(project.path('x.npz'));
    // The entry of a file holds its time and date in the four bytes from the tenth one: midnight of 1 January 1980.
    expect(archive.readUInt32LE(10)).toBe(0x00210000);
    const files = unzipSync(archive);
    const images = Buffer.from(files['images.npy']!);
    const header = images.subarray(10, 10 + images.readUInt16LE(8)).toString('latin1');
    expect(images.subarray(1, 6).toString('latin1')).toBe('NUMPY');
    expect(header).toContain("'descr': '<f4'");
    expect(header).toContain("'shape': (12, 28, 28, 1)");
    expect((10 + header.length) % 64).toBe(0);
    expect(images.length).toBe(10 + header.length + 12 * 28 * 28 * 4);
  });

  it('to .png is a sheet of four by three digits, a pixel apart', async () => {
    expect((await project.run('export', 'p.yaml', 'digits', '--to', 'x.png')).code).toBe(0);
    const { format, width, height } = await sharp(project.path('x.png')).metadata();
    expect({ format, width, height }).toEqual({ format: 'png', width: 4 * 29 - 1, height: 3 * 29 - 1 });
  });
});

it('dag --json names the stages and the port of every edge', async () => {
  const project = createProject({ 'p.yaml': pipeline });
  const dag = (await project.json('dag', 'p.yaml', '--json')) as {
    nodes: { id: string }[];
    edges: unknown[];
  };
  expect(dag.nodes.map(({ id }) => id)).toEqual(['digits', 'network', 'predictions']);
  expect(dag.edges).toEqual(
    expect.arrayContaining([
      { from: 'network', to: 'predictions', port: 'model' },
      { from: 'digits', to: 'predictions', port: 'images' },
    ]),
  );
  expect(dag.edges).toHaveLength(2);
});

it('images with three channels before a network for one fail with the stage, the counts and what to do', async () => {
  const project = createProject({
    'p.yaml': pipeline.replace(
      '{ uses: dataset/mnist, with: { split: test, limit: 12 } }',
      '{ uses: dataset/safetensors, with: { path: rgb.safetensors } }',
    ),
  });
  project.write(
    'rgb.safetensors',
    encodeSafetensors({
      images: { dtype: 'F32', shape: [2, 28, 28, 3], data: new Float32Array(2 * 28 * 28 * 3).fill(0.5) },
      labels: { dtype: 'I32', shape: [2], data: Int32Array.of(0, 1) },
    }),
  );
  const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'plain', '--keep-going');
  expect({ code, stderr }).toMatchObject({ code: 3 });
  const failure = stderr.slice(stderr.indexOf('failed: predictions'));
  expect(failure).toMatch(/28×28×3 .* the model takes 28×28×1/);
  expect(failure).toMatch(/fix: +\S/);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
});

it('a label in a Mermaid flowchart is text, whatever it has', async () => {
  const project = createProject({
    'p.yaml': `ravelin: 1
stages:
  digits: { uses: dataset/mnist, with: { limit: 1 }, matrix: { mark: ['<b>"a"&#'] } }
`,
  });
  const { stdout } = await project.run('dag', 'p.yaml', '--mermaid', '--expand');
  expect(stdout).toBe('flowchart LR\n  n0["digits[mark=#60;b#62;#34;a#34;#38;#35;]<br/>dataset/mnist"]');
});
