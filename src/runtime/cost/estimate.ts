import type { Plan, PlannedCell } from '../plan/plan.ts';
import { references } from '../plan/units.ts';
import type { Bytes, CellWork } from './cell-work.ts';
import type { Basis, Calibration, MeasuredUnit } from './measured.ts';
import { secondsOfKnown, usesAny } from './rates.ts';

/** The cost of the cells of a stage that run, parts included. */
export interface StageCost {
  readonly stage: string;
  /** Units that have to be computed, those that are in the cache, and those that will be found there. */
  readonly units: { readonly run: number; readonly reused: number; readonly shared: number };
  /** Images of the units that run, each cell's counted. */
  readonly images: number;
  /** Processor seconds, of a graphics card too; a lower bound if some are unknown. */
  readonly seconds: number;
  /** Seconds by how they are known. */
  readonly secondsBy: Readonly<Record<Exclude<Basis, 'unknown'>, number>>;
  /** Seconds of the graphics card alone, if one is assumed. */
  readonly cardSeconds: number;
  /** Units of which nothing is known. */
  readonly unknownUnits: number;
  /** Bytes of the results; a lower bound if some are unknown. */
  readonly diskBytes: number;
  readonly isDiskUnknown: boolean;
  readonly memoryBytes: number | null;
  readonly memoryBasis: 'measured' | 'shapes' | 'unknown';
}

export interface RunCost {
  readonly stages: readonly StageCost[];
  readonly total: Omit<StageCost, 'stage'>;
  /** The longest chain of units that wait for each other, in wall-clock seconds. */
  readonly criticalSeconds: number;
  /** The unit of that chain that takes most of it; null if nothing runs. */
  readonly longest: { readonly cell: string; readonly seconds: number } | null;
  /** Cells that cannot run, with the reason. */
  readonly impossible: readonly { readonly cell: string; readonly message: string }[];
}

export interface EstimateRequest {
  readonly plan: Plan;
  /** Ids of stages by index of the cell; parts count for the stage that they are parts of. */
  readonly works: readonly (CellWork | null)[];
  readonly calibration: Calibration;
  /** Seconds of the operations of a graphics card that is assumed; empty without one. */
  readonly assumed: Readonly<Record<string, number>>;
  /** Resident bytes of a worker that computes next to nothing. */
  readonly workerBytes: number;
  /** Processor seconds in a second of wall-clock time of a worker. */
  readonly threads: number;
}

/** Adds up what a plan will cost. Units whose results are there, or will be when their turn comes, cost nothing. */
export function estimateCost(request: EstimateRequest): RunCost {
  const { plan, works, threads } = request;
  const sums = new Map<string, StageSum>();
  const first = new Map<string, number>();
  const chain = new Chain();
  const impossible: { cell: string; message: string }[] = [];
  plan.cells.forEach((planned, index) => {
    if (planned === null) return;
    const stage = planned.graphStage.partOf ?? planned.graphStage.id;
    let sum = sums.get(stage);
    if (sum === undefined) sums.set(stage, (sum = new StageSum(stage)));
    const work = works[index]!;
    const same = first.get(work.identity);
    if (same !== undefined) {
      sum.share(planned);
      chain.add(index, planned, 0, same);
      return;
    }
    first.set(work.identity, index);
    if (planned.failure !== null)
      impossible.push({ cell: planned.cell.id, message: planned.failure.message });
    chain.add(index, planned, sum.add(planned, work, request) / threads);
  });
  const stages = [...sums.values()].map((sum) => sum.cost());
  return {
    stages,
    total: totalOf(stages),
    ...chain.longest(),
    impossible,
  };
}

/**
 * Wall-clock seconds of a run with this number of workers: the work of all divided by them, but at least the longest chain of
 * units that wait for each other.
 */
export function wallSeconds(
  {
    total,
    criticalSeconds,
  }: Pick<RunCost, 'criticalSeconds'> & { readonly total: Pick<StageCost, 'seconds'> },
  workers: number,
  threads: number,
): number {
  return Math.max(criticalSeconds, total.seconds / threads / workers);
}

