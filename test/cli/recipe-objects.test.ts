import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeTransform } from '../../src/values/patches-codec.ts';
import { createProject } from './ravelin.ts';

/** Two recipes of one database, and predictions that go through one of them. */
const pipeline = `ravelin: 1
seed: 5
defaults: { shard: 2 }
params: { images: { type: integer, default: 4 } }
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: $(params.images) } }
  library: { uses: dataset/mnist, with: { split: train, limit: 20 } }
  patches: { uses: defense/patch-database, in: { images: library }, with: { patches: 9000, size: 5 } }
  quilted: { uses: defense/quilting, in: { images: digits, patches: patches }, with: { neighbors: 2 } }
  recipe:
    uses: defense/quilting
    in: { patches: patches }
    with: { neighbors: 3 }
    publish: { transform: recipe.safetensors }
  network: { uses: model/cnn, with: { filters: [4], dense: [8] } }
  predictions: { uses: predict/classify, in: { model: network, images: digits, transform: recipe.transform } }
`;

const databaseBytes = 9000 * 25;

describe('a recipe of quilting in the cache', () => {
  const project = createProject({ 'p.yaml': pipeline });
  const objects = join(project.folder, '.ravelin/objects/sha256');
  const stored = (): { path: string; bytes: number }[] =>
    readdirSync(objects).flatMap((prefix) =>
      readdirSync(join(objects, prefix)).map((name) => {
        const path = join(objects, prefix, name);
        return { path, bytes: statSync(path).size };
      }),
    );
  const databases = (): string[] =>
    stored().flatMap(({ path, bytes }) => (bytes >= databaseBytes ? [path] : []));
  const run = async (...parameters: string[]): Promise<void> => {
    const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'quiet', ...parameters);
    expect(code, stderr).toBe(0);
  };

  it('names its database, which is stored once', async () => {
    await run();
    expect(databases()).toHaveLength(1);
    expect((await project.run('cache', 'verify')).code).toBe(0);
  });

  it('holds the patches itself once it is published or exported', async () => {
    const exported = await project.run('export', 'p.yaml', 'recipe.transform', '--to', 'out.safetensors');
    expect(exported.code, exported.stderr).toBe(0);
    const bytes = readFileSync(project.path('out.safetensors'));
    const [step] = decodeTransform(bytes).steps;
    expect(step!.patches!.shape).toEqual([9000, 5, 5, 1]);
    expect(readFileSync(project.path('recipe.safetensors'))).toEqual(bytes);
  });

  it('keeps its database from being collected, also when the record of that is gone', async () => {
    const [database] = databases();
    const actions = join(project.folder, '.ravelin/actions');
    for (const prefix of readdirSync(actions)) {
      for (const name of readdirSync(join(actions, prefix))) {
        const path = join(actions, prefix, name);
        if (readFileSync(path, 'utf8').includes('"uses":"defense/patch-database"')) rmSync(path);
      }
    }
    // What is younger than an hour is kept in any case.
    utimesSync(database!, 0, 0);
    expect((await project.run('cache', 'gc')).code).toBe(0);
    expect(databases()).toEqual([database]);
    await run();
  });

  it.each(['damaged', 'missing'])('is read again after its %s database was made anew', async (how) => {
    const [database] = databases();
    const before = readFileSync(database!);
    const changed = Buffer.from(before);
    changed[changed.length >> 1]! ^= 4;
    if (how === 'damaged') writeFileSync(database!, changed);
    else rmSync(database!);
    // The first shards are known, and the new ones read the database by way of the recipe.
    await run('-S', `params.images=${how === 'damaged' ? 6 : 8}`);
    expect(readFileSync(database!)).toEqual(before);
    expect((await project.run('cache', 'verify')).code).toBe(0);
  });
});
