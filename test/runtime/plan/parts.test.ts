import { Type } from '@sinclair/typebox';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/dsl/graph.ts';
import { addParts, withParts } from '../../../src/runtime/plan/parts.ts';
import { type CellParts, defineStage, type Part, port, type Stage } from '../../../src/runtime/stage.ts';
import { makeGraph } from '../fixtures/graphs.ts';

const images = port('images');
const unused = (): Promise<never> => Promise.reject(new Error('never run'));
const plain = (uses: string): Stage =>
  defineStage({
    uses,
    version: 1,
    summary: '',
    with: Type.Object({}),
    in: { images },
    out: { images },
    run: unused,
  });

/** A stage whose cells share `learn` unless `kind` differs, then search on the first images, and are checked after. */
const divided: Stage = {
  ...plain('test/divided'),
  version: 7,
  parts: {
    stages: { learn: plain('test/learn'), look: plain('test/look'), check: plain('test/check') },
    of: ({ kind, strength }: { readonly kind: string; readonly strength: number }): CellParts | null => {
      if (strength === 0) return null;
      const params = { kind, strength };
      const learn = { part: 'learn', port: 'images' };
      const part = (name: string, rest: Partial<Part>): Part => ({
        name,
        stage: name,
        group: name,
        params,
        shares: ['images'],
        inputs: {},
        ...rest,
      });
      return {
        before: [
          part('learn', { params: { kind } }),
          part('look', { inputs: { learnt: learn }, images: 2 }),
          part('try', {
            stage: 'self',
            group: 'look',
            inputs: { looked: { part: 'look', port: 'images' } },
            images: 2,
          }),
        ],
        inputs: { learnt: learn, tried: { part: 'try', port: 'images' } },
        after: [part('check', { inputs: { made: { part: 'self', port: 'images' } } })],
      };
    },
  },
};
const registry = withParts(
  new Map([plain('test/source'), divided, plain('test/add')].map((stage) => [stage.uses, stage])),
);

/** One stage `d` of cells over the axes kind and strength, between a source and a reader of its last cell. */
function graphOf(cells: readonly (readonly [kind: string, strength: number])[]): Graph {
  const base = makeGraph('/project', [
    { id: 'source', uses: 'test/source' },
    { id: 'd', uses: 'test/divided', in: { images: 'source' } },
    { id: 'reader', uses: 'test/add', in: { images: 'd' } },
  ]);
  const [source, d, reader] = base.cells;
  const [first, middle, last] = base.stages;
  const count = cells.length;
  return {
    ...base,
    stages: [
      first!,
      { ...middle!, axes: ['kind', 'strength'], cellCount: count },
      { ...last!, firstCell: 1 + count },
    ],
    cells: [
      source!,
      ...cells.map(([kind, strength]) => ({
        ...d!,
        id: `d[kind=${kind},strength=${strength}]`,
        axes: { kind, strength },
        params: { kind, strength },
      })),
      { ...reader!, inputs: { images: { one: { cell: count, port: 'images' } } } },
    ],
  };
}

/** Every cell with what it reads by id. */
function readsOf({ cells }: Graph): Record<string, Record<string, string>> {
  return Object.fromEntries(
    cells.map(({ id, inputs }) => [
      id,
      Object.fromEntries(
        Object.entries(inputs).map(([name, input]) => [
          name,
          'one' in input ? cells[input.one.cell]!.id : '',
        ]),
      ),
    ]),
  );
}

describe('the parts of cells', () => {
  const graph = addParts(
    graphOf([
      ['a', 1],
      ['a', 2],
      ['b', 1],
      ['b', 0],
    ]),
    registry,
  );

  it('become cells of stages named after theirs, and cells with the same part share it', () => {
    expect(graph.stages.map(({ id, cellCount, partOf }) => [id, cellCount, partOf])).toEqual([
      ['source', 1, undefined],
      ['d/learn', 2, 'd'],
      ['d/look', 6, 'd'],
      ['d', 4, undefined],
      ['d/check', 3, 'd'],
      ['reader', 1, undefined],
    ]);
    expect(readsOf(graph)).toMatchObject({
      'd/learn[kind=a]': { images: 'source' },
      'd/look[kind=a,strength=2,part=look]': { images: 'source', learnt: 'd/learn[kind=a]' },
      'd/look[kind=a,strength=2,part=try]': { looked: 'd/look[kind=a,strength=2,part=look]' },
      'd[kind=a,strength=2]': {
        images: 'source',
        learnt: 'd/learn[kind=a]',
        tried: 'd/look[kind=a,strength=2,part=try]',
      },
      'd/check[kind=a,strength=2]': { made: 'd[kind=a,strength=2]' },
      'd[kind=b,strength=0]': { images: 'source' },
      reader: { images: 'd[kind=b,strength=0]' },
    });
  });

  it('keep the order: a cell reads earlier ones only, and a stage has its cells side by side', () => {
    graph.cells.forEach(({ inputs, follows }, index) => {
      for (const input of Object.values(inputs))
        if ('one' in input) expect(input.one.cell).toBeLessThan(index);
      if (follows !== undefined) expect(graph.cells[follows]!.stage).toBe('d');
    });
    for (const { id, firstCell, cellCount } of graph.stages)
      for (const cell of graph.cells.slice(firstCell, firstCell + cellCount)) expect(cell.stage).toBe(id);
    expect(new Set(graph.cells.map(({ id }) => id)).size).toBe(graph.cells.length);
  });

  it('are of stage types of their own, or of the type of the cell, with the version of that one', () => {
    const uses = new Map(graph.cells.map((cell) => [cell.id, cell]));
    expect(uses.get('d/learn[kind=a]')).toMatchObject({ uses: 'test/divided/learn', params: { kind: 'a' } });
    expect(uses.get('d/look[kind=a,strength=1,part=try]')).toMatchObject({ uses: 'test/divided', images: 2 });
    expect(registry.get('test/divided/learn')).toMatchObject({
      uses: 'test/divided/learn',
      version: 7,
      partOf: 'test/divided',
    });
  });

  it('belong to the plugin that brought the stage', () => {
    const foreign: Stage = { ...divided, source: 'abc', plugin: './mine.mjs' };
    expect(withParts(new Map([[foreign.uses, foreign]])).get('test/divided/look')).toMatchObject({
      source: 'abc',
      plugin: './mine.mjs',
    });
  });

  it('are numbered where the axes that all of them agree on do not tell them apart', () => {
    // The strength decides nothing here but the kind, so `learn` has no label of its own.
    const odd = addParts(
      graphOf([
        ['a', 1],
        ['b', 1],
      ]),
      registry,
    );
    expect(odd.cells.filter(({ stage }) => stage === 'd/learn').map(({ id }) => id)).toEqual([
      'd/learn[kind=a,strength=1]',
      'd/learn[kind=b,strength=1]',
    ]);
    const mixed = graphOf([
      ['a', 1],
      ['a', 2],
      ['a', 3],
    ]);
    const cells = mixed.cells.map((cell) =>
      cell.id === 'd[kind=a,strength=3]' ? { ...cell, params: { kind: 'c', strength: 3 } } : cell,
    );
    const numbered = addParts({ ...mixed, cells }, registry);
    expect(numbered.cells.filter(({ stage }) => stage === 'd/learn').map(({ id }) => id)).toEqual([
      'd/learn[kind=a,number=1]',
      'd/learn[kind=a,number=2]',
    ]);
  });

  it('leave a graph without such stages as it is', () => {
    const without = makeGraph('/project', [{ id: 'source', uses: 'test/source' }]);
    expect(addParts(without, registry)).toBe(without);
  });
});
