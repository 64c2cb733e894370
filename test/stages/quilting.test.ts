import { existsSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { transformImages } from '../defenses/opened.ts';
import { principalAxes } from '../../src/defenses/quilting/principal-axes.ts';
import { encodeAs, extensionsOf } from '../../src/cli/export-formats.ts';
import { tensorflowFolder } from '../../src/setup/locations.ts';
import { currentBackend, probeBackend } from '../../src/tensors/backend.ts';
import { decodeValue, encodeValue } from '../../src/values/codec.ts';
import type { Images } from '../../src/values/images.ts';
import type { Patches } from '../../src/values/patches.ts';
import { decodeSafetensors } from '../../src/values/safetensors.ts';
import { sliceValue } from '../../src/values/slices.ts';
import type { Transform } from '../../src/values/transform.ts';
import { failureOf, parametersOf, runStage, stageOf } from './run-stage.ts';

function randomImages(shape: Images['shape'], type: 'bytes' | 'floats' = 'bytes'): Images {
  const length = shape.reduce((product, extent) => product * extent, 1);
  const bytes = Uint8Array.from({ length }, (_, at) => (at * 2_654_435_761) >>> 24);
  return {
    kind: 'images',
    pixels: type === 'bytes' ? bytes : Float32Array.from(bytes, (byte) => byte / 255),
    shape,
    views: 1,
    labels: new Int32Array(shape[0]),
    ids: Int32Array.from({ length: shape[0] }, (_, row) => row),
    classes: [],
  };
}

async function databaseOf(images: Images, patches = 200, size = 5): Promise<Patches> {
  const { outputs } = await runStage('defense/patch-database', { patches, size }, { inputs: { images } });
  return outputs['patches'] as Patches;
}

function patchesOf(count: number, size: number, channels: number): Patches {
  const dimensions = size * size * channels;
  const pixels = new Uint8Array(count * dimensions);
  const axes = principalAxes(new Uint8Array(dimensions), dimensions);
  return { kind: 'patches', pixels, shape: [count, size, size, channels], ...axes };
}

describe('defense/quilting and the device', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('goes to workers with a GPU unless its parameters name the tree', () => {
    const usesDevice = (search: string) => stageOf('defense/quilting').usesDevice!({ search } as never);
    expect(['auto', 'matrix', 'tree'].map(usesDevice)).toEqual([true, true, false]);
  });

  it('takes the tree in a process that sees no GPU, and opens no backend', async ({ skip }) => {
    const folder = tensorflowFolder(false);
    skip(!existsSync(folder), 'TensorFlow is not set up here');
    // Nothing but the name of its folder makes a build one for GPUs, before it is opened.
    const home = mkdtempSync(join(tmpdir(), 'ravelin-quilting-'));
    symlinkSync(folder, join(home, `${basename(folder)}-gpu`));
    vi.stubEnv('RAVELIN_HOME', home);
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '');
    expect(probeBackend('tensorflow').device?.kind).toBe('gpu');
    const images = randomImages([1, 20, 22, 3]);
    const inputs = { images, patches: await databaseOf(images) };
    const made = async (backend: string) => {
      const { outputs } = await runStage('defense/quilting', {}, { inputs, backend });
      return (outputs['images'] as Images).pixels;
    };
    expect(await made('tensorflow')).toEqual(await made('wasm'));
    expect(currentBackend()).toBeNull();
  });
});

describe('defense/patch-database', () => {
  it('takes patches of 5×5, and the same ones for the same seed', async () => {
    const images = randomImages([3, 20, 22, 3]);
    const one = await databaseOf(images);
    expect(one.shape).toEqual([200, 5, 5, 3]);
    expect(encodeValue(await databaseOf(images))).toEqual(encodeValue(one));
    const other = await runStage(
      'defense/patch-database',
      { patches: 200 },
      { inputs: { images }, seed: [1, 3] },
    );
    expect(other.outputs['patches']).not.toEqual(one);
    expect(parametersOf(stageOf('defense/patch-database'), {})).toEqual({ patches: 1_000_000, size: 5 });
  });

  it('gives the same patches of bytes as of their floats', async () => {
    expect(await databaseOf(randomImages([1, 20, 20, 1], 'floats'))).toEqual(
      await databaseOf(randomImages([1, 20, 20, 1])),
    );
  });

  it('is written as safetensors and read back', async () => {
    const patches = await databaseOf(randomImages([2, 12, 12, 1]), 50, 3);
    expect(extensionsOf(patches)).toEqual(['safetensors']);
    const bytes = (await encodeAs(patches, 'safetensors'))!;
    expect(decodeSafetensors(bytes).tensors['patches']!.shape).toEqual([50, 3, 3, 1]);
    expect(decodeValue('patches', bytes)).toEqual(patches);
  });

  it('says what is wrong with images that it cannot take', async () => {
    const fail = async (images: Images, given: object) =>
      failureOf(runStage('defense/patch-database', { ...given }, { inputs: { images } }));
    const few = await fail(randomImages([1, 8, 8, 3]), { patches: 17 });
    expect(few.message).toBe('asked for 17 patches of 5×5, but the images have only 16 places for one');
    expect(few.fix).toBe('use more images, or set patches: 16 at most');
    expect((await fail(randomImages([1, 4, 9, 3]), {})).message).toBe(
      'patches of 5×5 do not fit into 4×9 images',
    );
    expect((await fail(randomImages([1, 9, 9, 4]), {})).message).toContain('these images have 4');
    const broken = randomImages([1, 9, 9, 1], 'floats');
    broken.pixels[5] = NaN;
    expect((await fail(broken, { patches: 2 })).message).toContain('NaN');
  });
});

