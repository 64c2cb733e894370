import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { zoo } from '../../src/models/architectures/zoo.ts';
import { encodeWeights } from '../../src/models/weights/write.ts';
import { encodeSafetensors } from '../../src/values/safetensors.ts';
import { evenModel } from '../models/networks.ts';
import { createProject, readTensors, type Project } from './ravelin.ts';

const pipeline = `ravelin: 1
name: p
stages:
  images: { uses: dataset/mnist, with: { limit: 8 } }
  net: { uses: model/cnn, with: { filters: [4], dense: [], height: 6, width: 5, classes: 3, batchNorm: true } }
  trained: { uses: train/sgd, in: { images: images, model: net } }
  sized: { uses: model/cnn, with: { classes: $(axes.classes) }, matrix: { classes: [3, 4] } }
  program: { uses: model/python, with: { module: m.py, make: net, height: 8, width: 6 } }
  absent: { uses: model/onnx, with: { path: absent.onnx } }
`;

/** By hand: 9 · 4 weights of the convolution, which has no bias before a norm, 2 · 4 of the norm, 3 · 2 · 4 · 3 + 3 of the dense layer. */
const shown = `layer    operation             output     parameters  multiply-adds
conv1    conv 3×3              6 × 5 × 4  36          1,080
bn1      batch-norm            6 × 5 × 4  8
relu1    relu                  6 × 5 × 4
pool1    max-pool 2×2, step 2  3 × 2 × 4
flatten  flatten               24
fc1      dense                 3          75          72

architecture  cnn
input         6 × 5 × 1 (height × width × channels), pixels in [0, 1]
normalised    mean 0, std 1
classes       3
parameters    119 and 8 running statistics, 508 B
operations    2.3 k FLOPs for an image, 1.15 k multiply-adds of convolutions and dense layers
activations   411 numbers for an image, 1.6 KiB
layers        6: 1 conv, 1 batch-norm, 1 relu, 1 max-pool, 1 flatten, 1 dense`;

const stderrOf = async (project: Project, ...words: readonly string[]): Promise<string> => {
  const { code, stderr, stdout } = await project.run(...words);
  expect({ code, stdout }, words.join(' ')).toEqual({ code: 2, stdout: '' });
  return stderr;
};

