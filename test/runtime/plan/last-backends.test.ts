import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { type BackendMemory, openBackendMemory } from '../../../src/runtime/plan/last-backends.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import { makeFolder, makeGraph } from '../fixtures/graphs.ts';
import { testRegistry } from '../fixtures/stages.ts';

const identity = (backend: string, version = '1') => ({ backend, version });
let folder = '';

beforeEach(() => {
  folder = makeFolder();
});

function memoryOf(profiles: readonly string[] = [], file = 'p.yaml'): BackendMemory {
  const graph = { ...makeGraph(folder, []), file: `${folder}/${file}` };
  return openBackendMemory(openStore(`${folder}/.ravelin`), graph, testRegistry, profiles);
}

describe('the memory of backends', () => {
  it('is empty at first, and then has the last three, the latest first', () => {
    expect(memoryOf().read()).toEqual({ used: [], of: 'cache' });
    for (const name of ['a', 'b', 'c', 'd', 'c']) memoryOf().remember(identity(name));
    expect(memoryOf().read()).toEqual({
      used: ['c', 'd', 'b'].map((name) => identity(name)),
      of: 'pipeline',
    });
    memoryOf().remember(identity('c', '2'));
    expect(memoryOf().read().used).toEqual([identity('c', '2'), identity('c'), identity('d')]);
  });

  it('is one for each choice of profiles, and a new pipeline goes on with that of the cache', () => {
    memoryOf().remember(identity('tensorflow'));
    memoryOf(['smoke']).remember(identity('wasm'));
    expect(memoryOf().read().used).toEqual([identity('tensorflow')]);
    expect(memoryOf(['smoke']).read().used).toEqual([identity('wasm'), identity('tensorflow')]);
    expect(memoryOf([], 'q.yaml').read()).toEqual({
      used: [identity('wasm'), identity('tensorflow')],
      of: 'cache',
    });
  });

  it('writes nothing while the backend stays', () => {
    memoryOf().remember(identity('wasm'));
    const inodes = (): readonly number[] =>
      readdirSync(`${folder}/.ravelin/last`).map((name) => statSync(`${folder}/.ravelin/last/${name}`).ino);
    const before = inodes();
    memoryOf().remember(identity('wasm'));
    expect(inodes()).toEqual(before);
  });

  it('takes nothing from a file that is damaged, too large, of another format, or hostile', () => {
    mkdirSync(`${folder}/.ravelin/last`, { recursive: true });
    const good = identity('wasm');
    for (const [text, used] of [
      ['{', []],
      ['null', []],
      [JSON.stringify({ format: 2, used: [good] }), []],
      [JSON.stringify({ format: 1, used: [good] }) + ' '.repeat(20_000), []],
      [JSON.stringify({ format: 1, used: { 0: good, length: 1 } }), []],
      [
        JSON.stringify({ format: 1, used: [null, 1, [], identity('../x'), { backend: 'wasm' }, good] }),
        [good],
      ],
      [
        JSON.stringify({
          format: 1,
          used: [identity('wasm', '\u001b[2J'), identity('wasm', 'x'.repeat(301))],
        }),
        [],
      ],
      [JSON.stringify({ format: 1, used: [{ ...good, __proto__: 1, more: 2 }] }), [good]],
    ] as const) {
      writeFileSync(`${folder}/.ravelin/last/backends.json`, text);
      expect(memoryOf().read().used, text.slice(0, 80)).toEqual(used);
    }
  });
});
