import { describe, expect, it } from 'vitest';
import type { CellWork } from '../../../src/runtime/cost/cell-work.ts';
import { estimateCost, wallSeconds } from '../../../src/runtime/cost/estimate.ts';
import { Calibration } from '../../../src/runtime/cost/measured.ts';
import type { Plan, PlannedCell } from '../../../src/runtime/plan/plan.ts';

interface Part {
  readonly stage: string;
  /** States of its units of 10 images each. */
  readonly units: readonly ('reuse' | 'run')[];
  readonly reads?: readonly number[];
  readonly identity?: string;
  readonly unknown?: boolean;
  readonly computedBefore?: number;
  readonly expectedShare?: number;
}

/** A plan whose units take 10 s each, write 40 bytes and hold 500. */
function estimate(...parts: readonly Part[]) {
  const works: CellWork[] = [];
  const cells = parts.map((part, index): PlannedCell => {
    const { stage, units, reads = [], computedBefore, expectedShare } = part;
    const planned = {
      index,
      cell: {
        id: `${stage}-${index}`,
        uses: 'lab/a',
        inputs: Object.fromEntries(reads.map((cell) => [`in${cell}`, { one: { cell, port: 'images' } }])),
        ...(computedBefore !== undefined && { computedBefore }),
        ...(expectedShare !== undefined && { expectedShare }),
      },
      graphStage: { id: stage },
      sharded: true,
      images: 10 * units.length,
      units: units.map((state, unit) => ({ first: 10 * unit, count: 10, state })),
      failure: null,
    } as unknown as PlannedCell;
    works.push({
      planned,
      identity: part.identity ?? String(index),
      work: part.unknown ? null : { alike: 'x', perImage: { forward: 1 }, perUnit: {} },
      out: part.unknown ? null : { perImage: 4, perUnit: 0 },
      memory: part.unknown ? null : { perImage: 10, perUnit: 400 },
    });
    return planned;
  });
  return estimateCost({
    plan: { cells, totals: { cells: 0, shards: 0, reuse: 0, run: 0 } } satisfies Plan,
    works,
    calibration: new Calibration([], { forward: 1 }),
    assumed: {},
    workerBytes: 1000,
    threads: 1,
  });
}

describe('the cost of a plan', () => {
  it('is that of the units that run, by stage and in all', () => {
    const { stages, total } = estimate({ stage: 'a', units: ['run', 'run'] }, { stage: 'b', units: ['run'] });
    expect(stages).toMatchObject([
      { stage: 'a', units: { run: 2 }, images: 20, seconds: 20, diskBytes: 80, memoryBytes: 1500 },
      { stage: 'b', units: { run: 1 }, images: 10, seconds: 10, diskBytes: 40, memoryBytes: 1500 },
    ]);
    expect(total).toMatchObject({ units: { run: 3, reused: 0, shared: 0 }, seconds: 30, diskBytes: 120 });
    expect(total.secondsBy.default).toBe(30);
  });

  it('is nothing for units that are in the cache', () => {
    const { total, criticalSeconds } = estimate({ stage: 'a', units: ['reuse', 'reuse'] });
    expect(total).toMatchObject({ units: { run: 0, reused: 2 }, seconds: 0, diskBytes: 0 });
    expect(criticalSeconds).toBe(0);
  });

  it('counts cells that give the same once', () => {
    const same = { units: ['run'], identity: 'same' } as const;
    const { total } = estimate({ stage: 'a', ...same }, { stage: 'b', ...same });
    expect(total).toMatchObject({ units: { run: 1, shared: 1 }, seconds: 10 });
  });

  it('takes what the tries of a search have computed from the cell itself', () => {
    const { total } = estimate({ stage: 'a', units: ['run', 'run', 'run'], computedBefore: 20 });
    expect(total).toMatchObject({ units: { run: 1, shared: 2 }, seconds: 10 });
  });

  it('counts units that are seldom needed by the share of them', () => {
    expect(estimate({ stage: 'a', units: ['run', 'run'], expectedShare: 0.25 }).total.seconds).toBe(5);
  });

  it('says what is unknown instead of counting it as 0', () => {
    const { stages } = estimate({ stage: 'a', units: ['run'], unknown: true });
    expect(stages[0]).toMatchObject({ unknownUnits: 1, isDiskUnknown: true, memoryBytes: null });
  });
});

describe('the wall-clock time', () => {
  // a → b → c, each of two units, of which one worker computes six and many compute one after the other.
  const chain = estimate(
    { stage: 'a', units: ['run', 'run'] },
    { stage: 'b', units: ['run', 'run'], reads: [0] },
    { stage: 'c', units: ['run', 'run'], reads: [1] },
  );

  it('is all work over the workers', () => {
    expect(wallSeconds(chain, 1, 1)).toBe(60);
    expect(wallSeconds(chain, 1, 2)).toBe(30);
  });

  it('is at least the longest chain of units', () => {
    expect(chain.criticalSeconds).toBe(30);
    expect(wallSeconds(chain, 64, 1)).toBe(30);
    expect(chain.longest).toMatchObject({ seconds: 10 });
  });
});
