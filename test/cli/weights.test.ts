import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { zoo } from '../../src/models/architectures/zoo.ts';
import { importWeights, torchShapes } from '../../src/models/weights/import-weights.ts';
import { readWeightFile } from '../../src/models/weights/read.ts';
import { encodeSafetensors } from '../../src/values/safetensors.ts';
import type { StoredTensor } from '../../src/values/safetensors.ts';
import { madeUpCheckpoint } from '../models/made-up.ts';
import { createProject, readTensors } from './ravelin.ts';

const network = zoo['cifar-resnet20'].build({ size: 32, classes: 7 });

/** As `safetensors.torch.save_file(model.state_dict(), …)` writes. */
function torchFile(): Uint8Array {
  const tensors = [...madeUpCheckpoint(network)].map(([name, { shape, read }]): [string, StoredTensor] => [
    name,
    { dtype: 'F32', shape, data: read() },
  ]);
  return encodeSafetensors(Object.fromEntries(tensors), { format: 'pt' });
}

describe('ravelin weights show', () => {
  it('lists names, types and shapes of a PyTorch file, and how many values are not finite', async () => {
    const project = createProject();
    copyFileSync('test/reference/weight-files/zip.pth', project.path('zip.pth'));
    const shown = (await project.json('weights', 'show', 'zip.pth', '--json')) as {
      layout: string;
      tensors: { name: string }[];
    };
    const tensor = (name: string) => shown.tensors.find((candidate) => candidate.name === name);
    expect(shown.layout).toBe('torch');
    expect(tensor('transposed')).toEqual({
      ...{ name: 'transposed', shape: [4, 2, 3], dtype: 'F32', nan: 0, infinite: 0 },
    });
    expect(tensor('float16')).toMatchObject({ dtype: 'F16', nan: 0, infinite: 1 });
    const { stdout } = await project.run('weights', 'show', 'zip.pth');
    expect(stdout).toMatch(/^float16 +F16 +\[4\] +1 infinite$/m);
    expect(stdout).toMatch(/^int64 +I64 +\[\]$/m);
  });

  it('counts NaN of a safetensors file', async () => {
    const project = createProject();
    const data = Float32Array.of(NaN, 1, -Infinity, NaN);
    project.write('w.safetensors', encodeSafetensors({ w: { dtype: 'F32', shape: [2, 2], data } }));
    const { stdout } = await project.run('weights', 'show', 'w.safetensors');
    expect(stdout).toBe('w  F32  [2, 2]  2 NaN, 1 infinite\n1 tensors, 4 numbers, layout of torch');
  });

  it('says in a line what is wrong with a file that is absent or holds no weights', async () => {
    const project = createProject({ 'text.pth': 'these are no weights' });
    const absent = await project.run('weights', 'show', 'absent.pth');
    expect(absent).toMatchObject({ code: 2, stdout: '' });
    expect(absent.stderr).toMatch(/^error: .*absent\.pth does not exist$/);
    const text = await project.run('weights', 'show', 'text.pth');
    expect(text).toMatchObject({ code: 2, stdout: '' });
    expect(text.stderr).toMatch(/^error: text\.pth: .*\n {2}fix: \S/);
  });
});

describe('ravelin weights convert', () => {
  it('writes what model/NAME reads as the same weights, and the same bytes from its own output', async () => {
    const project = createProject();
    project.write('torch.safetensors', torchFile());
    const convert = (from: string, to: string) =>
      project.run('weights', 'convert', from, to, '--architecture', 'cifar-resnet20', '--classes', '7');
    expect(await convert('torch.safetensors', 'ours.safetensors')).toMatchObject({ code: 0 });

    const { 'conv1.weight': conv, 'linear.weight': dense } = readTensors(project.path('ours.safetensors'));
    expect(conv!.shape).toEqual([3, 3, 3, 16]);
    expect(dense!.shape).toEqual([64, 7]);
    expect(torchShapes(network).get('linear.weight')).toEqual([7, 64]);
    const read = (name: string) => importWeights(network, readWeightFile(readFileSync(project.path(name))));
    expect(read('ours.safetensors')).toEqual(read('torch.safetensors'));

    expect(await convert('ours.safetensors', 'again.safetensors')).toMatchObject({ code: 0 });
    const digest = (name: string) => createHash('sha256').update(readFileSync(project.path(name)));
    expect(digest('again.safetensors').digest('hex')).toBe(digest('ours.safetensors').digest('hex'));

    project.write(
      'p.yaml',
      `ravelin: 1
name: converted
stages:
  network: { uses: model/cifar-resnet20, with: { weights: ours.safetensors, classes: 7 } }
`,
    );
    expect(await project.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0 });
    await project.run('export', 'p.yaml', 'network', '--to', 'model.safetensors');
    expect(readTensors(project.path('model.safetensors'))).toEqual(
      readTensors(project.path('ours.safetensors')),
    );
  });

  it('says what does not fit, as the stage does, and writes nothing', async () => {
    const project = createProject();
    project.write('torch.safetensors', torchFile());
    const target = ['--architecture', 'cifar-resnet20'];
    const convert = (...rest: readonly string[]) =>
      project.run('weights', 'convert', 'torch.safetensors', ...rest);
    const classes = await convert('ours.safetensors', ...target);
    expect(classes.code).toBe(2);
    expect(classes.stderr).toContain('linear.weight is [7, 64] instead of [10, 64] (set classes: 7)');
    expect(existsSync(project.path('ours.safetensors'))).toBe(false);

    const unknown = await convert('ours.safetensors', '--architecture', 'cifar-resnet21');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("unknown architecture 'cifar-resnet21'; did you mean 'cifar-resnet20'?");
    expect((await convert('ours.pth', ...target)).stderr).toContain(
      "'ours.pth' does not end in .safetensors",
    );
    expect((await convert('torch.safetensors', ...target)).stderr).toContain('is also the input file');
    const size = await convert('ours.safetensors', '--architecture', 'vgg16', '--size', '100');
    expect(size).toMatchObject({ code: 2 });
    expect(size.stderr).toContain("the size of vgg16's images must be a multiple of 224, got 100");
  });
});

