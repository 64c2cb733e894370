import { type Static, Type } from '@sinclair/typebox';
import type { AttackRow } from '../../metrics/optimality-rows.ts';
import { defineStage, port, StageError } from '../../runtime/stage.ts';
import type { JsonObject } from '../../values/json.ts';
import { listOf } from '../report/shared/columns.ts';
import { judgeNames, type NameRules } from '../report/shared/names.ts';
import { checkScored } from './shared/check-scored.ts';
import { noDistances, recordedNormParameter } from './shared/distances.ts';
import { firstOf, originalsPort, scoringOutline } from './shared/scoring.ts';

const parameters = Type.Object(
  {
    ...recordedNormParameter,
    attack: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems: 8 })], {
      default: 'attack',
      description:
        'axis, or list of axes, that distinguishes the attacks; the others distinguish models, over which the global optimality is the mean',
    }),
  },
  { additionalProperties: false },
);

const rules: NameRules = {
  names: { attack: { names: 'axis', of: 'predictions' } },
  places: [],
  kinds: { predictions: 'predictions' },
  lists: ['attack'],
};

/** AttackBench's optimality of minimum-norm attacks. */
export const optimalityStage = defineStage({
  uses: 'evaluate/optimality',
  version: 1,
  summary:
    "AttackBench's local and global optimality: how near each minimum-norm attack comes to the smallest distances that any of them found",
  with: parameters,
  in: {
    predictions: port('predictions', {
      list: true,
      description: 'predictions on the same images after different attacks: `{ from: …, collect: all }`',
    }),
    originals: originalsPort('the attacks'),
  },
  out: {
    metrics: port('metrics', {
      values: [
        'n',
        'optimality',
        'exactOptimality',
        'globalOptimality',
        'models',
        'attackSuccessRate',
        'medianDistance',
        'medianBestDistance',
        'cleanAccuracy',
      ],
      description:
        'one row for each of the predictions, with its axes: n, optimality (1: as good as the envelope of all attacks), exactOptimality (with exact areas instead of trapezoids), globalOptimality (the mean of optimality over models), attackSuccessRate among images that were right at first, median distance of these images, the median of the envelope',
    }),
  },
  checkInputs: (params, inputs) => judgeNames(rules, params as JsonObject, inputs),
  outline: ({ inputs }) => scoringOutline((inputs['predictions'] ?? []).length),
  run: async ({ inputs, params }) => {
    const [{ distancesFound }, { optimalityRows }] = await Promise.all([
      import('../../metrics/minimal-distances.ts'),
      import('../../metrics/optimality-rows.ts'),
    ]);
    const { originals, predictions: collected } = inputs;
    const first = firstOf(collected);
    const { norm } = params;
    const attacks = collected.map(({ axes, value }): AttackRow => {
      checkScored({ predictions: value, clean: first, ...(originals && { originals }) });
      return {
        ...labelsOf(axes, params),
        axes: Object.fromEntries(Object.entries(axes).map(([name, label]) => [name, plain(label)])),
        distances: distancesFound(value, norm, undefined) ?? noDistances(value, norm),
      };
    });
    checkDistinct(attacks);
    return { metrics: { kind: 'metrics' as const, rows: optimalityRows(attacks), warnings: [] } };
  },
});

/** Divides the axes of predictions into those of the attack and those of the model. */
function labelsOf(
  axes: Readonly<Record<string, string | number | boolean>>,
  { attack }: Static<typeof parameters>,
): Pick<AttackRow, 'attack' | 'model'> {
  const named = listOf(attack);
  const missing = named.find((name) => axes[name] === undefined);
  if (missing !== undefined)
    throw new StageError(`the predictions have no axis '${missing}' (attack)`, {
      fix: `set attack to the axis of the attacks; the axes are ${Object.keys(axes).join(', ') || 'none'}`,
    });
  const others = Object.keys(axes)
    .filter((name) => !named.includes(name))
    .sort();
  const keyOf = (names: readonly string[]): string => JSON.stringify(names.map((name) => [name, axes[name]]));
  return { attack: keyOf(named), model: keyOf(others) };
}

function plain(label: string | number | boolean): string | number {
  return typeof label === 'boolean' ? String(label) : label;
}

/** Throws `StageError` if two of the predictions are of the same attack and model. */
function checkDistinct(attacks: readonly AttackRow[]): void {
  const seen = new Set<string>();
  for (const { attack, model, axes } of attacks) {
    const place = attack + model;
    if (seen.has(place))
      throw new StageError(`two of the predictions have the axes ${JSON.stringify(axes)}`, {
        fix: 'name each attack once',
      });
    seen.add(place);
  }
}