describe('ravelin model show', () => {
  it('shows the model of a stage before a run, and stores nothing', async () => {
    const project = createProject({ 'pipeline.yaml': pipeline });
    expect(await project.run('model', 'show', 'net')).toMatchObject({ code: 0, stdout: shown, stderr: '' });
    expect((await project.run('model', 'show', 'pipeline.yaml', 'net')).stdout).toBe(shown);
    expect((await project.run('plan', 'pipeline.yaml', 'net')).stdout).toContain('0 reused, 1 to run');
  });

  it('says of a file of no known kind that it is none, and that weights have no normalisation', async () => {
    const project = createProject({ 'notes.txt': 'these are some notes, and no weights at all' });
    const stderr = await stderrOf(project, 'model', 'show', project.path('notes.txt'));
    expect(stderr).toContain('is of no kind that is read');
    expect(stderr).not.toContain('damaged');
  });

  it('prints the same as JSON, with every node', async () => {
    const project = createProject({ 'pipeline.yaml': pipeline });
    const json = (await project.json('model', 'show', 'net', '--json')) as { layers: object[] };
    expect(json).toMatchObject({
      ...{ model: 'net', architecture: 'cnn', inputShape: [6, 5, 1], classes: 3, parameters: 119 },
      ...{
        statistics: 8,
        multiplyAdds: 1152,
        floatingPointOperations: 2304,
        activations: 411,
        output: 'fc1',
      },
    });
    expect(json.layers[0]).toMatchObject({
      ...{ name: 'conv1', op: 'conv', kernel: [3, 3], outputShape: [6, 5, 4], parameters: 36 },
    });
  });

  it('says what it knows of a program in Python without starting it, and why it could not start', async () => {
    const project = createProject({ 'pipeline.yaml': pipeline, 'm.py': 'raise SystemExit("started")' });
    const { code, stdout } = await project.run('model', 'show', 'program');
    expect(code).toBe(0);
    expect(stdout).toBe(`program       net of m.py, in python3
weights       those that the program makes
input         8 × 6 × 3 (height × width × channels), pixels in [0, 1]
device        auto
classes       known after a run, because that starts the program
layers        not known: ravelin does not see into the program
cannot start  the module 'm.py' is code, and this project does not allow it`);
    expect(await project.json('model', 'show', 'program', '--json')).toMatchObject({
      ...{ model: 'program', program: { module: 'm.py' }, inputShape: [8, 6, 3], classes: null },
    });
  });

  it('shows a training once it has run, and says until then what to run', async () => {
    const text = pipeline.replace('height: 6, width: 5, classes: 3', 'classes: 10');
    const project = createProject({ 'p.yaml': text });
    expect(await stderrOf(project, 'model', 'show', 'p.yaml', 'trained')).toBe(
      'error: trained has no result yet, and it reads other stages\n  fix: ravelin run p.yaml trained',
    );
    const ran = await project.run('run', 'p.yaml', 'trained', '--ui', 'quiet');
    expect(ran).toMatchObject({ code: 0 });
    expect((await project.run('model', 'show', 'p.yaml', 'trained')).stdout).toMatch(/^classes +10$/m);
  });

  it('says what is wrong with a cell that makes no model, or with several', async () => {
    const project = createProject({ 'pipeline.yaml': pipeline });
    expect(await stderrOf(project, 'model', 'show', 'images')).toMatch(
      /^error: images makes no model: dataset\/mnist makes images\n {2}fix: /,
    );
    expect(await stderrOf(project, 'model', 'show', 'sized')).toMatch(
      /^error: 'sized' names 2 cells\n {2}fix: name one, such as 'sized\[classes=3\]'/,
    );
    expect(await stderrOf(project, 'model', 'show', 'absent')).toMatch(
      /^error: .*absent\.onnx does not exist/,
    );
    expect((await project.run('model', 'show', 'nte')).stderr).toContain("did you mean 'net'");
  });

  it('shows ONNX files and network files, and says what could not be read', async () => {
    const project = createProject();
    copyFileSync('test/reference/onnx-files/gated-dynamo-static.onnx', project.path('gated.onnx'));
    const { stdout } = await project.run('model', 'show', 'gated.onnx');
    expect(stdout).toMatch(/^architecture +gated$/m);
    expect(stdout).toMatch(/^layers +31: 5 conv/m);
    copyFileSync('test/reference/torch-export-files/vit.pt2', project.path('vit.pt2'));
    expect((await project.run('model', 'show', 'vit.pt2')).stdout).toMatch(/^architecture +vit$/m);
    for (const name of ['ours.json', 'ours.safetensors'])
      copyFileSync(`test/reference/network-files/${name}`, project.path(name));
    expect((await project.run('model', 'show', 'ours.json')).stdout).toMatch(/^parameters +792 and 12 /m);
    project.write(
      'broken.json',
      readFileSync(project.path('ours.json'), 'utf8').replace('"silu"', '"gelu6"'),
    );
    expect(await stderrOf(project, 'model', 'show', 'broken.json')).toMatch(
      /^error: .*broken\.json: 'nodes\[2\]\.op' is "gelu6", which is not an operation.*\n {2}fix: use one of conv/,
    );
    expect(await stderrOf(project, 'model', 'show', 'gone.pth')).toBe(`error: gone.pth does not exist`);
    expect(await stderrOf(project, 'model', 'show', 'ours.json', '--architecture', 'resnet18')).toBe(
      'error: ours.json already describes its network\n  fix: leave --architecture out',
    );
  });

  it('recognizes the architecture and the classes of a file of weights', async () => {
    const project = createProject();
    const network = zoo['cifar-resnet20'].build({ size: 32, classes: 7 });
    const { weights } = evenModel(network, { mean: [0, 0, 0], std: [1, 1, 1] });
    project.write('w.safetensors', encodeWeights('cifar-resnet20', weights));
    const { stdout } = await project.run('model', 'show', 'w.safetensors');
    expect(stdout).toMatch(/^architecture +cifar-resnet20$/m);
    expect(stdout).toMatch(/^classes +7$/m);
    expect(stdout).toMatch(/^normalised +mean 0\.485, 0\.456, 0\.406, /m);
    expect(await stderrOf(project, 'model', 'show', 'w.safetensors', '--architecture', 'resnet18')).toContain(
      'the weights are those of cifar-resnet20 and do not fit resnet18',
    );
    const data = new Float32Array(4);
    project.write('other.safetensors', encodeSafetensors({ w: { dtype: 'F32', shape: [2, 2], data } }));
    expect(await stderrOf(project, 'model', 'show', 'other.safetensors')).toMatch(
      /^error: other\.safetensors contains only weights, and their names match no architecture of ravelin\n {2}fix: 'ravelin weights show other\.safetensors' lists them; --architecture NAME says what does not fit/,
    );
  });
});

