import type { MemberOutcomes } from '../values/images.ts';
import { childSeed, type Seed } from '../tensors/random.ts';
import { apgdRuns } from './apgd.ts';
import type { Attack, Perturb } from './attack.ts';
import { judgeImages } from './judge-images.ts';
import { fabSearch } from './fab.ts';
import { imageSize, takeRows } from './images.ts';
import { requireClasses } from './loss-values.ts';
import type { DistanceNorm } from './norms.ts';
import { type AttackProblem, classifyOriginals, markMisclassified, quietly } from './originals.ts';
import { largestRadius } from './projections.ts';
import { squareRuns } from './square.ts';

/** An attack of the ensemble. */
export type MemberName = 'apgd-ce' | 'apgd-dlr' | 'apgd-t' | 'fab' | 'fab-t' | 'square';

/** An attack of the ensemble with the number of its runs (for each target). */
export interface Member {
  readonly name: MemberName;
  readonly restarts: number;
  /** For APGD in L1: whether it begins in larger balls. */
  readonly largerEpsilons?: boolean;
  /** Most targets of this attack, if they are fewer than those of the ensemble. */
  readonly targets?: number;
}

export type VersionName = 'standard' | 'plus' | 'rand';

/**
 * The versions of the authors' code, in its order. In L1 the standard version restarts APGD-CE, takes fewer targets for
 * APGD-T, and both begin in larger balls.
 */
export function versionMembers(version: VersionName, norm: DistanceNorm): readonly Member[] {
  switch (version) {
    case 'standard':
      return norm === 'l1'
        ? [
            { name: 'apgd-ce', restarts: 5, largerEpsilons: true },
            { name: 'apgd-t', restarts: 1, largerEpsilons: true, targets: 5 },
            ...members(1, 'fab-t', 'square'),
          ]
        : members(1, 'apgd-ce', 'apgd-t', 'fab-t', 'square');
    case 'plus':
      return [...members(5, 'apgd-ce', 'apgd-dlr', 'fab'), ...members(1, 'square', 'apgd-t', 'fab-t')];
    case 'rand':
      return members(1, 'apgd-ce', 'apgd-dlr');
  }
}

export function members(restarts: number, ...names: readonly MemberName[]): readonly Member[] {
  return names.map((name) => ({ name, restarts }));
}

export interface AutoAttackOptions {
  readonly norm: DistanceNorm;
  readonly members: readonly Member[];
  /** Steps of a run of APGD and FAB; 100 in the authors' code. */
  readonly steps: number;
  /** Targets of APGD-T and FAB-T; 9 in the authors' code. */
  readonly targets: number;
  /** Queries of Square; 5,000 in the authors' code. */
  readonly queries: number;
  /** Number of fresh draws of a randomised model on which each result is judged. */
  readonly draws: number;
  readonly seed: Seed;
}

/**
 * AutoAttack (Croce and Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
 * parameter-free attacks"): several attacks in a ball, whose radius is the strength, one after another; each gets the
 * images that the earlier ones have left right. A result is judged again after its attack. On a randomised model it is
 * judged on `draws` fresh draws and counts if it is misclassified in more than half of them; the share of right draws
 * in the outcomes comes from as many further draws, because the first ones have chosen the result. An image that
 * withstands all attacks gets the result with the largest margin.
 */
export function autoAttack(options: AutoAttackOptions): Attack {
  const { norm } = options;
  return {
    kind: 'iterated',
    maximum: largestRadius(norm),
    norm,
    prepare: async (problem) => {
      for (const { name } of options.members) requireClassesOf(name, problem.queries.classes);
      const logits = await classifyOriginals(problem);
      markMisclassified(problem);
      const { initial } = problem.originals;
      const { labels } = problem.images;
      const outcomes = {
        names: options.members.map(({ name }) => name),
        by: new Int32Array(labels.length).fill(-1),
        rightShare: Float32Array.from(labels, (label, row) => (initial[row] === label ? 1 : 0)),
      };
      const ensemble = new Ensemble(problem, logits, outcomes, options);
      return { perturb: ensemble.perturb, members: () => outcomes };
    },
  };
}

function requireClassesOf(name: MemberName, classes: number): void {
  if (name === 'apgd-dlr') requireClasses('dlr', classes);
  if (name === 'apgd-t') requireClasses('targeted-dlr', classes);
}

class Ensemble {
  readonly #problem: AttackProblem;
  readonly #logits: Float32Array;
  readonly #outcomes: MemberOutcomes;
  readonly #options: AutoAttackOptions;

  constructor(
    problem: AttackProblem,
    logits: Float32Array,
    outcomes: MemberOutcomes,
    options: AutoAttackOptions,
  ) {
    this.#problem = problem;
    this.#logits = logits;
    this.#outcomes = outcomes;
    this.#options = options;
  }

