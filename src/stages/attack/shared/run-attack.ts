import type { Attack, Strength } from '../../../attacks/attack.ts';
import { attackImages, type AttackResult } from '../../../attacks/attack-images.ts';
import { meanOf, measurePerturbation, pixelSpace } from '../../../attacks/dissimilarity.ts';
import { UnknownClassError } from '../../../attacks/goal.ts';
import type { ImageBatch } from '../../../attacks/images.ts';
import { openQueries } from '../../../attacks/open-queries.ts';
import { UndefinedDissimilarityError, UnreachableTargetError } from '../../../attacks/search.ts';
import { type StageContext, StageError } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import { toFloats } from '../../../values/slices.ts';
import { type AttackInputs, openTarget } from './open-target.ts';
import { rememberPrepared } from './remember-prepared.ts';
import type { ThroughParameters } from './target.ts';

export interface AttackRun {
  /** Name of the attack's own strength, for messages. */
  readonly name: string;
  readonly strength: Strength;
  readonly through: ThroughParameters;
  /** Key of what the attack prepares, apart from its inputs; absent if that is not worth keeping. */
  readonly shared?: string;
}

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
  if (images.views !== 1) {
    throw new StageError(
      `the images have ${images.views} views each, because they come out of a randomised defense`,
      { code: 'bad-data', fix: 'attack the images before the defense' },
    );
  }
  const batch: ImageBatch = {
    pixels: toFloats(images.pixels),
    shape: images.shape,
    labels: images.labels,
    ids: images.ids,
  };
  const classifier = await openTarget(context, run.through);
  try {
    const { shared, strength } = run;
    const result = await attackImages(attack, openQueries(classifier), batch, strength, {
      signal: context.signal,
      batchSizes: context.batchSizes,
      onProgress: (done, total) => context.progress(done, total, 'images'),
      ...(shared !== undefined && { remember: rememberPrepared(context, shared) }),
    });
    report(context, run, result);
    const perturbation = { ...measurePerturbation(batch, result.pixels), initial: result.initial };
    return { ...images, pixels: result.pixels, perturbation };
  } catch (error) {
    throw toStageError(error, run.strength, images);
  } finally {
    classifier.dispose();
  }
}

function report(
  { metric, log, warn }: StageContext<unknown, AttackInputs>,
  { name, strength }: AttackRun,
  { strengths, states, scaled, achieved, zeroGradients }: AttackResult,
): void {
  const count = states.length;
  if (typeof strength !== 'number' && achieved !== null) {
    const { dissimilarity, per } = strength;
    const mean = meanOf(strengths);
    log(
      `dissimilarity: target ${dissimilarity}, achieved ${achieved.toPrecision(6)} with ${per === 'set' ? '' : 'mean '}${name} ${mean.toPrecision(6)}`,
    );
    metric('targetDissimilarity', dissimilarity);
    metric('achievedDissimilarity', achieved);
    metric(name, mean);
    if (scaled > 0)
      log(
        `${scaled} of ${count} perturbations were scaled down to the target, because no ${name} gives it exactly`,
      );
  }
  const notFinite = states.filter((state) => state === 'non-finite').length;
  if (notFinite > 0)
    warn(
      `the logits of the model are not finite at ${notFinite} of ${count} images, which are left unchanged`,
    );
  const atGoal = states.filter((state) => state === 'at-goal').length;
  if (atGoal > 0)
    log(`${atGoal} of ${count} images reach the goal of the attack from the start and are left unchanged`);
  if (zeroGradients > 0) {
    warn(
      `the loss gradient is exactly zero at ${zeroGradients} of ${count} images, so the attack cannot move them. This indicates masked gradients, not robustness.`,
    );
  }
}

/** Turns errors that the user can correct into `StageError`s. */
function toStageError(error: unknown, strength: Strength, images: Images): unknown {
  const nameOf = (row: number): string => `image ${row} (id ${images.ids[row]!})`;
  if (error instanceof UnreachableTargetError) {
    const { row, target, greatest } = error;
    const subject = row === null ? 'the mean over the images' : nameOf(row);
    const most = Math.floor(greatest * 1000) / 1000;
    return new StageError(
      `a dissimilarity of ${target} is out of reach: ${subject} reaches at most ${greatest.toPrecision(4)}`,
      {
        fix: row === null ? `set at most ${most}` : 'set less, or the mean over the set (per: set)',
        cause: error,
      },
    );
  }
  if (error instanceof UndefinedDissimilarityError) {
    const isPixels = typeof strength === 'number' || strength.space === pixelSpace;
    return new StageError(
      `${nameOf(error.row)} is ${isPixels ? 'entirely black' : 'the mean everywhere'}, so its dissimilarity is undefined`,
      {
        code: 'bad-data',
        fix: "remove the image, or set the attack's own strength instead of dissimilarity",
        cause: error,
      },
    );
  }
  if (error instanceof UnknownClassError) {
    return new StageError(error.message, { code: 'bad-data', fix: `give a class below ${error.classes}` });
  }
  return error;
}
