import { divergenceSteps } from '../../../attacks/divergence-steps.ts';
import type { AttackHooks, ImageBatch } from '../../../attacks/images.ts';
import { openQueries } from '../../../attacks/open-queries.ts';
import { openProblem } from '../../../attacks/originals.ts';
import { pgd } from '../../../attacks/pgd.ts';
import type { Norm } from '../../../attacks/projections.ts';
import type { Queries } from '../../../attacks/queries.ts';
import { throughTransform } from '../../../attacks/through-transform.ts';
import type { OpenTransform } from '../../../defenses/open-transform.ts';
import type { Classifier } from '../../../models/classifier.ts';
import { openChangingClassifier, openClassifier } from '../../../models/inference.ts';
import { childSeed, randomStream, type Seed } from '../../../tensors/random.ts';
import type { Adversary, TrainingPlace } from '../../../training/adversary.ts';
import type { Batch } from '../../../training/batches.ts';
import type { NetworkModel } from '../../../values/model.ts';

/** How the adversary of a training perturbs its images. */
export interface AdversaryOptions {
  readonly method: 'pgd' | 'fgsm' | 'trades' | 'ensemble';
  readonly norm: Norm;
  readonly epsilon: number;
  readonly steps: number;
  readonly stepSize: number;
  readonly randomStart: boolean;
  /** Share of each batch that stays as it is. */
  readonly cleanShare: number;
  readonly seed: Seed;
  /** A defense that stands before the model, through which the adversary goes. */
  readonly transform?: OpenTransform | undefined;
  readonly hooks: AttackHooks;
}

/** An adversary in a training, with what it holds on the device. */
export interface OpenAdversary {
  readonly adversary: Adversary;
  /** Perturbs all images of a batch against the model with these weights. */
  readonly perturbAll: (
    images: ImageBatch,
    weights: NetworkModel['weights'],
    place: TrainingPlace,
  ) => Promise<Float32Array>;
  readonly dispose: () => void;
}

/**
 * Opens an adversary against `model` in training and, for an ensemble, against `sources`, models that stay as they
 * are. It attacks the model as it classifies, with the running statistics of its batch norms.
 */
export async function openAdversary(
  model: NetworkModel,
  sources: readonly NetworkModel[],
  options: AdversaryOptions,
): Promise<OpenAdversary> {
  const own = await openChangingClassifier(model);
  const others: Classifier[] = [];
  const dispose = (): void => {
    for (const classifier of [own, ...others]) classifier.dispose();
  };
  try {
    for (const source of sources) others.push(await openClassifier(source));
  } catch (error) {
    dispose();
    throw error;
  }
  const perturb = (images: ImageBatch, target: Classifier, place: TrainingPlace): Promise<Float32Array> => {
    const seed = childSeed(options.seed, adversaryStream, place.epoch, place.step);
    return perturbWith(openQueries(behind(target, options, seed)), images, seed, options);
  };
  return {
    adversary: async (batch, place, weights) => {
      const chosen = chooseSource(own, others, options, place);
      if (chosen === own) own.replaceWeights(await weights());
      if (options.method === 'trades') return { ...batch, counterparts: await perturb(batch, own, place) };
      return perturbSome(batch, options.cleanShare, (images) => perturb(images, chosen, place));
    },
    perturbAll: (images, weights, place) => {
      own.replaceWeights(weights);
      return perturb(images, own, place);
    },
    dispose,
  };
}

/** The model in training or, for an ensemble, it or one of the others, drawn for each batch (Tramèr et al. 2018). */
export function chooseSource<C>(
  own: C,
  others: readonly C[],
  { method, seed }: Pick<AdversaryOptions, 'method' | 'seed'>,
  { epoch, step }: TrainingPlace,
): C {
  if (method !== 'ensemble') return own;
  const drawn = randomStream(childSeed(seed, sourceStream), epoch, step).integer(others.length + 1);
  return others[drawn - 1] ?? own;
}

/** The target behind the defense, whose draws belong to this batch. It is not to be disposed. */
function behind(target: Classifier, { transform, hooks }: AdversaryOptions, seed: Seed): Classifier {
  if (transform === undefined || transform.isIdentity) return target;
  return throughTransform(target, transform, {
    draws: 1,
    average: 'logits',
    backward: 'differentiable',
    seed: transform.seedFor('attack', seed),
    ...(hooks.signal && { signal: hooks.signal }),
  });
}

async function perturbWith(
  queries: Queries,
  images: ImageBatch,
  seed: Seed,
  { method, norm, epsilon, steps, stepSize, randomStart, hooks }: AdversaryOptions,
): Promise<Float32Array> {
  if (method === 'trades')
    return divergenceSteps(queries, images, { norm, radius: epsilon, steps, stepSize, seed }, hooks);
  const attack = pgd({
    loss: 'cross-entropy',
    seed,
    norm,
    steps,
    stepSize: { absolute: stepSize },
    randomStart,
    restarts: 1,
    stopEarly: false,
  });
  if (attack.kind !== 'iterated') throw new Error('projected gradient descent takes steps');
  const { perturb } = await attack.prepare(openProblem(queries, images, hooks));
  const rows = Int32Array.from(images.ids.keys());
  return perturb(rows, new Float64Array(rows.length).fill(epsilon));
}

/** Perturbs the rows of a batch after the first ones, which stay as they are; a batch is in random order anyway. */
async function perturbSome(
  batch: Batch,
  cleanShare: number,
  perturb: (images: ImageBatch) => Promise<Float32Array>,
): Promise<Batch> {
  const rows = batch.labels.length;
  const kept = Math.min(rows, Math.round(rows * cleanShare));
  if (kept === rows) return batch;
  const [, height, width, channels] = batch.shape;
  const size = height * width * channels;
  const pixels = batch.pixels.slice();
  const perturbed = await perturb({
    pixels: batch.pixels.subarray(kept * size),
    shape: [rows - kept, height, width, channels],
    labels: batch.labels.subarray(kept),
    ids: batch.ids.subarray(kept),
  });
  pixels.set(perturbed, kept * size);
  const adversarial = new Uint8Array(rows).fill(1, kept);
  return { ...batch, pixels, adversarial };
}

/** Apart from the streams of src/training. */
const adversaryStream = 5;
const sourceStream = 6;
