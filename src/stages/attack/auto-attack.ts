import { Type } from '@sinclair/typebox';
import type { Member, MemberName } from '../../attacks/auto-attack.ts';
import { attackStage } from './shared/attack-stage.ts';
import { anyBallNormParameter, ballStrength, fartherAttack } from './shared/goal.ts';

const names = [
  'apgd-ce',
  'apgd-dlr',
  'apgd-t',
  'fab',
  'fab-t',
  'square',
] as const satisfies readonly MemberName[];

/** Gradients that a step of each attack takes beside the steps of APGD-CE, for estimates of cost. */
const costs: Readonly<Record<MemberName, number>> = {
  'apgd-ce': 1,
  'apgd-dlr': 1,
  'apgd-t': 9,
  fab: 5,
  'fab-t': 12,
  square: 16,
};

/** AutoAttack (Croce and Hein 2020). */
export const autoAttackStage = attackStage({
  uses: 'attack/auto-attack',
  version: 2,
  versionWith: ({ norm }) => (norm === 'l2' ? 3 : undefined),
  summary:
    'AutoAttack in L∞, L2 or L1: APGD, FAB and Square one after another, each on the images that the earlier ones have left right',
  strength: ballStrength,
  with: {
    ...anyBallNormParameter,
    version: Type.Union(
      [Type.Literal('standard'), Type.Literal('plus'), Type.Literal('rand'), Type.Literal('custom')],
      {
        default: 'standard',
        description:
          'standard: apgd-ce, apgd-t, fab-t, square; plus: apgd-ce, apgd-dlr and fab with 5 restarts each, square, apgd-t, fab-t; rand, for randomised defenses (eot is 20 if absent): apgd-ce, apgd-dlr; custom: the attacks of `attacks`',
      },
    ),
    attacks: Type.Optional(
      Type.Array(Type.Union(names.map((name) => Type.Literal(name))), {
        minItems: 1,
        maxItems: 100,
        description: 'with version: custom: the attacks in their order',
      }),
    ),
    steps: Type.Integer({
      unit: 'steps',
      minimum: 1,
      maximum: 100_000,
      default: 100,
      description: 'steps of a run of APGD and FAB',
    }),
    targets: Type.Integer({
      unit: 'classes',
      minimum: 1,
      maximum: 1000,
      default: 9,
      description:
        'wrong classes of apgd-t and fab-t, from the most likely one at the original; at most 5 for apgd-t in the standard version in L1',
    }),
    squareQueries: Type.Integer({
      unit: 'queries',
      minimum: 1,
      maximum: 10_000_000,
      default: 5000,
      description:
        'maximum number of points of an image that Square classifies; `queries` limits all attacks together',
    }),
    draws: Type.Integer({
      unit: 'draws',
      minimum: 2,
      maximum: 1000,
      default: 10,
      description:
        'through a randomised defense: fresh draws on which a result is judged; it counts if more than half of them are misclassified',
    }),
  },
  example: { epsilon: 8 / 255, steps: 5, squareQueries: 20, targets: 3 },
  eot: {
    description: '20 with version: rand and 10 with others if absent; a deterministic defense needs one',
    of: ({ version }) => (version === 'rand' ? 20 : 10),
  },
  hasMembers: true,
  check: ({ version, attacks }) => {
    if ((version === 'custom') === (attacks !== undefined)) return [];
    return version === 'custom'
      ? [
          {
            path: ['version'],
            message: "version 'custom' needs 'attacks'",
            fix: 'add attacks: [apgd-ce, fab, square]',
          },
        ]
      : [
          {
            path: ['attacks'],
            message: `version '${version}' has attacks of its own`,
            fix: 'write version: custom, or remove attacks',
          },
        ];
  },
  effort: ({ version, attacks, steps }) => {
    const all =
      attacks ?? (version === 'rand' ? ['apgd-ce', 'apgd-dlr'] : ['apgd-ce', 'apgd-t', 'fab-t', 'square']);
    return {
      steps: all.reduce((sum, name) => sum + costs[name] * steps, 0),
      gradientsPerStep: 1,
    };
  },
  goFartherBy: () => fartherAttack,
  attack: async ({ version, attacks, norm, steps, targets, squareQueries, draws }, seed) => {
    const { autoAttack, members, versionMembers } = await import('../../attacks/auto-attack.ts');
    const chosen: readonly Member[] =
      version === 'custom'
        ? members(1, ...((attacks ?? []) as readonly MemberName[]))
        : versionMembers(version, norm);
    return autoAttack({ norm, members: chosen, steps, targets, queries: squareQueries, draws, seed });
  },
});
