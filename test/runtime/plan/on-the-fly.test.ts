import { Type } from '@sinclair/typebox';
import { describe, expect, it } from 'vitest';
import type { Cell, CellInput, Graph } from '../../../src/dsl/graph.ts';
import { bindOnTheFly } from '../../../src/runtime/plan/on-the-fly.ts';
import { defineStage, port } from '../../../src/runtime/stage.ts';
import type { Stage, StageRegistry } from '../../../src/runtime/stage.ts';
import { type CellLiteral, makeGraph } from '../fixtures/graphs.ts';

const images = port('images', { optional: true });
const transform = port('transform', { optional: true });
const unused = (): Promise<never> => Promise.reject(new Error('never run'));

function stage(uses: string, rest: Partial<Parameters<typeof defineStage>[0]>): Stage {
  const base = { uses, version: 1, summary: '', with: Type.Object({}), in: {}, out: {}, run: unused };
  return defineStage({ ...base, ...rest });
}
const defense = { in: { images }, out: { images, transform: port('transform') } };
const registry: StageRegistry = new Map(
  [
    stage('test/source', { out: { images: port('images') } }),
    stage('test/cheap', { ...defense, onTheFly: true }),
    stage('test/heavy', defense),
    stage('test/classify', { in: { images, transform }, appliesTransform: true }),
    stage('test/draw', { in: { images } }),
  ].map((item) => [item.uses, item]),
);

const output = (cell: number, name = 'images'): CellInput => ({ one: { cell, port: name } });
const read = (cell: number): Cell['inputs'] => ({ images: output(cell) });

/** Inputs of each cell after the binding; cell 0 is the source, cell 1 a defense of it. */
function inputsOf(
  cells: readonly (Pick<CellLiteral, 'uses' | 'settings' | 'publish'> & { readonly in: Cell['inputs'] })[],
): readonly Cell['inputs'][] {
  const literals = [{ uses: 'test/source', in: {} }, ...cells];
  const graph = makeGraph(
    '/project',
    literals.map(({ in: _inputs, ...literal }, index) => ({ ...literal, id: `cell${index}` })),
  );
  const bound: Graph = {
    ...graph,
    cells: graph.cells.map((cell, index) => ({ ...cell, inputs: literals[index]!.in })),
  };
  return bindOnTheFly(bound, registry).cells.map((cell) => cell.inputs);
}

describe('a defense on the fly', () => {
  const recipe = { images: output(0), transform: output(1, 'transform') };

  it('gives a consumer its recipe in place of its images, and reads none itself', () => {
    const [, cheap, classify] = inputsOf([
      { uses: 'test/cheap', in: read(0) },
      { uses: 'test/classify', in: read(1) },
    ]);
    expect(classify).toEqual(recipe);
    expect(cheap).toEqual({});
  });

  it.each([
    ['test/cheap', 'auto', true],
    ['test/cheap', 'always', false],
    ['test/heavy', 'auto', false],
    ['test/heavy', 'never', true],
  ] as const)('%s with store %s: %s', (uses, store, onTheFly) => {
    const [, defended, classify] = inputsOf([
      { uses, in: read(0), settings: { store } },
      { uses: 'test/classify', in: read(1) },
    ]);
    expect(classify).toEqual(onTheFly ? recipe : read(1));
    expect(defended).toEqual(onTheFly ? {} : read(0));
  });

  it('still makes its images where another stage reads them, or where they are published', () => {
    const [, drawn, classify, draw] = inputsOf([
      { uses: 'test/cheap', in: read(0) },
      { uses: 'test/classify', in: read(1) },
      { uses: 'test/draw', in: { images: { many: [{ cell: 1, port: 'images', axes: {} }] } } },
    ]);
    expect([drawn, classify, draw]).toEqual([
      read(0),
      recipe,
      { images: { many: [{ cell: 1, port: 'images', axes: {} }] } },
    ]);
    const [, published] = inputsOf([
      { uses: 'test/cheap', in: read(0), publish: [{ port: 'images', path: 'x.npz' }] },
      { uses: 'test/classify', in: read(1) },
    ]);
    expect(published).toEqual(read(0));
  });

  it('leaves alone a consumer that has a transform already, and images that nobody classifies', () => {
    const both = { images: output(1), transform: output(1, 'transform') };
    expect(
      inputsOf([
        { uses: 'test/cheap', in: read(0) },
        { uses: 'test/classify', in: both },
      ])[2],
    ).toEqual(both);
    expect(inputsOf([{ uses: 'test/cheap', in: read(0) }])[1]).toEqual(read(0));
  });

  it('goes one defense deep: what a defense of a defense reads is made', () => {
    const [, first, second, classify] = inputsOf([
      { uses: 'test/cheap', in: read(0) },
      { uses: 'test/cheap', in: read(1) },
      { uses: 'test/classify', in: read(2) },
    ]);
    expect([first, second]).toEqual([read(0), {}]);
    expect(classify).toEqual({ images: output(1), transform: output(2, 'transform') });
  });
});
