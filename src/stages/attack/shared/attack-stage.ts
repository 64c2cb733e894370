import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox';
import type { Attack, Strength } from '../../../attacks/attack.ts';
import {
  checkDeclaration,
  DeclarationError,
  defineStage,
  type Stage,
  type ParameterProblem,
} from '../../../runtime/stage.ts';
import type { Seed } from '../../../tensors/random.ts';
import { drawsTarget } from './goal.ts';
import {
  attackShard,
  checkStrength,
  likeParameter,
  type Preset,
  targetParameters,
  type TargetParameters,
} from './strength.ts';
import {
  adversarialPort,
  targetPorts,
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
  /** Strength if the user gives none; if absent, a strength is required. */
  readonly natural?: number;
}

/** The attack's own parameters, and the preset. */
type OwnParameters<W extends TProperties> = Static<TObject<W>> & { readonly like?: Preset };

/** All parameters of an attack stage. */
type AllParameters<W extends TProperties> = OwnParameters<W> & TargetParameters & ThroughParameters;

/** Everything that distinguishes one attack from another. */
export interface AttackDeclaration<W extends TProperties> {
  readonly uses: string;
  readonly version: number;
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
  const properties: TProperties = {
    [name]: Type.Optional(Type.Number(range)),
    ...declaration.with,
    ...(presets !== undefined && { like: likeParameter(presets) }),
    ...targetParameters,
    ...throughParameters,
  };
  // The parameters have passed the schema above, but TypeScript cannot follow its properties through the
  // spread.
  const typed = (params: unknown): AllParameters<W> => params as AllParameters<W>;
  return defineStage({
    uses,
    version,
    summary,
    with: Type.Object(properties, { additionalProperties: false }),
    example: declaration.example,
    in: { ...targetPorts, through: throughPort },
    out: { images: adversarialPort },
    shard: (params) => attackShard(typed(params)),
    randomness: (params, drawsAt) => {
      const { draws = true } = declaration;
      const own = typed(params);
      return drawsTarget(own) || drawsAt('through') || (typeof draws === 'function' ? draws(own) : draws);
    },
    device: true,
    check: (params) => [
      ...checkStrength(params, [name, ...(derived?.from ?? [])], natural !== undefined),
      ...(check?.(typed(params)) ?? []),
    ],
    run: async (context) => {
      const { runAttack } = await import('./run-attack.ts');
      const { targetOf } = await import('./target-of.ts');
      const params = typed(context.params);
      const own = (context.params[name] as number | undefined) ?? derived?.strength(params) ?? natural;
      const chosen: Strength | undefined = targetOf(params, context.inputs) ?? own;
      if (chosen === undefined) throw new Error('the parameters give no strength, which their check refuses');
      const attack = await declaration.attack(params, context.seed);
      const shared = recipeOf(context.params, [name, ...Object.keys(targetParameters)]);
      return {
        images: await runAttack(context, { name, strength: chosen, through: params, shared }, attack),
      };
    },
  });

  /** Key of what the attack prepares, apart from its inputs: all parameters except its strength. */
  function recipeOf(params: Readonly<Record<string, unknown>>, strengths: readonly string[]): string {
    const others = Object.entries(params).filter(([param]) => !strengths.includes(param));
    return JSON.stringify([uses, version, others]);
  }
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
