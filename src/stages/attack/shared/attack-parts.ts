import type { CellParts, Part, StageParts } from '../../../runtime/stage.ts';
import type { JsonObject } from '../../../values/json.ts';
import type { DividedAttack, Params, PreparedPart } from './made-attack.ts';
import { membersPart } from './members-part.ts';
import { checkPart, directionPart, pilotPart, preparePart, probePart } from './part-stages.ts';
import { storageParameters } from './storage.ts';
import { traceParameters, withoutTrace } from './trace.ts';
import { isNormalized, searchesSet, targetParameters, type TargetParameters } from './strength.ts';

/** The inputs that are attacked. */
const target = ['model', 'models', 'through'];
/** The inputs from which the space of the dissimilarity is read. */
const models = ['model', 'models'];

/**
 * How the cells of an attack are divided, so that what they share is computed once, and no part holds all images:
 *
 * - `prepare`, for an attack that prepares something: shard by shard, the same for all strengths.
 * - A target for the mean over a set needs one strength. An attack with one direction finds it by `strength`, in
 *   what was prepared. For any other, `probe` guesses it on a few images, the attack runs at it on the pilot
 *   images (`try-1`), and `pilot-1` measures the mean and accepts or corrects it; then once more. What is accepted
 *   is computed once, because the tries are units like those of the cell itself and have the same keys.
 * - The cell itself then attacks each shard at that strength.
 * - `members`, for an attack that is made of several, adds up what each of them did.
 * - `check` measures the mean over all images and compares it with the target.
 */
export function attackParts(attack: DividedAttack): StageParts {
  return {
    stages: {
      prepare: preparePart(attack),
      strength: directionPart(attack),
      probe: probePart(attack),
      pilot: pilotPart(attack),
      check: checkPart(attack),
      members: membersPart(),
    },
    of: (params: Params) => divide(params, attack),
  };
}

function divide(params: Params, { name, prepares, hasMembers, isIdentity }: DividedAttack): CellParts | null {
  if (isIdentity(params)) return null;
  const after = hasMembers ? [membersOf(params)] : [];
  const prepared = prepares(params);
  const before: Part[] = [];
  const inputs: Record<string, { part: string; port: string }> = {};
  if (prepared !== null) {
    before.push({
      name: 'prepare',
      stage: 'prepare',
      group: 'prepare',
      params: withoutStrength(params, name, prepared),
      shares: ['images', ...target],
      inputs: {},
    });
    inputs['preparation'] = { part: 'prepare', port: 'preparation' };
  }
  if (!searchesSet(params as unknown as TargetParameters)) return parts(before, inputs, after);
  const { pilot } = params as unknown as TargetParameters;
  const some = {
    group: 'search',
    params: withoutTrace(params) as JsonObject,
    ...(pilot !== 'all' && { images: pilot }),
  };
  const space = isNormalized(params as unknown as TargetParameters) ? models : [];
  if (prepared?.what === 'direction') {
    before.push({ ...some, name: 'strength', stage: 'strength', shares: ['images', ...space], inputs });
    return parts(before, { ...inputs, strength: { part: 'strength', port: 'strength' } }, [
      check(params, space, 'strength'),
      ...after,
    ]);
  }
  before.push({ ...some, name: 'probe', stage: 'probe', shares: ['images', ...target], inputs });
  let latest = 'probe';
  for (const round of [1, 2]) {
    const strength = { part: latest, port: 'strength' };
    before.push({
      ...some,
      name: `try-${round}`,
      stage: 'self',
      params: params as JsonObject,
      shares: ['images', ...target],
      inputs: { ...inputs, strength },
      ...(round === 2 && { expectedShare: secondTries }),
    });
    before.push({
      ...some,
      name: `pilot-${round}`,
      stage: 'pilot',
      shares: ['images', ...space],
      inputs: {
        adversarial: { part: `try-${round}`, port: 'images' },
        strength,
        history: { part: latest, port: 'history' },
      },
    });
    latest = `pilot-${round}`;
  }
  const divided = parts(before, { ...inputs, strength: { part: latest, port: 'strength' } }, [
    check(params, space, latest),
    ...after,
  ]);
  return divided && { ...divided, computedBefore: pilot === 'all' ? Infinity : pilot };
}

/**
 * The share of searches whose first try on the pilot images is not accepted: 6 of 24 in the searches of I-FGSM and
 * DeepFool of pipelines/guo-2018.yaml with the profile smoke.
 */
const secondTries = 0.25;

function parts(
  before: readonly Part[],
  inputs: CellParts['inputs'],
  after: readonly Part[],
): CellParts | null {
  return before.length + after.length === 0 ? null : { before, inputs: { ...inputs }, after };
}

function membersOf(params: Params): Part {
  return {
    name: 'members',
    stage: 'members',
    group: 'members',
    params: withoutTrace(params) as JsonObject,
    shares: [],
    inputs: { adversarial: { part: 'self', port: 'images' } },
  };
}

function check(params: Params, space: readonly string[], found: string): Part {
  return {
    name: 'check',
    stage: 'check',
    group: 'check',
    params: withoutTrace(params) as JsonObject,
    shares: ['images', ...space],
    inputs: {
      adversarial: { part: 'self', port: 'images' },
      strength: { part: found, port: 'strength' },
    },
  };
}

/** The parameters that decide what is prepared. */
function withoutStrength(params: Params, name: string, { without = {} }: PreparedPart): JsonObject {
  const strengths = new Set([
    name,
    ...Object.keys({ ...targetParameters, ...storageParameters, ...traceParameters }),
  ]);
  const left = Object.entries({ ...params, ...without });
  return Object.fromEntries(
    left.filter(([param, value]) => !strengths.has(param) && value !== undefined),
  ) as JsonObject;
}