/** When each cell is there, with any number of workers, and the longest unit on the way to it. */
class Chain {
  readonly #cells = new Map<number, { readonly ready: number; readonly longest: RunCost['longest'] }>();

  /** A cell after those that it reads, and after another one whose results it takes. */
  add(index: number, { cell }: PlannedCell, seconds: number, same?: number): void {
    const sources = references(cell).map((reference) => reference.cell);
    if (same !== undefined) sources.push(same);
    const before = sources
      .map((source) => this.#cells.get(source)!)
      .reduce((latest, source) => (source.ready > latest.ready ? source : latest), nothing);
    const longest = seconds > (before.longest?.seconds ?? 0) ? { cell: cell.id, seconds } : before.longest;
    this.#cells.set(index, { ready: before.ready + seconds, longest });
  }

  longest(): Pick<RunCost, 'criticalSeconds' | 'longest'> {
    const cells = [...this.#cells.values()];
    const latest = cells.reduce((last, cell) => (cell.ready > last.ready ? cell : last), nothing);
    return { criticalSeconds: latest.ready, longest: latest.longest };
  }
}

const nothing: { readonly ready: number; readonly longest: RunCost['longest'] } = { ready: 0, longest: null };

/** The sum over the cells of a stage. */
class StageSum {
  readonly #stage: string;
  readonly #units = { run: 0, reused: 0, shared: 0 };
  readonly #secondsBy = { measured: 0, scaled: 0, default: 0, assumed: 0 };
  #images = 0;
  #cardSeconds = 0;
  #unknownUnits = 0;
  #diskBytes = 0;
  #isDiskUnknown = false;
  #memoryBytes: number | null = null;
  #memoryBasis: StageCost['memoryBasis'] = 'measured';

  constructor(stage: string) {
    this.#stage = stage;
  }

  /** A cell whose results another cell of the plan makes. */
  share({ units }: PlannedCell): void {
    for (const { state } of units) this.#units[state === 'reuse' ? 'reused' : 'shared']++;
  }

  /** Returns the seconds of its longest unit. */
  add(planned: PlannedCell, { work, out, memory }: CellWork, request: EstimateRequest): number {
    const { cell, sharded } = planned;
    const { computedBefore = 0, expectedShare = 1 } = cell;
    const onCard = work !== null && usesAny(work, request.assumed);
    let longest = 0;
    let largest = 0;
    /** The shards of a cell differ only in the last. */
    const known = new Map<number, ReturnType<Calibration['estimate']>>();
    for (const unit of planned.units) {
      const isWhole = !sharded || unit.count === 0;
      const images = isWhole ? planned.images : unit.count;
      if (unit.state === 'reuse') {
        this.#units.reused++;
        continue;
      }
      if (!isWhole && unit.first + unit.count <= computedBefore) {
        this.#units.shared++;
        continue;
      }
      // The placeholder of a cell whose images could not be counted.
      const isCounted = planned.failure === null && (isWhole || images > 0);
      let estimate = known.get(images);
      if (estimate === undefined) {
        estimate = isCounted
          ? request.calibration.estimate(cell.uses, work, images)
          : { seconds: null, basis: 'unknown' };
        known.set(images, estimate);
      }
      this.#units.run += expectedShare;
      this.#images += expectedShare * images;
      this.#count(estimate, expectedShare, onCard);
      if (onCard) this.#cardSeconds += expectedShare * secondsOfKnown(work, images, request.assumed);
      longest = Math.max(longest, expectedShare * (estimate.seconds ?? 0));
      largest = Math.max(largest, images);
      this.#store(out, images, expectedShare);
    }
    if (largest > 0 || longest > 0) this.#remember(memoryOf(planned, memory, largest, request));
    return longest;
  }

  cost(): StageCost {
    const { run, reused, shared } = this.#units;
    const secondsBy = { ...this.#secondsBy };
    return {
      stage: this.#stage,
      units: { run: Math.round(run), reused, shared: shared + Math.max(0, Math.ceil(run - Math.round(run))) },
      images: Math.round(this.#images),
      seconds: Object.values(secondsBy).reduce((sum, seconds) => sum + seconds, 0),
      secondsBy,
      cardSeconds: this.#cardSeconds,
      unknownUnits: Math.round(this.#unknownUnits),
      diskBytes: Math.round(this.#diskBytes),
      isDiskUnknown: this.#isDiskUnknown,
      memoryBytes: this.#memoryBytes === null ? null : Math.round(this.#memoryBytes),
      memoryBasis: this.#memoryBytes === null ? 'unknown' : this.#memoryBasis,
    };
  }

  #count({ seconds, basis }: ReturnType<Calibration['estimate']>, share: number, onCard: boolean): void {
    if (seconds === null || basis === 'unknown') this.#unknownUnits += share;
    else this.#secondsBy[basis === 'default' && onCard ? 'assumed' : basis] += share * seconds;
  }

  #store(out: Bytes | null, images: number, share: number): void {
    if (out === null) this.#isDiskUnknown = true;
    else this.#diskBytes += share * (out.perUnit + images * out.perImage);
  }

  #remember(memory: Pick<StageCost, 'memoryBytes' | 'memoryBasis'>): void {
    if (memory.memoryBytes === null || memory.memoryBytes <= (this.#memoryBytes ?? 0)) return;
    this.#memoryBytes = memory.memoryBytes;
    this.#memoryBasis = memory.memoryBasis;
  }
}

/**
 * The resident memory of a worker during a unit: the least that was measured of one that is alike with as many images, since a
 * worker never gives memory back, or else what follows from the shapes of what it holds.
 */
function memoryOf(
  { cell }: PlannedCell,
  memory: Bytes | null,
  images: number,
  { calibration, workerBytes }: EstimateRequest,
): Pick<StageCost, 'memoryBytes' | 'memoryBasis'> {
  const shaped = memory === null ? null : workerBytes + memory.perUnit + images * memory.perImage;
  const comparable = (unit: MeasuredUnit): boolean => unit.images === images && unit.peakBytes > 0;
  const peaks = calibration
    .unitsOf(cell.uses)
    .filter(comparable)
    .map(({ peakBytes }) => peakBytes);
  if (peaks.length > 0) return { memoryBytes: Math.min(...peaks), memoryBasis: 'measured' };
  return { memoryBytes: shaped, memoryBasis: shaped === null ? 'unknown' : 'shapes' };
}

function totalOf(stages: readonly StageCost[]): RunCost['total'] {
  const add = (of: (stage: StageCost) => number): number => stages.reduce((sum, stage) => sum + of(stage), 0);
  const by = (basis: keyof StageCost['secondsBy']): number => add(({ secondsBy }) => secondsBy[basis]);
  const largest = stages.reduce<StageCost | null>(
    (most, stage) => ((stage.memoryBytes ?? 0) > (most?.memoryBytes ?? 0) ? stage : most),
    null,
  );
  return {
    units: {
      run: add(({ units }) => units.run),
      reused: add(({ units }) => units.reused),
      shared: add(({ units }) => units.shared),
    },
    images: add(({ images }) => images),
    seconds: add(({ seconds }) => seconds),
    secondsBy: {
      measured: by('measured'),
      scaled: by('scaled'),
      default: by('default'),
      assumed: by('assumed'),
    },
    cardSeconds: add(({ cardSeconds }) => cardSeconds),
    unknownUnits: add(({ unknownUnits }) => unknownUnits),
    diskBytes: add(({ diskBytes }) => diskBytes),
    isDiskUnknown: stages.some(({ isDiskUnknown }) => isDiskUnknown),
    memoryBytes: largest?.memoryBytes ?? null,
    memoryBasis: largest?.memoryBasis ?? 'unknown',
  };
}
