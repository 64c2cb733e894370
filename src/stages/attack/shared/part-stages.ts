import { Type } from '@sinclair/typebox';
import type { TargetDissimilarity } from '../../../attacks/attack.ts';
import type { SearchHistory, SetStrength } from '../../../attacks/set-strength.ts';
import { defineStage, port, type Stage, type StageContext, streamedPort } from '../../../runtime/stage.ts';
import type { Metrics, MetricsRow } from '../../../values/metrics.ts';
import { readableRadius } from '../../../values/readable-number.ts';
import {
  type DividedAttack,
  type MadeAttack,
  type MakeAttack,
  type Params,
  setStrengthOf,
} from './made-attack.ts';
import { classesOf, measureOutline, prepareOutline, probeOutline } from './attack-outline.ts';
import type { TargetParameters } from './strength.ts';
import { targetPorts, throughPort } from './target.ts';

// The stage types of the parts of an attack (`attack-parts.ts`). Their parameters are those of the attack, which the
// language has judged.

const anyParameters = Type.Object({}, { additionalProperties: true });
const { model, models, images: imagesPort } = targetPorts;

const strengthPort = port('metrics', { axes: [], values: ['strength', 'factor'] });
const historyPort = port('metrics', {
  axes: [],
  values: ['elasticity', 'strength', 'dissimilarity'],
});

/** Everything that the attack computes on a shard at every strength. */
export function preparePart({ randomness, make, effort }: DividedAttack): Stage {
  return defineStage({
    uses: 'attack/prepare',
    version: 2,
    summary: 'what an attack computes once for all strengths',
    with: anyParameters,
    in: { model, models, through: throughPort, images: imagesPort },
    out: { preparation: port('preparation') },
    shard: 'images',
    randomness,
    device: true,
    outline: (context) => prepareOutline(context, effort(context.params, classesOf(context))),
    run: async (context) => {
      const [
        { prepareAttack },
        { countQueries },
        { checkViews, countPasses, withQueries },
        { batchOf },
        { attackError },
      ] = await Promise.all([
        import('../../../attacks/attack-images.ts'),
        import('../../../attacks/count-queries.ts'),
        import('./run-attack.ts'),
        import('./stream-set.ts'),
        import('./attack-error.ts'),
      ]);
      const { images } = context.inputs;
      checkViews(images);
      // No strength is among the parameters, so any will do.
      const { attack, through } = await make(
        { ...context.params, dissimilarity: 1 },
        context.seed,
        context.inputs,
      );
      try {
        const preparation = await withQueries(context, images, through, async (queries, hooks) => {
          const counted = countQueries(queries);
          const prepared = await prepareAttack(attack, counted.queries, batchOf(images), hooks);
          countPasses(context, counted.counts());
          return prepared;
        });
        return { preparation };
      } catch (error) {
        throw attackError(error, 0);
      }
    },
  });
}

/** The strength of an attack with one direction, which reaches the target in the mean over the pilot images. */
export function directionPart({ name, make }: DividedAttack): Stage {
  return defineStage({
    uses: 'attack/strength',
    version: 1,
    summary: 'the strength that reaches a target, in the directions of an attack',
    with: anyParameters,
    in: { model, models, images: streamedPort('images'), preparation: streamedPort('preparation') },
    out: { strength: strengthPort },
    outline: (context) => measureOutline(context, 'strength'),
    run: async (context) => {
      const [{ directionStrength }, { streamSet }, { attackError }] = await Promise.all([
        import('../../../attacks/set-strength.ts'),
        import('./stream-set.ts'),
        import('./attack-error.ts'),
      ]);
      const { images, preparation, ...rest } = context.inputs;
      const { attack, target } = await makeForTarget(make, context, rest);
      const set = streamSet(images, pilotOf(context.params), preparation);
      try {
        const found = directionStrength(set as Iterable<never>, target, attack.maximum);
        context.log(describe(name, found));
        return { strength: strengthValue(found) };
      } catch (error) {
        throw attackError(error, target);
      }
    },
  });
}

/** A first guess of the strength, from a few of the pilot images. */
export function probePart({ name, randomness, make, effort }: DividedAttack): Stage {
  return defineStage({
    uses: 'attack/probe',
    version: 3,
    summary: 'a first guess of the strength that reaches a target, from a few images',
    with: anyParameters,
    in: {
      model,
      models,
      through: throughPort,
      images: streamedPort('images'),
      preparation: streamedPort('preparation', true),
    },
    out: { strength: strengthPort, history: historyPort },
    randomness,
    device: true,
    outline: (context) => probeOutline(context, effort(context.params, classesOf(context))),
    run: async (context) => {
      const [{ probeStrength }, { checkViews, withQueries }, { streamSet }, { attackError }] =
        await Promise.all([
          import('../../../attacks/set-strength.ts'),
          import('./run-attack.ts'),
          import('./stream-set.ts'),
          import('./attack-error.ts'),
        ]);
      const { images, preparation, ...attacked } = context.inputs;
      const { attack, target, through } = await makeForTarget(make, context, attacked);
      const [first] = images;
      checkViews(first!);
      const set = streamSet(images, pilotOf(context.params), preparation);
      try {
        const inner = { ...context, inputs: attacked };
        const { found, elasticity, tries } = await withQueries(inner, first!, through, (queries, hooks) =>
          probeStrength(attack, queries, set, target, hooks),
        );
        context.log(
          `${describe(name, found)} by a probe, at the cost of ${tries.toPrecision(2)} evaluations`,
        );
        context.metric('evaluations', tries);
        return { strength: strengthValue(found), history: historyValue({ elasticity, before: null }) };
      } catch (error) {
        throw attackError(error, target);
      }
    },
  });
}