describe('defense/quilting', () => {
  const images = randomImages([3, 14, 16, 3], 'floats');

  it('gives bytes of the same shape and a recipe that gives the same bytes', async () => {
    const patches = await databaseOf(randomImages([2, 20, 20, 3]));
    const { outputs } = await runStage(
      'defense/quilting',
      { neighbors: 3, draws: 2 },
      { inputs: { images, patches } },
    );
    const quilted = outputs['images'] as Images;
    expect(quilted.shape).toEqual([6, 14, 16, 3]);
    expect(quilted.views).toBe(2);
    expect(quilted.pixels).toBeInstanceOf(Uint8Array);
    const size = 14 * 16 * 3;
    expect(quilted.pixels.slice(0, size)).not.toEqual(quilted.pixels.slice(size, 2 * size));

    const transform = decodeValue('transform', encodeValue(outputs['transform']!)) as Transform;
    expect(transform).toEqual(outputs['transform']);
    expect(extensionsOf(transform)).toEqual(['safetensors']);
    expect(transform.steps.map(({ name }) => name)).toEqual(['quilting']);
    const named = encodeValue(transform, { keep: () => 'its digest' });
    expect(named.length).toBeLessThan(500);
    expect(decodeValue('transform', named, { find: () => patches })).toEqual(transform);
    expect(() => decodeValue('transform', named)).toThrow('stored elsewhere');
    const again = await transformImages(transform, images);
    expect(again).toEqual(quilted);
  });

  it('gives the same bytes in any shards', async () => {
    const patches = await databaseOf(randomImages([2, 20, 20, 3]));
    const run = async (part: Images) =>
      (await runStage('defense/quilting', { neighbors: 5 }, { inputs: { images: part, patches } })).outputs[
        'images'
      ] as Images;
    const whole = await run(images);
    expect((await run(sliceValue(images, 1, 2))).pixels).toEqual(sliceValue(whole, 1, 2).pixels);
  });

  it('gives the same bytes by either form of the search', async () => {
    const patches = await databaseOf(randomImages([2, 20, 20, 3]));
    const run = async (search: string) =>
      (await runStage('defense/quilting', { neighbors: 5, search }, { inputs: { images, patches } })).outputs[
        'images'
      ] as Images;
    expect((await run('matrix')).pixels).toEqual((await run('tree')).pixels);
  });

  it('with the nearest patch alone draws nothing, so that its recipe has no seed and its key none', async () => {
    const patches = await databaseOf(randomImages([2, 20, 20, 3]));
    const { outputs } = await runStage('defense/quilting', {}, { inputs: { patches } });
    expect(outputs['images']).toBeUndefined();
    expect(outputs['transform']).not.toHaveProperty('seed');
    const { randomness } = stageOf('defense/quilting');
    expect([
      randomness({ neighbors: 1, draws: 1 } as never, () => false),
      randomness({ neighbors: 2, draws: 1 } as never, () => false),
    ]).toEqual([false, true]);
  });

  it('says what is wrong with a database or images that it cannot take', async () => {
    const fail = async (patches: Patches, given: object = {}, of: Images = images) =>
      failureOf(runStage('defense/quilting', { ...given }, { inputs: { images: of, patches } }));
    const good = patchesOf(9, 5, 3);
    expect((await fail(patchesOf(0, 5, 3))).message).toBe('the patch database is empty');
    const many = await fail(good, { neighbors: 10 });
    expect(many.message).toBe('asked for 10 nearest patches, but the database has only 9');
    expect(many.fix).toBe('set neighbors: 9 at most, or make a larger database');
    expect((await fail(good, { size: 7 })).message).toBe('the database holds patches of 5×5, not 7×7');
    expect((await fail(good, { overlap: 5 })).message).toContain(
      'must be smaller than the side of the patches (5), got 5',
    );
    expect((await fail(patchesOf(9, 5, 1))).message).toBe(
      'the patches have 1 channel, and these images have 3',
    );
    expect((await fail(good, {}, randomImages([1, 4, 9, 3]))).message).toBe(
      '4×9 images are smaller than a patch of 5×5',
    );
    expect((await fail(good, {}, randomImages([1, 9, 9, 4]))).message).toContain('these images have 4');
    const broken = randomImages([2, 9, 9, 3], 'floats');
    broken.pixels[300] = NaN;
    expect((await fail(good, {}, broken)).message).toBe('image 1 has pixels that are not numbers (NaN)');
  });

  it('refuses draws of what is not random, and an overlap of a whole patch, before it runs', () => {
    const check = stageOf('defense/quilting').check!;
    const problems = (given: object) =>
      check(parametersOf(stageOf('defense/quilting'), { ...given })).map(({ path }) => path[0]);
    expect(problems({ draws: 2 })).toEqual(['draws']);
    expect(problems({ draws: 2, neighbors: 2 })).toEqual([]);
    expect(problems({ size: 5, overlap: 5 })).toEqual(['overlap']);
  });
});
