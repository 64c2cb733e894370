import { beforeEach, describe, expect, test } from 'vitest';
import type { Plan } from '../../../src/runtime/plan/plan.ts';
import { chunkOf } from '../../../src/runtime/plan/units.ts';
import { Schedule } from '../../../src/runtime/run/schedule.ts';
import type { ReadyUnit } from '../../../src/runtime/run/schedule.ts';
import { port } from '../../../src/runtime/stage.ts';
import type { CommitRecord, Outputs } from '../../../src/runtime/store/record.ts';
import { outputsOf } from '../fixtures/conducted-executor.ts';
import { makeFolder, makeGraph } from '../fixtures/graphs.ts';
import type { CellLiteral } from '../fixtures/graphs.ts';
import { planGraph } from '../fixtures/run-graph.ts';
import { testRegistry } from '../fixtures/stages.ts';

let folder = '';
beforeEach(() => {
  folder = makeFolder();
});

/** A schedule over a plan of these cells, with what it reported so far. Units are named `cell shard`. */
class Rig {
  readonly reports: string[] = [];
  readonly stored = new Map<string, Outputs>();
  readonly #taken = new Map<string, ReadyUnit>();
  readonly #schedule: Schedule;

  private constructor(graph: ReturnType<typeof makeGraph>, plan: Plan) {
    const schedule = new Schedule(
      graph,
      plan,
      { readRecord: (key) => this.#record(key) },
      {
        committed: ({ planned, shard }, { reused }) =>
          this.reports.push(`${planned.cell.id} ${shard} ${reused ? 'reused' : 'ran'}`),
        finished: ({ cell }) => this.reports.push(`${cell.id} finished`),
        impossible: (planned, { message }) => {
          const blocked = schedule.fail(planned);
          this.reports.push(`${planned.cell.id} impossible, blocks ${blocked}: ${message}`);
        },
        recomputing: ({ cell }, shard) => this.reports.push(`${cell.id} ${shard} is computed again`),
      },
    );
    this.#schedule = schedule;
  }

  static async open(
    literals: readonly CellLiteral[],
    {
      registry = testRegistry,
      prepare = () => undefined,
    }: { readonly registry?: typeof testRegistry; readonly prepare?: (plan: Plan) => void } = {},
  ): Promise<Rig> {
    const graph = makeGraph(folder, literals);
    const plan = await planGraph(graph, { registry });
    prepare(plan);
    const rig = new Rig(graph, plan);
    rig.#schedule.begin();
    return rig;
  }

  /** Takes all that is ready, most urgent first. */
  takeAll(): string[] {
    const names: string[] = [];
    for (let ready = this.#schedule.next(); ready !== null; ready = this.#schedule.next()) {
      const name = `${ready.planned.cell.id} ${ready.shard}`;
      this.#taken.set(name, ready);
      names.push(name);
    }
    return names;
  }

  taken(name: string): ReadyUnit {
    return this.#taken.get(name)!;
  }

  outputsOf(name: string): Outputs {
    const { planned, unit } = this.taken(name);
    const { first, count } = unit;
    return outputsOf({
      uses: planned.cell.uses,
      key: unit.key!,
      shard: planned.sharded ? { first, count } : null,
      images: planned.images,
      chunk: chunkOf(planned),
    });
  }

  commit(name: string, seconds = 1, outputs = this.outputsOf(name)): void {
    const { planned, shard } = this.taken(name);
    this.#schedule.commit(planned, shard, { outputs, seconds, reused: false, peakBytes: 0 });
  }

  putBack(name: string): void {
    const { planned, shard } = this.taken(name);
    this.#schedule.putBack(planned, shard);
  }

  fail(name: string): number {
    return this.#schedule.fail(this.taken(name).planned);
  }

  recomputeInputs(name: string, digests: readonly string[]): void {
    const { planned, shard } = this.taken(name);
    this.#schedule.recomputeInputs(planned, shard, digests);
  }

  recomputeOutputs(name: string, digests: readonly string[]): void {
    this.#schedule.recomputeOutputs(this.taken(name).planned, digests);
  }

  mustRecompute(name: string): boolean {
    const { planned, unit } = this.taken(name);
    return this.#schedule.mustRecompute(planned, unit);
  }

  get allFinished(): boolean {
    return this.#schedule.allFinished();
  }

  #record(key: string): CommitRecord | null {
    const outputs = this.stored.get(key);
    return outputs === undefined
      ? null
      : ({ outputs, seconds: 5, preimage: { uses: 'any', inputs: {} } } as unknown as CommitRecord);
  }
}