describe('files that ravelin wrote', () => {
  const pipeline = (network: string): string =>
    `ravelin: 1\nname: own\nbackend: wasm\nstages:\n  network: ${network}\n`;

  it('are read by weights: and judged by their layout before a run', async () => {
    const project = createProject();
    const check = async (network: string) => {
      project.write('p.yaml', pipeline(network));
      return project.run('validate', 'p.yaml');
    };
    project.write('cnn.yaml', pipeline('{ uses: model/cnn, with: { dense: [] } }'));
    await project.run('run', 'cnn.yaml', '--ui', 'quiet');
    await project.run('export', 'cnn.yaml', 'network', '--to', 'exported.safetensors');
    await project.run('weights', 'export', 'cnn.yaml', 'network', '--to', 'network.json');
    for (const file of ['exported.safetensors', 'network.safetensors']) {
      const fitting = `{ uses: model/cnn, with: { dense: [], weights: ${file} } }`;
      expect(await check(fitting)).toMatchObject({ code: 0 });
      expect(await project.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0 });
      const other = await check(`{ uses: model/cnn, with: { dense: [], classes: 7, weights: ${file} } }`);
      expect(other.stderr).toContain(
        `'fc1.weight' of ${file} is [1568, 10], but height, width, filters and classes make it [1568, 7]`,
      );
    }
    project.write(
      'p.yaml',
      pipeline('{ uses: model/squeezenet1_1, with: { weights: exported.safetensors } }'),
    );
    const failed = await project.run('run', 'p.yaml', '--ui', 'quiet');
    expect(failed.stderr).toContain('the weights are those of cnn and do not fit squeezenet1_1: ');
    expect(failed.stderr).toContain("'ravelin weights export FILE CELL --to network.json'");
  });

  it('have their classes where their layout has them', async () => {
    const project = createProject();
    project.write('torch.safetensors', torchFile());
    const target = ['--architecture', 'cifar-resnet20', '--classes', '7'];
    await project.run('weights', 'convert', 'torch.safetensors', 'ours.safetensors', ...target);
    for (const file of ['torch.safetensors', 'ours.safetensors']) {
      const network = (classes: number) =>
        `{ uses: model/cifar-resnet20, with: { weights: ${file}, classes: ${classes} } }`;
      project.write('p.yaml', pipeline(network(7)));
      expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 0 });
      project.write('p.yaml', pipeline(network(10)));
      const { stderr } = await project.run('validate', 'p.yaml');
      expect(stderr).toContain(`the weights of ${file} are for 7 classes, not for 10`);
    }
  });

  it('point to the stage type that reads them if they are given to another', async () => {
    const project = createProject({ 'w.safetensors': '', 'n.json': '{}', 'n.onnx': '', 'n.pt2': '' });
    const check = async (network: string) => {
      project.write('p.yaml', pipeline(network));
      return (await project.run('validate', 'p.yaml')).stderr;
    };
    const given = await check('{ uses: model/network, with: { path: w.safetensors } }');
    expect(given).toContain('p.yaml:5:49 error[bad-file]');
    expect(given).toContain("'ravelin weights export FILE CELL --to network.json' writes both");
    expect(await check('{ uses: model/network, with: { path: n.onnx } }')).toContain('model/onnx reads');
    expect(await check('{ uses: model/cnn, with: { weights: n.json } }')).toContain('model/network reads');
    expect(await check('{ uses: model/vgg16, with: { weights: n.pt2 } }')).toContain(
      'model/torch-export reads',
    );
  });
});