describe('ravelin weights export', () => {
  it('writes a stage as a network file, which model/network reads as the same model', async () => {
    const again = pipeline.replace(
      'stages:',
      'stages:\n  again: { uses: model/network, with: { path: out/net.json } }',
    );
    const project = createProject({ 'pipeline.yaml': again });
    const exported = await project.run('weights', 'export', 'net', '--to', 'out/net.json');
    expect(exported).toMatchObject({ code: 0, stdout: '' });
    expect(exported.stderr).toMatch(/^wrote out\/net\.safetensors, .*\nwrote out\/net\.json, /);
    expect((await project.run('model', 'show', 'again')).stdout).toBe(shown);
    await project.run('run', 'pipeline.yaml', 'net', 'again', '--ui', 'quiet');
    for (const name of ['net', 'again'])
      await project.run('export', 'pipeline.yaml', name, '--to', `${name}.safetensors`);
    expect(readTensors(project.path('again.safetensors'))).toEqual(
      readTensors(project.path('net.safetensors')),
    );
    expect((await project.run('model', 'show', 'again.safetensors')).stdout).toBe(shown);
  });

  it('writes the weights alone in the layout of PyTorch, which the same network reads back', async () => {
    const again = pipeline
      .replace('batchNorm: true', 'batchNorm: true, mean: [0.5]')
      .replace('stages:', 'stages:\n  again: { extends: net, with: { weights: net.safetensors } }')
      .replace('stages:', 'templates: { net: { uses: model/cnn, with: { filters: [4], dense: [], height: 6, width: 5, classes: 3, batchNorm: true, mean: [0.5] } } }\nstages:'); // prettier-ignore
    const project = createProject({ 'pipeline.yaml': again });
    const exported = await project.run('weights', 'export', 'net', '--to', 'net.safetensors');
    expect(exported).toMatchObject({ code: 0, stdout: '' });
    expect(exported.stderr).toMatch(
      /^wrote net\.safetensors, .*\nthe weights take normalised pixels: \(pixels − mean\) \/ std with mean 0\.5 and std 1$/,
    );
    const { 'conv1.weight': conv, 'fc1.weight': dense } = readTensors(project.path('net.safetensors'));
    expect([conv?.shape, dense?.shape]).toEqual([
      [4, 1, 3, 3],
      [3, 24],
    ]);
    await project.run('run', 'pipeline.yaml', 'net', 'again', '--ui', 'quiet');
    for (const name of ['net', 'again'])
      await project.run('export', 'pipeline.yaml', name, '--to', `own-${name}.safetensors`);
    expect(readTensors(project.path('own-again.safetensors'))).toEqual(
      readTensors(project.path('own-net.safetensors')),
    );
  });

  it('refuses a program in Python, and a name of another kind, and writes nothing', async () => {
    const project = createProject({ 'pipeline.yaml': pipeline });
    expect(await stderrOf(project, 'weights', 'export', 'program', '--to', 'p.json')).toMatch(
      /^error: program is a program in Python, so ravelin does not know its network\n {2}fix: export it from Python, to ONNX/,
    );
    expect(await stderrOf(project, 'weights', 'export', 'net', '--to', 'p.pth')).toContain(
      "'p.pth' does not end in .json or .safetensors",
    );
    expect(existsSync(project.path('p.json')) || existsSync(project.path('p.safetensors'))).toBe(false);
  });
});
