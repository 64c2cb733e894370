import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox';
import type { Attack } from '../../../attacks/attack.ts';
import type { Preparation } from '../../../values/preparation.ts';
import type { Metrics } from '../../../values/metrics.ts';
import {
  checkDeclaration,
  DeclarationError,
  defineStage,
  type Facts,
  type KnownInputs,
  type Stage,
  type ParameterProblem,
} from '../../../runtime/stage.ts';
import type { Seed } from '../../../tensors/random.ts';
import { type BudgetParameters, budgetParameters, checkBudget, limitOf } from './budget.ts';
import { drawsTarget, targetRuleOf } from './goal.ts';
import { attackOutline, classesOf } from './attack-outline.ts';
import { modelProblems, sameImages } from '../../shared/known-model.ts';
import { attackParts } from './attack-parts.ts';
import {
  type AttackEffort,
  type MadeAttack,
  type MakeAttack,
  type PreparedPart,
  setStrengthOf,
} from './made-attack.ts';
import type { AttackInputs } from './open-target.ts';
import { storageOf, storageParameters, type StorageParameters } from './storage.ts';
import {
  checkStrength,
  likeParameter,
  type Preset,
  targetParameters,
  type TargetParameters,
} from './strength.ts';
import { type TraceParameters, traceParameters } from './trace.ts';
import {
  adversarialPort,
  targetPorts,
  ownEotParameter,
  throughParameters,
  type ThroughParameters,
  throughPort,
} from './target.ts';

/** The attack's own strength, as a parameter. */
export interface StrengthDeclaration {
  readonly name: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly description: string;
  /** The unit that the reference shows, such as `pixel value` or `factor`; absent if the description says it. */
  readonly unit?: string;
  /** Strength if the user gives none; if absent, a strength is required. */
  readonly natural?: number;
}

/** The attack's own parameters, and the preset. */
type OwnParameters<W extends TProperties> = Static<TObject<W>> & { readonly like?: Preset };

/** All parameters of an attack stage. */
type AllParameters<W extends TProperties> = OwnParameters<W> &
  TargetParameters &
  ThroughParameters &
  BudgetParameters &
  StorageParameters &
  TraceParameters;

/** Everything that distinguishes one attack from another. */
export interface AttackDeclaration<W extends TProperties> {
  readonly uses: string;
  readonly version: number;
  /** The version for some parameters, if a change concerned only these; `version` for others. */
  readonly versionWith?: (params: OwnParameters<W>) => number | undefined;
  readonly summary: string;
  readonly strength: StrengthDeclaration;
  /** The changes that `like` foolbox and torchattacks make; if absent, the attack has no parameter `like`. */
  readonly presets?: string;
  /** Parameters besides the strength, the preset and those of the target dissimilarity. */
  readonly with: W;
  /** Parameters of an example, including a strength. */
  readonly example: Readonly<Record<string, number | string | boolean>>;
  /** Other parameters from which the strength follows if it is absent, and how. */
  readonly derived?: {
    readonly from: readonly string[];
    readonly strength: (params: OwnParameters<W>) => number | undefined;
  };
  /** Checks between parameters that a schema cannot express. */
  readonly check?: (params: OwnParameters<W>) => readonly ParameterProblem[];
  /**
   * Whether the attack draws random numbers beside random targets, a random start for example; true if absent.
   * The key of an attack that draws nothing has no seed.
   */
  readonly draws?: boolean | ((params: OwnParameters<W>) => boolean);
  /**
   * Says that the attack computes something once for all strengths: its `direction`, for an attack of that kind, or
   * the `firstStep` of an iterated one, which takes `problem.firstStep` instead of computing it. It is then cached
   * apart, shared by the cells of a sweep and by later runs.
   */
  readonly prepares?: (params: OwnParameters<W>) => PreparedPart | null;
  /** The number of draws through a randomised defense if the user gives none; 10 if this is absent. */
  readonly eot?: {
    readonly description: string;
    readonly of: (params: OwnParameters<W>) => number;
  };
  /** Whether the attack is made of several: the outcomes of its members are then reported for the whole cell. */
  readonly hasMembers?: boolean;
  /**
   * For estimates of cost: the steps of an image, as a rule, and the passes to the pixels and back that each takes. If absent,
   * the parameter `steps`, or one, and one pass.
   */
  readonly effort?: (
    params: OwnParameters<W>,
    classes: number,
  ) => { readonly steps: number; readonly gradientsPerStep: number };
  /**
   * For an attack that ends an image as soon as the model misclassifies it: what to change so that it goes farther, such as 'set
   * stopEarly: false'; undefined if it goes on by itself. `byStrength` is the answer if this is absent: an attack with a `natural`
   * strength ends so unless a strength is given. Used to warn of images that another classifier judges.
   */
  readonly goFartherBy?: (params: OwnParameters<W>, byStrength: string | undefined) => string | undefined;
  /** Makes the attack; it may import its mathematics here. `seed` keys everything that the attack draws. */
  readonly attack: (params: OwnParameters<W>, seed: Seed) => Attack | Promise<Attack>;
}