/** Measures what a strength has given on the pilot images, and accepts or corrects it. */
export function pilotPart({ name, make }: DividedAttack): Stage {
  return defineStage({
    uses: 'attack/pilot',
    version: 2,
    summary: 'judges a strength by the mean dissimilarity over the pilot images',
    with: anyParameters,
    in: {
      model,
      models,
      images: streamedPort('images'),
      adversarial: streamedPort('images'),
      strength: port('metrics'),
      history: port('metrics'),
    },
    out: { strength: strengthPort, history: historyPort },
    outline: (context) => measureOutline(context, 'pilot'),
    run: async (context) => {
      const [{ judgeStrength }, { measureSet }, { attackError }] = await Promise.all([
        import('../../../attacks/set-strength.ts'),
        import('./measure-set.ts'),
        import('./attack-error.ts'),
      ]);
      const { images, adversarial, strength: tried, history, ...rest } = context.inputs;
      const { attack, target } = await makeForTarget(make, context, rest);
      const { mean } = measureSet(images, adversarial, target.space, pilotOf(context.params));
      try {
        const now = setStrengthOf(tried);
        const judged = judgeStrength(now, mean, historyOf(history), target, attack.maximum);
        context.log(
          `${describe(name, now)} gives a mean dissimilarity of ${mean.toPrecision(6)}; ${judged.isReached ? 'accepted' : `next ${describe(name, judged.next)}`}`,
        );
        context.metric('evaluations', 1);
        return { strength: strengthValue(judged.next), history: historyValue(judged.history) };
      } catch (error) {
        throw attackError(error, target);
      }
    },
  });
}

/** Compares the mean dissimilarity over all images with the target. */
export function checkPart({ name, make }: DividedAttack): Stage {
  return defineStage({
    uses: 'attack/check',
    version: 1,
    summary: 'compares the mean dissimilarity over all images with the target',
    with: anyParameters,
    in: {
      model,
      models,
      images: streamedPort('images'),
      adversarial: streamedPort('images'),
      strength: port('metrics'),
    },
    out: {
      metrics: port('metrics', {
        axes: [],
        values: ['targetDissimilarity', 'achievedDissimilarity', 'halfWidth', 'strength'],
      }),
    },
    outline: (context) => measureOutline(context, 'check'),
    run: async (context) => {
      const { measureSet } = await import('./measure-set.ts');
      const { images, adversarial, strength: found, ...rest } = context.inputs;
      const { target } = await makeForTarget(make, context, rest);
      const { mean, halfWidth, count } = measureSet(images, adversarial, target.space);
      const { strength } = setStrengthOf(found);
      const { dissimilarity, tolerance } = target;
      const text = `dissimilarity: target ${dissimilarity}, achieved ${mean.toPrecision(6)} ± ${halfWidth.toPrecision(2)} over ${count} images with ${name} ${readableRadius(strength, 6)}`;
      context.log(text);
      const missed = Math.abs(mean - dissimilarity) > tolerance * dissimilarity;
      if (missed) {
        const pilot = pilotOf(context.params);
        const because =
          pilot < count
            ? `the strength was found on the first ${pilot} images. Give a larger pilot, or all; images that are sorted by class should be taken in turn (stratify)`
            : 'no strength comes nearer. Give a larger tolerance, or one strength for each image (per: image)';
        context.warn(`${text}, which is beyond the tolerance: ${because}.`);
      }
      const values = {
        targetDissimilarity: dissimilarity,
        achievedDissimilarity: mean,
        halfWidth,
        strength,
      };
      for (const [metric, value] of Object.entries(values))
        context.metric(metric === 'strength' ? name : metric, value);
      return { metrics: oneRow(values) };
    },
  });
}

/** The attack of a part of a search, with the target that its parameters set. */
async function makeForTarget(
  make: MakeAttack,
  { params, seed }: Pick<StageContext<Params, unknown>, 'params' | 'seed'>,
  inputs: Parameters<MakeAttack>[2],
): Promise<Pick<MadeAttack, 'attack' | 'through'> & { readonly target: TargetDissimilarity }> {
  const { strength: target, ...made } = await make(params, seed, inputs);
  if (typeof target === 'number') throw new Error('the attack has no target');
  return { ...made, target };
}

function describe(name: string, { strength, factor }: SetStrength): string {
  const scaled = factor === 1 ? '' : `, scaled down by ${factor.toPrecision(6)}`;
  return `${name} ${readableRadius(strength, 6)}${scaled}`;
}

function pilotOf(params: object): number {
  const { pilot } = params as TargetParameters;
  return pilot === 'all' ? Infinity : pilot;
}

function strengthValue({ strength, factor }: SetStrength): Metrics {
  return oneRow({ strength, factor });
}

function historyValue({ elasticity, before }: SearchHistory): Metrics {
  return oneRow({ elasticity, strength: null, dissimilarity: null, ...before });
}

function historyOf({ rows: [row] }: Metrics): SearchHistory {
  const { elasticity, strength, dissimilarity } = row!.values;
  const before =
    strength === null || dissimilarity === null
      ? null
      : { strength: strength!, dissimilarity: dissimilarity! };
  return { elasticity: elasticity!, before };
}

function oneRow(values: MetricsRow['values']): Metrics {
  return { kind: 'metrics', rows: [{ axes: {}, values }], warnings: [] };
}
