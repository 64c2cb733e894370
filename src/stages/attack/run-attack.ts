import { type StageContext, StageError } from '../../runtime/stage.ts';
import {
  meanOf,
  measurePerturbation,
  perturbationNorms,
  pixelSpace,
  ratios,
  referenceNorms,
} from '../../attacks/dissimilarity.ts';
import { type Attack, attackImages } from '../../attacks/attack.ts';
import type { AttackInput, AttackResult } from '../../attacks/images.ts';
import { UnreachableTargetError } from '../../attacks/search.ts';
import type { Strength } from '../../attacks/strength.ts';
import type { Images } from '../../values/images.ts';
import type { Model } from '../../values/model.ts';
import { toFloats } from '../../values/slices.ts';
import { attackedModels, type AttackInputs, checkTarget, openTarget } from './open-target.ts';
import { rememberPrepared } from './remember-prepared.ts';
import type { AttackParameters } from './strength.ts';
import type { TargetParameters } from './target.ts';

/** An attack stage's own strength; no value where a dissimilarity is given. */
interface KnobValue {
  readonly uses: string;
  readonly name: string;
  readonly value: number | undefined;
}

/**
 * What all attack stages do around their mathematics: open the model, check its input, run the attack at its strength, and record
 * and report how far the images moved.
 */
export async function runAttack(
  context: StageContext<AttackParameters & TargetParameters, AttackInputs>,
  knob: KnobValue,
  attack: Attack,
): Promise<Images> {
  const { images } = context.inputs;
  const [model] = attackedModels(context.inputs);
  if (images.views !== 1) {
    throw new StageError(
      `the images have ${images.views} views each: they come out of a randomised defense`,
      {
        code: 'bad-data',
        fix: 'attack the images before the defense',
      },
    );
  }
  checkTarget(context.inputs);
  checkTargetClass(context.params, model);
  const input: AttackInput = {
    pixels: toFloats(images.pixels),
    shape: images.shape,
    labels: images.labels,
    ids: images.ids,
  };
  const strength = strengthOf(context.params, knob.value, model);
  if ('dissimilarity' in strength) checkReferences(input, images, strength);
  const classifier = await openTarget(context);
  try {
    const shared = rememberPrepared(attack, { ...context.inputs }, recipeOf(context, knob));
    const result = await attackImages(shared, classifier, input, strength, {
      signal: context.signal,
      onProgress: (done, total) => context.progress(done, total, 'images'),
    });
    report(context, input, strength, result, knob.name);
    const perturbation = { ...measurePerturbation(input, result.pixels), initial: result.initial };
    return { ...images, pixels: result.pixels, perturbation };
  } catch (error) {
    throw error instanceof UnreachableTargetError ? unreachable(error, images) : error;
  } finally {
    classifier.dispose();
  }
}

/** All that decides what an attack prepares, beside its inputs: not its strength. */
function recipeOf(
  { backend, seed, params }: StageContext<AttackParameters, AttackInputs>,
  { uses, name }: KnobValue,
): string {
  const strength = new Set([name, 'dissimilarity', 'space', 'per', 'tolerance']);
  const others = Object.entries(params).filter(([param]) => !strength.has(param));
  return JSON.stringify([uses, backend, seed, others]);
}

function checkTargetClass({ targeted }: AttackParameters, model: Model): void {
  const { classes } = model.network;
  if (typeof targeted !== 'number' || targeted < classes) return;
  throw new StageError(`there is no class ${targeted} to steer towards: the model knows ${classes} classes`, {
    code: 'bad-data',
    fix: `give a class below ${classes}`,
  });
}

function strengthOf(params: AttackParameters, knob: number | undefined, model: Model): Strength {
  const { dissimilarity, per, tolerance, like } = params;
  const space = like === 'fb' ? 'normalized' : params.space;
  if (dissimilarity !== undefined) {
    return {
      dissimilarity,
      per,
      tolerance,
      space: space === 'pixel' ? pixelSpace : model.preprocessing,
    };
  }
  if (knob === undefined) throw new Error('the parameters give no strength, which their check refuses');
  return { knob };
}

function checkReferences(
  input: AttackInput,
  images: Images,
  strength: Exclude<Strength, { knob: number }>,
): void {
  if (strength.dissimilarity === 0) return;
  const blank = referenceNorms(input, strength.space).indexOf(0);
  if (blank < 0) return;
  throw new StageError(
    `image ${blank} (id ${images.ids[blank]!}) is ${strength.space === pixelSpace ? 'entirely black' : 'the mean everywhere'}: its dissimilarity is undefined`,
    { code: 'bad-data', fix: "remove the image, or set the attack's own strength instead of dissimilarity" },
  );
}

function report(
  context: StageContext<AttackParameters, AttackInputs>,
  input: AttackInput,
  strength: Strength,
  result: AttackResult,
  knobName: string,
): void {
  const rows = input.shape[0];
  if ('dissimilarity' in strength) {
    const references = referenceNorms(input, strength.space);
    const achieved = meanOf(ratios(perturbationNorms(input, result.pixels, strength.space), references));
    const knob = meanOf(result.knobs);
    context.log(
      `dissimilarity: target ${strength.dissimilarity}, achieved ${achieved.toPrecision(6)} with ${strength.per === 'set' ? '' : 'mean '}${knobName} ${knob.toPrecision(6)}`,
    );
    context.metric('targetDissimilarity', strength.dissimilarity);
    context.metric('achievedDissimilarity', achieved);
    context.metric(knobName, knob);
    if (result.scaled > 0) {
      context.log(
        `${result.scaled} of ${rows} perturbations were scaled down to the target: no ${knobName} gives it exactly`,
      );
    }
  }
  const notFinite = result.settled.filter((state) => state === 2).length;
  if (notFinite > 0) {
    context.warn(
      `the model's logits are not finite at ${notFinite} of ${rows} images: they are left as they are`,
    );
  }
  const misclassified = result.settled.filter((state) => state === 1).length;
  if (misclassified > 0) {
    context.log(
      `${misclassified} of ${rows} images are left as they are: the attack has reached its goal before`,
    );
  }
  if (result.zeroGradients > 0) {
    context.warn(
      `the loss gradient is exactly zero at ${result.zeroGradients} of ${rows} images: the attack cannot move them, which is no robustness`,
    );
  }
}

function unreachable(error: UnreachableTargetError, images: Images): StageError {
  const subject =
    error.row === null ? 'the mean over the images' : `image ${error.row} (id ${images.ids[error.row]!})`;
  return new StageError(
    `a dissimilarity of ${error.target} is out of reach: ${subject} reaches at most ${error.greatest.toPrecision(4)}`,
    {
      code: 'stage',
      fix:
        error.row === null
          ? `ask for at most ${(Math.floor(error.greatest * 1000) / 1000).toString()}`
          : 'ask for less, or for the mean over the set (per: set)',
      cause: error,
    },
  );
}