/**
 * An attack stage: from images and a model to adversarial images, at the attack's own strength or a target
 * dissimilarity, on one model or several, through a defense if one is connected.
 */
export function attackStage<W extends TProperties>(declaration: AttackDeclaration<W>): Stage {
  checkAttack({ ...declaration });
  const { uses, version, summary, strength, presets, derived, check } = declaration;
  const { name, natural, ...range } = strength;
  // A parameter of this name may be the attack's own, in a plugin.
  const hasTrace = declaration.hasMembers !== true && !('trace' in declaration.with);
  const properties: TProperties = {
    [name]: Type.Optional(Type.Number(range)),
    ...budgetParameters,
    ...(hasTrace && traceParameters),
    ...declaration.with,
    ...(presets !== undefined && { like: likeParameter(presets) }),
    ...targetParameters,
    ...throughParameters,
    ...(declaration.eot && ownEotParameter(declaration.eot.description)),
    ...storageParameters,
  };
  // The parameters have passed the schema above, but TypeScript cannot follow its properties through the
  // spread.
  const typed = (params: unknown): AllParameters<W> => params as AllParameters<W>;
  const randomness = (params: object, drawsAt: (port: string) => boolean): boolean => {
    const { draws = true } = declaration;
    const own = typed(params);
    return drawsTarget(own) || drawsAt('through') || (typeof draws === 'function' ? draws(own) : draws);
  };
  const ownStrength = (params: Readonly<Record<string, unknown>>): number | undefined =>
    (params[name] as number | undefined) ?? derived?.strength(typed(params)) ?? natural;
  const make: MakeAttack = async (params, seed, inputs) => {
    const { targetOf } = await import('./target-of.ts');
    const all = typed(params);
    const chosen = targetOf(all, inputs) ?? ownStrength(params);
    if (chosen === undefined) throw new Error('the parameters give no strength, which their check refuses');
    return {
      attack: await declaration.attack(all, seed),
      strength: chosen,
      through: drawing(all),
      ...towardsOf(params, seed),
    };
  };
  const drawing = (params: AllParameters<W>): AllParameters<W> => {
    const { eot } = params as { eot?: number };
    return eot === undefined ? { ...params, eot: declaration.eot?.of(params) ?? 1 } : params;
  };
  const isTraced = (params: unknown): boolean => hasTrace && typed(params).trace === true;
  // A limit holds for all passes of an image, and a trace has all of its points, so nothing is prepared apart.
  const prepares = (params: unknown): PreparedPart | null => {
    const isApart = typed(params).queries === undefined && !isTraced(params);
    return isApart ? (declaration.prepares?.(typed(params)) ?? null) : null;
  };
  const isIdentity = (params: Readonly<Record<string, unknown>>): boolean =>
    (params['dissimilarity'] ?? ownStrength(params)) === 0;
  const effort = (params: Readonly<Record<string, unknown>>, classes: number): AttackEffort => ({
    steps: typeof params['steps'] === 'number' ? params['steps'] : 1,
    ...declaration.effort?.(typed(params), classes),
    prepared: prepares(params),
    isIdentity: isIdentity(params),
    searchesImages: params['dissimilarity'] !== undefined && params['per'] === 'image',
  });
  const goFartherBy = (params: Readonly<Record<string, unknown>>): string | undefined => {
    const isNatural = natural !== undefined && (params[name] ?? params['dissimilarity']) === undefined;
    const byStrength = isNatural ? `give a ${name} above ${natural}, or a dissimilarity` : undefined;
    return declaration.goFartherBy ? declaration.goFartherBy(typed(params), byStrength) : byStrength;
  };
  const boundaryFacts = (params: Readonly<Record<string, unknown>>, inputs: KnownInputs): Facts => {
    const how = goFartherBy(params);
    return { ...sameImages(params, inputs), ...(how !== undefined && { goFartherBy: how }) };
  };
  return defineStage({
    uses,
    version,
    versionWith: (params) => versionOf(declaration, typed(params)),
    summary,
    with: Type.Object(properties, { additionalProperties: false }),
    example: declaration.example,
    ...(hasTrace && { unset: { trace: false } }),
    in: { ...targetPorts, through: throughPort },
    out: { images: { ...adversarialPort, facts: boundaryFacts } },
    shard: 'images',
    randomness,
    device: true,
    check: (params) => [
      ...checkStrength(params, [name, ...(derived?.from ?? [])], natural !== undefined),
      ...('queries' in declaration.with ? [] : checkBudget(params)),
      ...(check?.(typed(params)) ?? []),
    ],
    checkInputs: (_params, inputs) => modelProblems(inputs),
    parts: attackParts({
      name,
      randomness,
      make,
      prepares,
      effort,
      hasMembers: declaration.hasMembers === true,
      isIdentity,
    }),
    outline: (context) =>
      attackOutline(
        { ...context, params: drawing(typed(context.params)) },
        effort(context.params, classesOf(context)),
      ),
    run: async (context) => {
      const { runAttack } = await import('./run-attack.ts');
      const inputs: AttackInputs & PartInputs = context.inputs;
      const { attack, ...how } = await make(context.params, context.seed, inputs);
      const found = inputs.strength && setStrengthOf(inputs.strength);
      const { preparation } = inputs;
      const run = {
        name,
        ...how,
        ...storageOf(typed(context.params)),
        ...limitOf(typed(context.params)),
        isTraced: isTraced(context.params),
        ...(preparation && { preparation }),
        ...(found && { found }),
      };
      return { images: await runAttack(context, run, attack) };
    },
  });
}

