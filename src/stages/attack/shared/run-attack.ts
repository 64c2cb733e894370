import type { Attack, Strength } from '../../../attacks/attack.ts';
import {
  attackAlong,
  attackImages,
  type AttackOptions,
  type AttackResult,
} from '../../../attacks/attack-images.ts';
import { meanOf, measurePerturbation, perturbationNorms, ratios } from '../../../attacks/dissimilarity.ts';
import { countQueries, type PassCounts } from '../../../attacks/count-queries.ts';
import type { AttackHooks, ImageBatch } from '../../../attacks/images.ts';
import { dependsOnBatch, watchOutputs } from '../../../attacks/model-checks.ts';
import { openQueries } from '../../../attacks/open-queries.ts';
import type { Queries } from '../../../attacks/queries.ts';
import type { SetStrength } from '../../../attacks/set-strength.ts';
import { requireReferences, scaleRows } from '../../../attacks/target-strength.ts';
import { TraceRecorder } from '../../../attacks/trace-recorder.ts';
import { type StageContext, StageError } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import { isNetworkModel } from '../../../values/model.ts';
import type { Preparation } from '../../../values/preparation.ts';
import { readableRadius } from '../../../values/readable-number.ts';
import { toFloats } from '../../../values/slices.ts';
import type { Trace } from '../../../values/trace.ts';
import { attackError } from './attack-error.ts';
import { type AttackInputs, attackedModels, openTarget, type TargetInputs } from './open-target.ts';
import { roundToBytes, type StorageParameters } from './storage.ts';
import { batchOf } from './stream-set.ts';
import type { ThroughParameters } from './target.ts';
import { warnOfSteps } from './warn-of-steps.ts';

export interface AttackRun extends StorageParameters {
  /** Name of the attack's own strength, for messages. */
  readonly name: string;
  readonly strength: Strength;
  readonly through: ThroughParameters;
  /** Most passes of each image; no limit if absent. */
  readonly limit?: number;
  /** Preparation of the attack on these images. */
  readonly preparation?: Preparation;
  /** The strength that was found for the set to which the images belong. */
  readonly found?: SetStrength;
  /** Whether the course of the attack is kept. */
  readonly isTraced?: boolean;
  /** The targets of a targeted attack. */
  readonly towards?: NonNullable<AttackOptions['towards']>;
}

interface TracedResult extends AttackResult {
  readonly trace?: Trace;
}

/**
 * Number of queries for each image that the preparation of an attack may make: the draws of a randomised defense
 * go on after them.
 */
const preparationQueries = 8;

/**
 * The steps that all attack stages share: open the model, check its input, run the attack at its strength,
 * and record and report how far the images moved.
 */
export async function runAttack(
  context: StageContext<unknown, AttackInputs>,
  run: AttackRun,
  attack: Attack,
): Promise<Images> {
  const { images } = context.inputs;
  checkViews(images);
  const batch = batchOf(images);
  try {
    const result = await resultOf(context, run, attack, batch);
    const { initial, target, members, trace } = result;
    const outcomes = {
      initial,
      ...(target && { target }),
      ...(members && { members }),
      ...(trace && { trace }),
    };
    if (run.storeAs === 'uint8') {
      warnOfRadius(context, run, attack, () => measurePerturbation(batch, result.pixels));
      const { bytes, rounded } = roundToBytes(result.pixels);
      report(context, run, { ...result, achieved: achievedBy(rounded, batch, run, result) });
      const perturbation = { ...measurePerturbation(batch, rounded), ...outcomes, rounded: true } as const;
      return { ...images, pixels: bytes, perturbation };
    }
    const measured = measurePerturbation(batch, result.pixels);
    warnOfRadius(context, run, attack, () => measured);
    report(context, run, result);
    return { ...images, pixels: result.pixels, perturbation: { ...measured, ...outcomes } };
  } catch (error) {
    throw attackError(error, run.strength);
  }
}

