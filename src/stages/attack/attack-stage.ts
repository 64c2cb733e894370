import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox';
import type { Attack } from '../../attacks/attack.ts';
import { defineStage, port, type Stage } from '../../runtime/stage.ts';
import type { Seed } from '../../tensors/random.ts';
import {
  type AttackParameters,
  attackShard,
  checkStrength,
  likeParameter,
  targetParameters,
} from './strength.ts';
import { targetPorts, type TargetParameters, throughParameters, throughPort } from './target.ts';

/** The attack's own strength, as a parameter. */
export interface Knob {
  readonly name: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly description: string;
  /** Taken where the user gives no strength; without it, a strength has to be given. */
  readonly natural?: number;
}

type Params<W extends TProperties> = Static<TObject<W>> & Pick<AttackParameters, 'like'>;

/** All that sets one attack apart from another. */
export interface AttackDeclaration<W extends TProperties> {
  readonly uses: string;
  readonly version: number;
  readonly summary: string;
  readonly knob: Knob;
  /** What `like` foolbox and torchattacks change. */
  readonly presets: string;
  /** Parameters beside the knob, the preset and those of the target dissimilarity. */
  readonly with: W;
  /** Parameters that give the knob where it is absent itself, and how. */
  readonly derived?: {
    readonly from: readonly string[];
    readonly knob: (params: Params<W>) => number | undefined;
  };
  /** Imports the mathematics and sets it up. */
  readonly attack: (params: Params<W>, seed: Seed) => Promise<Attack>;
}

/** An attack stage: images and a model in, adversarial images out, by its own knob or by target dissimilarity. */
export function attackStage<W extends TProperties>(declaration: AttackDeclaration<W>): Stage {
  const { uses, version, summary, knob, derived, attack } = declaration;
  const { name, natural, ...range } = knob;
  const properties: TProperties = {
    [name]: Type.Optional(Type.Number(range)),
    ...declaration.with,
    like: likeParameter(declaration.presets),
    ...targetParameters,
    ...throughParameters,
  };
  return defineStage({
    uses,
    version,
    summary,
    with: Type.Object(properties, { additionalProperties: false }),
    in: { ...targetPorts, through: throughPort },
    out: {
      images: port('images', {
        description: 'float32 adversarial images in [0, 1], with their perturbation',
      }),
    },
    shard: (params) => attackShard(params as unknown as AttackParameters),
    // Random starts, targets and noise are keyed by the stage's seed.
    randomness: true,
    device: true,
    check: (params) => checkStrength(params, [name, ...(derived?.from ?? [])], natural !== undefined),
    run: async (context) => {
      const { runAttack } = await import('./run-attack.ts');
      // Of the schema above, whose properties TypeScript cannot follow through the spread.
      const params = context.params as unknown as AttackParameters & TargetParameters & Params<W>;
      const given = context.params[name] as number | undefined;
      const value = given ?? derived?.knob(params) ?? natural;
      const prepared = await attack(params, context.seed);
      return { images: await runAttack({ ...context, params }, { uses, name, value }, prepared) };
    },
  });
}
