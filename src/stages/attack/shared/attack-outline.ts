import { probeSize } from '../../../attacks/probe-size.ts';
import {
  addWork,
  valuesOf,
  type ImagesOutline,
  type ModelOutline,
  type Outline,
  type OutlineContext,
  type TransformOutline,
  type ValueOutline,
  type Work,
} from '../../../values/outline.ts';
import { modelsOf, networkBytes, networkPasses, outlineOf } from '../../shared/network-work.ts';
import type { AttackEffort, Params } from './made-attack.ts';

/** Strengths that a search for one image tries, as a rule. */
const triesForImage = 5;
/** Strengths that a probe of the images tries, as a rule, those on a quarter of them counted by their share; a small set is searched until the target is met more closely. */
const triesOfProbe = { few: 1.5, all: 3 };
/** Strengths that a search along known directions tries, each of which reads all images. */
const triesAlongDirections = 8;

/** Classes of the attacked model; 0 if it is not known. */
export function classesOf({ inputs }: Pick<OutlineContext<Params>, 'inputs'>): number {
  return modelsOf(inputs['model'], inputs['models'])[0]?.classes ?? 0;
}

interface Attacked {
  readonly images: ImagesOutline;
  readonly models: readonly ModelOutline[];
  readonly transform: TransformOutline | undefined;
  readonly draws: number;
  /** Whether the loss is that of the mean logits of several draws or models. */
  readonly meansLogits: boolean;
}

function attackedOf({ inputs, params }: Pick<OutlineContext<Params>, 'inputs' | 'params'>): Attacked | null {
  const images = outlineOf('images', inputs['images']);
  if (images === undefined) return null;
  const transform = outlineOf('transform', inputs['through']);
  const models = modelsOf(inputs['model'], inputs['models']);
  const eot = typeof params['eot'] === 'number' ? params['eot'] : 1;
  const draws = transform?.isRandom === true ? eot : 1;
  const meansLogits = draws * models.length > 1 && params['average'] === 'logits';
  return { images, models, transform, draws, meansLogits };
}

/** The steps of an attack on one image. */
function stepsWork(attacked: Attacked, effort: AttackEffort, steps: number): Work {
  const { models, meansLogits } = attacked;
  return addWork(
    [1, networkPasses('gradient', models, steps * (effort.gradientsPerStep ?? 1), attacked)],
    // The mean of the logits has to be known before any gradient.
    [meansLogits ? steps * attacked.draws : 0, networkPasses('forward', models, 1)],
  );
}

/** One classification of an image. */
function queryWork(attacked: Attacked): Work {
  return networkPasses('forward', attacked.models, 1, attacked);
}

/** The attack itself, on a shard. */
export function attackOutline(context: OutlineContext<Params>, effort: AttackEffort): Outline | null {
  const attacked = attackedOf(context);
  if (attacked === null) return null;
  const tries = effort.searchesImages ? triesForImage : 1;
  const steps = effort.isIdentity ? 0 : leftSteps(effort, context.inputs['preparation'] !== undefined);
  const perImage = addWork(
    [context.params['trace'] === true ? 2 : 1, queryWork(attacked)],
    [tries, stepsWork(attacked, effort, steps)],
    [1, { 'measure values': valuesOf(attacked.images) }],
  );
  return outline(
    perImage,
    callsOf(attacked, tries * steps),
    { images: adversarial(attacked.images, context.params) },
    attacked.models,
  );
}

/** Steps that are left after what was prepared. */
function leftSteps({ steps, prepared }: AttackEffort, isPrepared: boolean): number {
  if (!isPrepared || prepared === null) return steps;
  return prepared.what === 'direction' ? 0 : Math.max(0, steps - 1);
}

function adversarial(images: ImagesOutline, params: Params): ImagesOutline {
  return { ...images, bytesPerValue: params['storeAs'] === 'uint8' ? 1 : 4 };
}

export function prepareOutline(context: OutlineContext<Params>, effort: AttackEffort): Outline | null {
  const attacked = attackedOf(context);
  if (attacked === null) return null;
  const steps = effort.prepared?.what === 'direction' ? effort.steps : 1;
  const perImage = addWork([1, queryWork(attacked)], [1, stepsWork(attacked, effort, steps)]);
  return outline(
    perImage,
    callsOf(attacked, steps),
    { preparation: { kind: 'preparation', bytesPerImage: 4 * valuesOf(attacked.images) + 32 } },
    attacked.models,
  );
}

/** A first guess on a few of the images. */
export function probeOutline(context: OutlineContext<Params>, effort: AttackEffort): Outline | null {
  const attacked = attackedOf(context);
  if (attacked === null) return null;
  const steps = leftSteps(effort, context.inputs['preparation'] !== undefined);
  const size = probeSize(context.images);
  const tries = size < context.images ? triesOfProbe.few : triesOfProbe.all;
  const tried = addWork(
    [1, queryWork(attacked)],
    [tries, stepsWork(attacked, effort, steps)],
    [tries, { 'measure values': valuesOf(attacked.images) }],
  );
  const perUnit = addWork([size, tried], [1, callsOf(attacked, tries * steps)]);
  const out = { strength: { kind: 'metrics' }, history: { kind: 'metrics' } } as const;
  return outline({ 'measure values': valuesOf(attacked.images) }, perUnit, out, attacked.models);
}

/** A part that reads images and measures them. */
export function measureOutline(
  { inputs }: Pick<OutlineContext<Params>, 'inputs'>,
  part: 'strength' | 'pilot' | 'check',
): Outline | null {
  const images = outlineOf('images', inputs['images']);
  if (images === undefined) return null;
  const metrics = { kind: 'metrics' } as const;
  const perImage = {
    'measure values': valuesOf(images) * (part === 'strength' ? triesAlongDirections : 1),
  };
  if (part === 'check') return outline(perImage, {}, { metrics });
  return outline(perImage, {}, { strength: metrics, history: metrics });
}

/** Calls of networks for the batch of a unit. Each costs something, however few the images are. */
function callsOf({ models, draws, meansLogits }: Attacked, steps: number): Work {
  return { 'network call': models.length * (1 + steps * draws * (meansLogits ? 2 : 1)) };
}

function outline(
  perImage: Work,
  perUnit: Work,
  out: Readonly<Record<string, ValueOutline>>,
  models: readonly ModelOutline[] = [],
): Outline {
  return { perImage, perUnit, out, memoryBytes: networkBytes('gradient', models) };
}