/** Warns of an attack that moves images farther than the radius of its ball, which a plugin may do by mistake. */
function warnOfRadius(
  { warn }: StageContext<unknown, AttackInputs>,
  { name, strength }: AttackRun,
  attack: Attack,
  measure: () => ReturnType<typeof measurePerturbation>,
): void {
  if (name !== 'epsilon' || typeof strength !== 'number' || attack.kind !== 'iterated') return;
  const { norm = 'linf' } = attack;
  const distances = measure()[norm];
  // Sums over all pixels of an image are rounded.
  const farther = distances.filter((distance) => distance > strength * 1.001 + 1e-6);
  if (farther.length === 0) return;
  const largest = farther.reduce((most, distance) => Math.max(most, distance), 0);
  warn(
    `the attack moved ${farther.length} of ${distances.length} images farther than epsilon: ${readableRadius(strength, 6)}, up to ${largest.toPrecision(4)} in ${{ linf: 'L∞', l2: 'L2', l1: 'L1' }[norm]}. It does not keep to the radius that it declares, so these numbers belong to a larger one.`,
  );
}

/** The mean dissimilarity after rounding, in the space of the target; null if none was searched. */
function achievedBy(
  rounded: Float32Array,
  batch: ImageBatch,
  { strength }: AttackRun,
  { achieved }: AttackResult,
): number | null {
  if (achieved === null || typeof strength === 'number') return achieved;
  const { space } = strength;
  return meanOf(ratios(perturbationNorms(batch, rounded, space), requireReferences(batch, space)));
}

/** Runs the attack at the strength that was found for the set, or else at its own or by a search. */
async function resultOf(
  context: StageContext<unknown, AttackInputs>,
  run: AttackRun,
  attack: Attack,
  batch: ImageBatch,
): Promise<TracedResult> {
  const { strength, through, preparation, found, limit, towards, isTraced = false } = run;
  const at = found?.strength ?? strength;
  if (found !== undefined && typeof strength !== 'number') requireReferences(batch, strength.space);
  if (preparation !== undefined && attack.kind === 'direction')
    return scaledTo(found, batch, await attackAlong(attack, preparation, batch, at));
  return withQueries(
    context,
    context.inputs.images,
    through,
    async (queries, hooks) => {
      const counted = countQueries(queries);
      const trace = isTraced ? new TraceRecorder(batch) : undefined;
      const options = {
        ...hooks,
        ...(preparation && { preparation }),
        ...(limit !== undefined && { limit }),
        ...(trace && { trace }),
        ...(towards && { towards }),
      };
      const attacked = await attackImages(attack, counted.queries, batch, at, options);
      countPasses(context, counted.counts());
      if (limit !== undefined) context.count('spentImages', attacked.spent);
      // At a target, the attack goes as far as the target, whether or not an image changes its class there.
      if (typeof strength === 'number') await warnOfSteps(context, queries, batch, attacked);
      const result = scaledTo(found, batch, attacked);
      if (trace === undefined) return result;
      // These passes are not the attack's, so nothing counts or limits them.
      const stored = run.storeAs === 'uint8' ? roundToBytes(result.pixels).rounded : result.pixels;
      return { ...result, trace: await trace.finish(queries, stored, hooks) };
    },
    preparation === undefined ? 0 : preparationQueries,
  );
}

/** The result with every perturbation scaled down in place, if the strength of the set asks for it. */
function scaledTo(found: SetStrength | undefined, batch: ImageBatch, result: AttackResult): AttackResult {
  if (found === undefined || found.factor === 1) return result;
  scaleRows(batch.pixels, result.pixels, 0, result.pixels.length, found.factor);
  return { ...result, scaled: result.states.filter((state) => state === 'active').length };
}

/** Reports the passes of a shard, which are added up over those of the cell that a run computes. */
export function countPasses(
  { count }: Pick<StageContext<unknown, unknown>, 'count'>,
  { forward, backward }: PassCounts,
): void {
  count('forwardPasses', forward);
  count('backwardPasses', backward);
}