const chain: readonly CellLiteral[] = [
  { id: 'photos', uses: 'test/source', with: { limit: 100 } },
  { id: 'added', uses: 'test/add', with: { by: 1 }, in: { images: 'photos' } },
  { id: 'sum', uses: 'test/sum', in: { images: 'added' } },
];

describe('a unit is ready', () => {
  test('when its inputs are in the store: a shard after its shard, a whole stage after all of them', async () => {
    const rig = await Rig.open(chain);
    expect(rig.takeAll()).toEqual(['photos 0', 'photos 1']);
    rig.commit('photos 1');
    expect(rig.takeAll()).toEqual(['added 1']);
    rig.commit('added 1');
    expect(rig.takeAll()).toEqual([]);
    rig.commit('photos 0');
    expect(rig.takeAll()).toEqual(['added 0']);
    rig.commit('added 0');
    expect(rig.takeAll()).toEqual(['sum 0']);
    rig.commit('sum 0');
    expect(rig.allFinished).toBe(true);
    expect(rig.reports).toEqual([
      'photos 1 ran',
      'added 1 ran',
      'photos 0 ran',
      'photos finished',
      'added 0 ran',
      'added finished',
      'sum 0 ran',
      'sum finished',
    ]);
  });

  test('after all shards that overlap its own, if it is cut differently', async () => {
    const rig = await Rig.open([
      chain[0]!,
      { ...chain[1]!, settings: { shard: 40 } },
      { id: 'all', uses: 'test/add', with: { by: 2 }, in: { images: 'added' }, settings: { shard: 100 } },
    ]);
    rig.takeAll();
    rig.commit('photos 0');
    expect(rig.takeAll()).toEqual(['added 0']);
    rig.commit('photos 1');
    expect(rig.takeAll()).toEqual(['added 1', 'added 2']);
    rig.commit('added 0');
    rig.commit('added 1');
    expect(rig.takeAll()).toEqual([]);
    rig.commit('added 2');
    expect(rig.takeAll()).toEqual(['all 0']);
  });

  test('again when it was put back', async () => {
    const rig = await Rig.open(chain);
    rig.takeAll();
    rig.putBack('photos 1');
    expect(rig.takeAll()).toEqual(['photos 1']);
  });

  test('not at all if the store has its key: then what reads it is looked at', async () => {
    const first = await Rig.open(chain);
    const keep = (name: string): void => {
      first.commit(name);
      const { unit } = first.taken(name);
      first.stored.set(unit.key!, unit.outputs!);
    };
    first.takeAll();
    ['photos 0', 'photos 1'].forEach(keep);
    first.takeAll();
    ['added 0', 'added 1'].forEach(keep);

    const second = await Rig.open(chain);
    first.stored.forEach((outputs, key) => second.stored.set(key, outputs));
    second.takeAll();
    second.commit('photos 0');
    second.commit('photos 1');
    expect(second.reports).toEqual([
      'photos 0 ran',
      'added 0 reused',
      'photos 1 ran',
      'photos finished',
      'added 1 reused',
      'added finished',
    ]);
    expect(second.takeAll()).toEqual(['sum 0']);
  });
});

test('whole units go first, then what is quick, then what is nearest to the end', async () => {
  const rig = await Rig.open([
    { id: 'photos', uses: 'test/source', with: { limit: 192 } },
    { id: 'slow', uses: 'test/add', with: { by: 1 }, in: { images: 'photos' } },
    { id: 'quick', uses: 'test/add', with: { by: 2 }, in: { images: 'photos' } },
    { id: 'one', uses: 'test/constant', with: { value: 1 } },
  ]);
  expect(rig.takeAll()).toEqual(['one 0', 'photos 0', 'photos 1', 'photos 2']);
  rig.commit('photos 0');
  expect(rig.takeAll()).toEqual(['quick 0', 'slow 0']);
  rig.commit('slow 0', 60);
  rig.commit('quick 0', 1);
  rig.commit('photos 1');
  rig.commit('photos 2');
  expect(rig.takeAll()).toEqual(['quick 1', 'quick 2', 'slow 1', 'slow 2']);
});

