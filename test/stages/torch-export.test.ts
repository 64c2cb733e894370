import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NetworkModel } from '../../src/values/model.ts';
import { fixtures } from '../models/torch-export/files.ts';
import { failureOf, runStage } from './run-stage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-torch-export-'));
  for (const name of ['vit.pt2', 'trained.pt2']) await copyFile(join(fixtures, name), join(root, name));
});
afterEach(() => rm(root, { recursive: true }));

const build = async (params: Record<string, unknown>): Promise<NetworkModel> =>
  (await runStage('model/torch-export', params, { root })).outputs['model'] as NetworkModel;

describe('model/torch-export', () => {
  it('reads a program, with the name of its file and the preprocessing before its own', async () => {
    const model = await build({ path: 'trained.pt2', mean: [0.5], std: [2] });
    expect(model.network.architecture).toBe('trained');
    const { mean, std } = model.preprocessing;
    [0.4, 0.5, 0.6].forEach((own, at) => expect(mean[at]).toBeCloseTo(0.5 + 2 * own, 5));
    [0.2, 0.3, 0.25].forEach((own, at) => expect(std[at]).toBeCloseTo(2 * own, 5));
  });

  it('puts the classes into the order of their names', async () => {
    await writeFile(join(root, 'names.json'), JSON.stringify(['b', 'a', 'c', 'e', 'd']));
    const [own, sorted] = [
      await build({ path: 'vit.pt2' }),
      await build({ path: 'vit.pt2', classes: 'names.json' }),
    ];
    const bias = ({ weights, network }: NetworkModel): number[] => [
      ...weights[`${network.output}.bias`]!.data,
    ];
    const [a, b, c, d, e] = bias(own) as [number, number, number, number, number];
    expect(bias(sorted)).toEqual([b, a, c, e, d]);
  });

  it('says what a file is that it does not read, and what to do', async () => {
    await writeFile(join(root, 'notes.pt2'), 'no archive');
    const failure = await failureOf(build({ path: 'notes.pt2' }));
    expect(failure.message.replaceAll(`${root}/`, '')).toBe(
      'notes.pt2: the file is not a zip archive, as torch.export.save writes it',
    );
    expect(failure.fix).toBe(
      'read an ONNX file with model/onnx, or write the network with torch.export.save',
    );
    expect((await failureOf(build({ path: 'none.pt2' }))).message).toMatch(/none.pt2 does not exist/);
  });
});
