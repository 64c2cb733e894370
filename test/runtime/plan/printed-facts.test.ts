import { describe, expect, test } from 'vitest';
import type { Cell, Graph } from '../../../src/dsl/graph.ts';
import { printedFacts, printedOf } from '../../../src/runtime/plan/printed-facts.ts';
import { nothingPrinted, type Stage } from '../../../src/runtime/stage.ts';

const cellOf = (uses: string, axes: Cell['axes'], reads: readonly number[] = []): Cell => ({
  id: uses,
  stage: uses,
  uses,
  axes,
  params: {},
  inputs: { in: { many: reads.map((cell) => ({ cell, port: 'out', axes: {} })) } },
});
const stageOf = (fields: Partial<Stage>): Stage => fields as Stage;
const report = stageOf({ prints: () => ({ backend: true, axes: ['defense'] }) });
const registry = new Map([
  ['dataset', stageOf({})],
  ['predict', stageOf({ device: true })],
  ['part', stageOf({ device: true, partOf: 'predict' })],
  ['report', report],
]);
const graph = {
  cells: [
    cellOf('dataset', {}),
    cellOf('part', { defense: 'jpeg' }),
    cellOf('predict', { defense: 'none' }, [0]),
    cellOf('predict', { defense: 'jpeg' }, [0, 1]),
    cellOf('report', {}, [3]),
    cellOf('report', {}, [0]),
  ],
} as unknown as Graph;
const wasm = { backend: 'wasm', version: '4.22.0' };

describe('what a report prints of the run', () => {
  test('is the backend and the labels of the whole pipeline, in the order of the document', () => {
    expect(printedFacts(graph, registry, wasm)(4, report)).toBe(
      '{"axes":{"defense":["none","jpeg"]},"backend":"wasm"}',
    );
  });

  test('has no backend if nothing was computed on one, or if results of several count as equal', () => {
    const labels = '{"axes":{"defense":["none","jpeg"]}}';
    expect(printedFacts(graph, registry, wasm)(5, report)).toBe(labels);
    expect(printedFacts(graph, registry, null)(4, report)).toBe(labels);
  });

  test('is nothing for other stages', () => {
    expect(printedFacts(graph, registry, wasm)(2, registry.get('predict')!)).toBe('');
  });

  test('is read from the pre-image of the key', () => {
    expect(printedOf('{"format":1,"printed":{"backend":"wasm"},"uses":"report/table"}')).toEqual({
      backend: 'wasm',
      axes: {},
    });
    expect(printedOf('{"format":1}')).toEqual(nothingPrinted);
  });
});