test('what units took in earlier runs counts as well', async () => {
  const took = (seconds: number, cell: Plan['cells'][number]): void => {
    Object.assign(cell!.units[0]!, { state: 'reuse', seconds, outputs: {}, key: 'k' });
  };
  const rig = await Rig.open(
    [
      { id: 'photos', uses: 'test/source', with: { limit: 128 } },
      { id: 'quick', uses: 'test/add', with: { by: 2 }, in: { images: 'photos' } },
      { id: 'slow', uses: 'test/add', with: { by: 1 }, in: { images: 'photos' } },
    ],
    {
      prepare: ({ cells: [photos, quick, slow] }) => {
        took(1, photos!);
        took(1, quick!);
        took(60, slow!);
      },
    },
  );
  rig.takeAll();
  rig.commit('photos 1');
  expect(rig.takeAll()).toEqual(['quick 1', 'slow 1']);
});

test('a unit that was queued before its cell turned out to be slow lets quick ones go first', async () => {
  const rig = await Rig.open([
    { id: 'photos', uses: 'test/source', with: { limit: 128 } },
    { id: 'quick', uses: 'test/add', with: { by: 2 }, in: { images: 'photos' } },
    { id: 'slow', uses: 'test/add', with: { by: 1 }, in: { images: 'photos' } },
  ]);
  rig.takeAll();
  rig.commit('photos 0');
  expect(rig.takeAll()).toEqual(['slow 0', 'quick 0']);
  rig.commit('photos 1');
  rig.commit('slow 0', 60);
  expect(rig.takeAll()).toEqual(['quick 1', 'slow 1']);
});

test('a failed cell blocks what depends on it, and nothing of them is given out any more', async () => {
  const rig = await Rig.open([...chain, { id: 'other', uses: 'test/sum', in: { images: 'photos' } }]);
  rig.takeAll();
  rig.commit('photos 0');
  rig.takeAll();
  expect(rig.fail('added 0')).toBe(1);
  rig.putBack('added 0');
  rig.commit('photos 1');
  expect(rig.takeAll()).toEqual(['other 0']);
  rig.commit('other 0');
  expect(rig.allFinished).toBe(false);
});

describe('damaged inputs', () => {
  test('are computed again, then the unit that found them; the cell finishes a second time', async () => {
    const rig = await Rig.open(chain);
    rig.takeAll();
    rig.commit('photos 0');
    rig.commit('photos 1');
    rig.takeAll();
    rig.commit('added 0');
    const damaged = rig.outputsOf('photos 1')['images']![0]!.digest;
    rig.reports.length = 0;
    rig.recomputeInputs('added 1', [damaged]);
    expect(rig.reports).toEqual(['photos 1 is computed again']);
    expect(rig.takeAll()).toEqual(['photos 1']);
    expect(rig.mustRecompute('photos 1')).toBe(true);
    expect(rig.mustRecompute('photos 0')).toBe(false);
    rig.commit('photos 1');
    expect(rig.mustRecompute('photos 1')).toBe(false);
    expect(rig.takeAll()).toEqual(['added 1']);
    rig.commit('added 1');
    expect(rig.takeAll()).toEqual(['sum 0']);
    rig.commit('sum 0');
    expect(rig.allFinished).toBe(true);
    expect(rig.reports.filter((report) => report.endsWith('finished'))).toEqual([
      'photos finished',
      'added finished',
      'sum finished',
    ]);
  });

  describe('of a finished cell', () => {
    const finish = async (): Promise<Rig> => {
      const rig = await Rig.open(chain);
      for (let names = rig.takeAll(); names.length > 0; names = rig.takeAll())
        names.forEach((name) => rig.commit(name));
      expect(rig.allFinished).toBe(true);
      rig.reports.length = 0;
      return rig;
    };

    test('are computed again on request, without what read them', async () => {
      const rig = await finish();
      rig.recomputeOutputs('added 1', [rig.outputsOf('added 1')['images']![0]!.digest]);
      expect(rig.takeAll()).toEqual(['added 1']);
      expect(rig.mustRecompute('added 1')).toBe(true);
      rig.commit('added 1');
      expect(rig.takeAll()).toEqual([]);
      expect(rig.reports).toEqual(['added 1 is computed again', 'added 1 ran', 'added finished']);
      expect(rig.allFinished).toBe(true);
    });

    test('are computed again after their own inputs, if those turn out to be damaged too', async () => {
      const rig = await finish();
      rig.recomputeOutputs('sum 0', [rig.outputsOf('sum 0')['metrics']![0]!.digest]);
      expect(rig.takeAll()).toEqual(['sum 0']);
      rig.recomputeInputs('sum 0', [rig.outputsOf('added 0')['images']![0]!.digest]);
      expect(rig.takeAll()).toEqual(['added 0']);
      rig.recomputeInputs('added 0', [rig.outputsOf('photos 0')['images']![0]!.digest]);
      expect(rig.takeAll()).toEqual(['photos 0']);
      rig.commit('photos 0');
      expect(rig.takeAll()).toEqual(['added 0']);
      rig.commit('added 0');
      expect(rig.takeAll()).toEqual(['sum 0']);
      rig.commit('sum 0');
      expect(rig.allFinished).toBe(true);
    });

    test('are computed again although one of their inputs was before, while they were finished', async () => {
      const rig = await finish();
      rig.recomputeOutputs('added 0', [rig.outputsOf('added 0')['images']![0]!.digest]);
      rig.takeAll();
      rig.commit('added 0');
      rig.recomputeOutputs('sum 0', [rig.outputsOf('sum 0')['metrics']![0]!.digest]);
      expect(rig.takeAll()).toEqual(['sum 0']);
      rig.commit('sum 0');
      expect(rig.allFinished).toBe(true);
    });
  });

  test('that an output only names leave its record valid: the unit looks for it before it computes', async () => {
    const rig = await Rig.open(chain);
    rig.takeAll();
    const named = { digest: 'f'.repeat(64), bytes: 1 };
    const [part] = rig.outputsOf('photos 0')['images']!;
    rig.commit('photos 0', 1, { images: [{ ...part!, needs: [named] }] });
    rig.takeAll();
    rig.recomputeInputs('added 0', [named.digest]);
    expect(rig.reports.at(-1)).toBe('photos 0 is computed again');
    expect(rig.takeAll()).toEqual(['photos 0']);
    expect(rig.mustRecompute('photos 0')).toBe(false);
  });
});