/** Opens what the attack attacks, and closes it afterwards. */
export async function withQueries<R>(
  context: StageContext<unknown, TargetInputs>,
  images: Images,
  through: ThroughParameters,
  use: (queries: Queries, hooks: AttackHooks) => Promise<R>,
  earlierQueries = 0,
): Promise<R> {
  const classifier = await openTarget(context, images, through, earlierQueries);
  try {
    const { queries, areProbabilities } = watchOutputs(openQueries(classifier));
    await checkPrograms(context, queries, images);
    const result = await use(queries, {
      signal: context.signal,
      batchSizes: context.batchSizes,
      onProgress: (done, total) => context.progress(done, total, 'images'),
    });
    if (areProbabilities())
      context.warn(
        'the output of the model looks like probabilities: its gradients vanish where it is confident, which overstates the robustness. Leave the softmax out of the model, so that it returns logits.',
      );
    return result;
  } finally {
    classifier.dispose();
  }
}

/** Warns of a program whose logits depend on chance or on the batch; networks cannot, as graphs without state. */
async function checkPrograms(
  { inputs, warn }: Pick<StageContext<unknown, TargetInputs>, 'inputs' | 'warn'>,
  queries: Queries,
  images: Images,
): Promise<void> {
  if (inputs.through !== undefined || attackedModels(inputs).every(isNetworkModel)) return;
  if (await dependsOnBatch(queries, batchOf(images)))
    warn(
      'the logits of an image change with the other images of its batch: the model is in training mode (dropout, batch norm) or draws at random, so an attack on it proves little. Make it compute as in evaluation, and put what is random into a defense, which attack/auto-attack goes through with version: rand.',
    );
}

export function checkViews({ views }: Images): void {
  if (views === 1) return;
  throw new StageError(`the images have ${views} views each, because they come out of a randomised defense`, {
    code: 'bad-data',
    fix: 'attack the images before the defense',
  });
}

function report(
  { inputs, metric, log, warn }: StageContext<unknown, AttackInputs>,
  { name, strength, found }: AttackRun,
  { pixels, strengths, states, scaled, achieved, zeroGradients, spent }: AttackResult,
): void {
  const count = states.length;
  if (typeof strength !== 'number' && achieved !== null && found === undefined) {
    const { dissimilarity, per } = strength;
    const mean = meanOf(strengths);
    log(
      `dissimilarity: target ${dissimilarity}, achieved ${achieved.toPrecision(6)} with ${per === 'set' ? '' : 'mean '}${name} ${readableRadius(mean, 6)}`,
    );
    metric('targetDissimilarity', dissimilarity);
    metric('achievedDissimilarity', achieved);
    metric(name, mean);
  }
  if (scaled > 0)
    log(
      `${scaled} of ${count} perturbations were scaled down to the target, because no ${name} gives it exactly`,
    );
  if (spent > 0)
    log(`${spent} of ${count} images have spent their queries and end with the best found so far`);
  const unmoved = spent === 0 ? 0 : unmovedRows(inputs.images, pixels);
  if (spent > 0 && unmoved === count)
    warn(
      `the queries were spent before the attack had moved any of ${count} images, so the accuracy says nothing about robustness. Give more queries.`,
    );
  const notFinite = states.filter((state) => state === 'non-finite').length;
  if (notFinite > 0)
    warn(
      `the logits of the model are not finite at ${notFinite} of ${count} images, which are left unchanged. Check that its weights, mean and std belong together.`,
    );
  const atGoal = states.filter((state) => state === 'at-goal').length;
  if (atGoal > 0)
    log(`${atGoal} of ${count} images reach the goal of the attack from the start and are left unchanged`);
  if (zeroGradients > 0) {
    warn(
      `the loss gradient is zero or not a number at ${zeroGradients} of ${count} images, so the attack cannot move them. This indicates masked gradients, not robustness.`,
    );
  }
}

/** The number of images that are as they were. */
function unmovedRows(images: Images, pixels: Float32Array): number {
  const originals = toFloats(images.pixels);
  const size = pixels.length / images.shape[0];
  return Array.from({ length: images.shape[0] }, (_, row) => row).filter((row) =>
    pixels
      .subarray(row * size, (row + 1) * size)
      .every((value, offset) => value === originals[row * size + offset]),
  ).length;
}
