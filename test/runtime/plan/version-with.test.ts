import { Type } from '@sinclair/typebox';
import { afterAll, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withParts } from '../../../src/runtime/plan/parts.ts';
import { defineStage, port, type Stage } from '../../../src/runtime/stage.ts';
import { pgdStage } from '../../../src/stages/attack/pgd.ts';
import { makeGraph } from '../fixtures/graphs.ts';
import { planGraph } from '../fixtures/run-graph.ts';

const folder = mkdtempSync(join(tmpdir(), 'ravelin-version-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stage = (
  versionWith?: (params: { norm: string }) => number | undefined,
): ReturnType<typeof defineStage> =>
  defineStage({
    uses: 'test/source',
    version: 4,
    ...(versionWith && { versionWith }),
    summary: '',
    with: Type.Object({ norm: Type.String() }),
    in: {},
    out: { images: port('images') },
    run: (): Promise<never> => Promise.reject(new Error('never run')),
  });

async function keysOf(made: Stage): Promise<readonly (string | null)[]> {
  const graph = makeGraph(folder, [
    { id: 'a', uses: 'test/source', with: { norm: 'linf' } },
    { id: 'b', uses: 'test/source', with: { norm: 'l2' } },
  ]);
  const { cells } = await planGraph(graph, { registry: withParts(new Map([[made.uses, made]])) });
  return cells.map((planned) => planned!.units[0]!.key);
}

it('A version for some parameters changes the keys of their cells alone', async () => {
  const before = await keysOf(stage());
  const after = await keysOf(stage(({ norm }) => (norm === 'l2' ? 5 : undefined)));
  expect(before).not.toContain(null);
  expect(after[0]).toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
});

it('attack/pgd has another version in L2, whose sums have another order', () => {
  const versionOf = (params: object): number | undefined => pgdStage.versionWith?.(params as never);
  expect([versionOf({ norm: 'linf' }), versionOf({ norm: 'l2' })]).toEqual([undefined, 5]);
});
