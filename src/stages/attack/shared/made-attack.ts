import type { Attack, Strength } from '../../../attacks/attack.ts';
import type { AttackOptions } from '../../../attacks/attack-images.ts';
import type { SetStrength } from '../../../attacks/set-strength.ts';
import type { Seed } from '../../../tensors/random.ts';
import type { Metrics } from '../../../values/metrics.ts';
import type { AttackInputs } from './open-target.ts';
import type { ThroughParameters } from './target.ts';

export interface PreparedPart {
  readonly what: 'direction' | 'first-step';
  /**
   * Parameters that decide neither, such as the number of steps, with a value that stands for all; undefined
   * leaves them out.
   */
  readonly without?: Readonly<Record<string, number | undefined>>;
}

/** An attack with its strength, made from the parameters of a cell. */
export interface MadeAttack {
  readonly attack: Attack;
  readonly strength: Strength;
  readonly through: ThroughParameters;
  /** The targets of a targeted attack. */
  readonly towards?: NonNullable<AttackOptions['towards']>;
}

/** Makes the attack of a cell: `inputs` are read only for the normalisation of the model. */
export type MakeAttack = (
  params: Readonly<Record<string, unknown>>,
  seed: Seed,
  inputs: Pick<AttackInputs, 'model' | 'models'>,
) => Promise<MadeAttack>;

/** The strength that a part found for the whole set. */
export function setStrengthOf({ rows: [row] }: Metrics): SetStrength {
  return row!.values as unknown as SetStrength;
}

/** Everything that the parts of an attack need to know of it. */
export interface DividedAttack {
  /** Name of the attack's own strength. */
  readonly name: string;
  readonly randomness: (params: object, drawsAt: (port: string) => boolean) => boolean;
  readonly make: MakeAttack;
  readonly prepares: (params: Params) => PreparedPart | null;
  /** Says what an estimate has to know; `classes` are those of the attacked model. */
  readonly effort: (params: Params, classes: number) => AttackEffort;
  /** Whether the attack is made of several, whose outcomes are added up over the cell. */
  readonly hasMembers: boolean;
  /** Whether the strength is 0. */
  readonly isIdentity: (params: Params) => boolean;
}

/** The facts that an estimate has to know of an attack. */
export interface AttackEffort {
  /** Steps of an image, as a rule. */
  readonly steps: number;
  /** Passes to the pixels and back that a step takes; 1 if absent. */
  readonly gradientsPerStep?: number;
  readonly prepared: PreparedPart | null;
  /** Whether the images stay as they are. */
  readonly isIdentity: boolean;
  /** Whether a strength is searched for each image. */
  readonly searchesImages: boolean;
}

/** The parameters of a cell. */
export type Params = Readonly<Record<string, unknown>>;