/** The version if it is not `version`: results of targeted attacks once lacked their targets, so they are one ahead of the others. */
function versionOf<W extends TProperties>(
  { version, versionWith }: AttackDeclaration<W>,
  params: OwnParameters<W>,
): number | undefined {
  const own = versionWith?.(params);
  return targetRuleOf(params) === undefined ? own : (own ?? version) + 1;
}

function towardsOf(params: object, seed: Seed): Pick<MadeAttack, 'towards'> {
  const targeted = targetRuleOf(params);
  return targeted === undefined ? {} : { towards: { targeted, seed } };
}

/** Inputs of a cell from its parts. */
interface PartInputs {
  readonly preparation?: Preparation;
  readonly strength?: Metrics;
}

/** Throws `DeclarationError`. */
function checkAttack(declaration: Readonly<Record<string, unknown>>): void {
  const { attack, strength } = declaration;
  checkDeclaration('attackStage', declaration, { attack: typeof attack === 'function' });
  const { name, minimum, maximum, description } = (strength ?? {}) as Readonly<Record<string, unknown>>;
  const isWhole =
    typeof name === 'string' &&
    typeof minimum === 'number' &&
    typeof maximum === 'number' &&
    typeof description === 'string';
  if (isWhole) return;
  throw new DeclarationError(
    `${String(declaration['uses'])} does not say what its strength is`,
    "write strength: { name: 'epsilon', minimum: 0, maximum: 1, description: '…' }",
  );
}
