import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onnxStage } from '../../src/stages/model/onnx.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { fixtures, model, node, outside, tensor } from '../models/onnx/files.ts';
import { fixtures as exported } from '../models/torch-export/files.ts';
import { failureOf, runStage } from './run-stage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-onnx-'));
  await mkdir(join(root, 'net'));
});
afterEach(() => rm(root, { recursive: true }));

const run = (params: Record<string, unknown>) =>
  runStage('model/onnx', { path: 'net/model.onnx', ...params }, { root });
const build = async (params: Record<string, unknown> = {}): Promise<NetworkModel> =>
  (await run(params)).outputs['model'] as NetworkModel;

async function refusal(params: Record<string, unknown> = {}): Promise<string> {
  const { message } = await failureOf(build(params));
  return message.replaceAll(`${root}/`, '');
}

const dense = [node('Flatten', 'f', ['x']), node('Gemm', 'y', ['f', 'w'])];
const eight = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8).buffer);
const beside = (location: string, length = 32) =>
  model(dense, [outside('w', [4, 2], { location, offset: '0', length: String(length) })]);

describe('model/onnx', () => {
  it('reads the weights beside the file', async () => {
    await writeFile(join(root, 'net/model.onnx'), beside('w.bin'));
    await writeFile(join(root, 'net/w.bin'), eight);
    expect([...(await build()).weights['y.weight']!.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('names the files beside it, whose content is part of the key', async () => {
    for (const name of ['gated-dynamo.onnx', 'gated-dynamo.onnx.data'])
      await copyFile(join(fixtures, name), join(root, 'net', name));
    const path = join(root, 'net/gated-dynamo.onnx');
    const params = { path, channels: 'rgb', mean: [0], std: [1] };
    const survey = await onnxStage.survey!({ params, resolve: (own: string) => own } as never);
    expect((survey as { files: () => string[] }).files()).toEqual([path, `${path}.data`]);
  });

  it('refuses a link that leads out of the folder', async () => {
    await writeFile(join(root, 'net/model.onnx'), beside('w.bin'));
    await writeFile(join(root, 'w.bin'), eight);
    await symlink('../w.bin', join(root, 'net/w.bin'));
    expect(await refusal()).toBe(
      "net/model.onnx: the weights in 'w.bin' are a link that leads out of the model's folder",
    );
  });

  it('says which file is missing, or too short', async () => {
    expect(await refusal()).toMatch(/^net\/model.onnx does not exist/);
    await writeFile(join(root, 'net/model.onnx'), beside('w.bin'));
    expect(await refusal()).toMatch(/^net\/w.bin does not exist/);
    await writeFile(join(root, 'net/w.bin'), eight.subarray(0, 20));
    expect(await refusal()).toBe("net/model.onnx: the tensor 'w' needs bytes 0 to 32 of w.bin, which has 20");
  });

  it('puts mean and std before the normalisation of the file', async () => {
    for (const name of ['model.onnx', 'flattened-torchscript.onnx'])
      await copyFile(join(fixtures, 'flattened-torchscript.onnx'), join(root, 'net', name));
    const { preprocessing } = await build({ mean: [0.1, 0.2, 0.3], std: [2] });
    // (x − m) / 2 − μ over σ is x − (m + 2 μ) over 2 σ, with μ = 0.4, 0.5, 0.6 and σ = 0.2, 0.3, 0.25.
    [0.9, 1.2, 1.5].forEach((value, at) => expect(preprocessing.mean[at]).toBeCloseTo(value, 6));
    [0.4, 0.6, 0.5].forEach((value, at) => expect(preprocessing.std[at]).toBeCloseTo(value, 6));
  });

  it('warns if the pixels are normalised inside and outside of the file', async () => {
    await copyFile(join(fixtures, 'flattened-torchscript.onnx'), join(root, 'net/model.onnx'));
    expect((await run({})).warnings).toEqual([]);
    expect((await run({ mean: [0.1, 0.2, 0.3], std: [2] })).warnings).toEqual([
      'the file itself normalises the pixels (mean 0.4, 0.5, 0.6, std 0.2, 0.3, 0.25), and mean and std of the stage come before that. If they are the same normalisation, remove them from the stage.',
    ]);
    const error = await failureOf(build({ std: [0.2, 0.2] }));
    expect(error.message).toMatch(/the images have 3 channels, but mean has 1 values and std 2$/);
    expect((error as { fix?: string }).fix).toBe('give one value, or one for each of the 3 channels');
  });

  it('refuses a size that is not that of the file', async () => {
    await copyFile(join(fixtures, 'flattened-torchscript.onnx'), join(root, 'net/model.onnx'));
    const { network } = await build();
    const [height, width] = network.inputShape;
    expect((await build({ size: height, width })).network.inputShape).toEqual(network.inputShape);
    expect(await refusal({ size: 64 })).toBe(
      `net/model.onnx: the file takes images of [${height}, ${width}] pixels, but size is [64, 64]`,
    );
  });

  it('turns the colours of a network that takes blue first', async () => {
    const conv = [node('Conv', 'c', ['x', 'k']), node('Flatten', 'y', ['c'])];
    const kernel = tensor('k', [2, 3, 1, 1], Float32Array.of(1, 2, 3, 4, 5, 6));
    await writeFile(join(root, 'net/model.onnx'), model(conv, [kernel], { input: ['batch', 3, 1, 1] }));
    const [red, blue] = [await build(), await build({ channels: 'bgr' })];
    // [height, width, channels, filters].
    expect([...red.weights['c.weight']!.data]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...blue.weights['c.weight']!.data]).toEqual([3, 6, 2, 5, 1, 4]);
  });

  it('takes a list of numbers as the pixels of images', async () => {
    const listed = model([node('Gemm', 'y', ['x', 'w'])], [tensor('w', [4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))], { input: ['batch', 4] }); // prettier-ignore
    await writeFile(join(root, 'net/model.onnx'), listed);
    expect(await refusal()).toMatch(/the input 'x' is \[batch, 4\], which says nothing of the size/);
    const { network, weights } = await build({ size: 1, width: 2 });
    expect(network.inputShape).toEqual([1, 2, 2]);
    // Two channels of two pixels: the file has one channel after another, we have one pixel after another.
    expect([...weights['y.weight']!.data]).toEqual([1, 2, 5, 6, 3, 4, 7, 8]);
  });

  it('refuses a file that is none, and says what to do', async () => {
    await writeFile(join(root, 'net/model.onnx'), await readFile(join(fixtures, 'expected.json')));
    const error = await failureOf(build());
    expect(error.message).toMatch(/the file is not a whole ONNX model/);
    expect((error as { fix?: string }).fix).toBe('export or fetch it again');
    await copyFile(join(exported, 'vit.pt2'), join(root, 'net/model.onnx'));
    const zip = await failureOf(build());
    expect(zip.message).toMatch(/the file is a zip archive, not an ONNX model$/);
    expect((zip as { fix?: string }).fix).toMatch(
      /^read a \.pt2 file of torch\.export with model\/torch-export/,
    );
  });
});