  /** Runs the attacks on some rows and writes their outcomes. */
  readonly perturb: Perturb = async (rows, radii) => {
    const { images, queries, hooks } = this.#problem;
    const size = imageSize(images.shape);
    const result = takeRows(images, rows).pixels;
    const nearest = new Float64Array(rows.length).fill(-Infinity);
    const { by, rightShare } = this.#outcomes;
    for (const row of rows) by[row] = -1;
    /** Indices into `rows` of the images that have withstood all attacks so far. */
    let left = Int32Array.from(rows.keys());
    for (const [place, member] of this.#options.members.entries()) {
      if (left.length === 0) break;
      const some = left.map((index) => rows[index]!);
      const pixels = await this.#runMember(
        member,
        place,
        some,
        Float64Array.from(left, (index) => radii[index]!),
      );
      const { rightShares, margins } = await this.#judge(some, pixels);
      left = left.filter((index, position) => {
        const isBroken = rightShares[position]! < 0.5;
        if (isBroken || margins[position]! > nearest[index]!) {
          nearest[index] = margins[position]!;
          result.set(pixels.subarray(position * size, (position + 1) * size), index * size);
        }
        if (isBroken) by[rows[index]!] = place;
        return !isBroken;
      });
      hooks.onProgress?.(rows.length - left.length, rows.length);
    }
    if (queries.drawLogits === undefined) for (const row of rows) rightShare[row] = by[row]! < 0 ? 1 : 0;
    else {
      const { rightShares } = await this.#judge(rows, result);
      for (const [index, row] of rows.entries()) rightShare[row] = rightShares[index]!;
    }
    return result;
  };

  #judge(rows: Int32Array, pixels: Float32Array): ReturnType<typeof judgeImages> {
    const { queries, images, hooks } = this.#problem;
    return judgeImages(queries, { ...takeRows(images, rows), pixels }, this.#options.draws, hooks);
  }

  async #runMember(
    { name, restarts, largerEpsilons = false, targets: fewer = Infinity }: Member,
    place: number,
    rows: Int32Array,
    radii: Float64Array,
  ): Promise<Float32Array> {
    const { norm, steps, queries } = this.#options;
    const targets = Math.min(this.#options.targets, fewer);
    const problem = this.#leavingJudgements(place);
    const seed = childSeed(this.#options.seed, place + 1);
    switch (name) {
      case 'apgd-ce':
      case 'apgd-dlr':
      case 'apgd-t': {
        const loss = ({ 'apgd-ce': 'cross-entropy', 'apgd-dlr': 'dlr', 'apgd-t': 'targeted-dlr' } as const)[
          name
        ];
        // On a randomised model a point that one draw misclassifies is not the end.
        const stopEarly = problem.queries.drawLogits === undefined;
        const options = { norm, loss, steps, restarts, targets, stopEarly, largerEpsilons, seed };
        return (await apgdRuns(problem, this.#logits, rows, radii, options)).pixels;
      }
      case 'fab':
      case 'fab-t':
        return this.#runFab(problem, name === 'fab-t' ? targets : null, restarts, rows, radii, seed);
      case 'square':
        return squareRuns(problem, rows, radii, { norm, queries, initialShare: 0.8, restarts, seed });
    }
  }

  /** The problem of the member at a place: a limit has to leave passes for the judgements that follow. */
  #leavingJudgements(place: number): AttackProblem {
    const { members, draws } = this.#options;
    const problem = quietly(this.#problem);
    const { queries } = problem;
    const judgements = members.length - place;
    const passes = queries.drawLogits === undefined ? judgements : (judgements + 1) * draws;
    const reserving = queries.reserving?.(passes);
    return reserving === undefined ? problem : { ...problem, queries: reserving };
  }

  /** The points that FAB finds within the ball, and the originals where it finds none. */
  async #runFab(
    problem: AttackProblem,
    targets: number | null,
    restarts: number,
    rows: Int32Array,
    radii: Float64Array,
    seed: Seed,
  ): Promise<Float32Array> {
    const { norm, steps } = this.#options;
    const fixed = { alphaMax: 0.1, overshoot: 1.05, backStep: 0.9, startRadius: 'within' } as const;
    const options = { ...fixed, norm, steps, targets, restarts, seed };
    const { pixels, distances } = await fabSearch(problem, this.#logits, options)(rows, radii);
    const originals = takeRows(problem.images, rows).pixels;
    const size = imageSize(problem.images.shape);
    for (const [index, distance] of distances.entries()) {
      if (distance <= radii[index]!) continue;
      pixels.set(originals.subarray(index * size, (index + 1) * size), index * size);
    }
    return pixels;
  }
}