describe('a cell turns out to be impossible', () => {
  test('if it has no images after all', async () => {
    const rig = await Rig.open([
      chain[0]!,
      { id: 'kept', uses: 'test/keep', with: { from: 0 }, in: { images: 'photos' } },
      { id: 'after', uses: 'test/add', with: { by: 1 }, in: { images: 'kept' } },
      { id: 'last', uses: 'test/add', with: { by: 2 }, in: { images: 'after' } },
    ]);
    rig.takeAll();
    rig.commit('photos 0');
    rig.commit('photos 1');
    rig.takeAll();
    rig.commit('kept 0', 1, { images: [] });
    expect(rig.reports.at(-1)).toMatch(/^after impossible, blocks 1: /);
    expect(rig.takeAll()).toEqual([]);
  });

  test('if an output that is not a list over images differs between its shards', async () => {
    const add = testRegistry.get('test/add')!;
    const noting = { ...add, out: { ...add.out, note: port('metrics') } };
    const rig = await Rig.open(chain, { registry: new Map(testRegistry).set('test/add', noting) });
    rig.takeAll();
    rig.commit('photos 0');
    rig.commit('photos 1');
    rig.takeAll();
    for (const name of ['added 0', 'added 1']) {
      const note = [{ digest: name, bytes: 1, images: 0 }];
      rig.commit(name, 1, { ...rig.outputsOf(name), note });
    }
    expect(rig.reports.at(-1)).toBe(
      "added impossible, blocks 1: output 'note' of test/add differs between shards; an output that is not a list over images must be the same in every shard",
    );
  });
});

test('what follows a whole stage is cut again when that gives another number of images', async () => {
  const rig = await Rig.open([
    chain[0]!,
    { id: 'kept', uses: 'test/keep', with: { from: 0 }, in: { images: 'photos' } },
    { id: 'after', uses: 'test/add', with: { by: 1 }, in: { images: 'kept' } },
  ]);
  rig.takeAll();
  rig.commit('photos 0');
  rig.commit('photos 1');
  expect(rig.takeAll()).toEqual(['kept 0']);
  rig.commit('kept 0', 1, { images: [{ digest: 'a'.repeat(64), bytes: 1, images: 30 }] });
  expect(rig.takeAll()).toEqual(['after 0']);
  rig.commit('after 0');
  expect(rig.allFinished).toBe(true);
});
