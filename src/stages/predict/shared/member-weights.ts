import { type Collected, StageError } from '../../../runtime/stage.ts';

/**
 * Weight of each collected item. A list gives the weights in order. A map gives them by axis label: an item
 * takes the entry of its only label in the map, and items that share an entry split it evenly (`{quilting:
 * 0.5, tvm: 0.5}` over one quilting and ten TVM draws gives 0.5 and 10 × 0.05).
 */
export function memberWeights(
  items: readonly Collected[],
  weights: readonly number[] | Readonly<Record<string, number>> | undefined,
): readonly number[] {
  if (weights === undefined) return items.map(() => 1);
  if (isList(weights)) {
    if (weights.length !== items.length) {
      throw wrong(`${weights.length} weights for ${items.length} predictions`, 'give one weight for each');
    }
    return positive(weights);
  }
  const keys = items.map(({ axes }) => {
    const named = [...new Set(Object.values(axes).map(String))].filter((label) =>
      Object.hasOwn(weights, label),
    );
    if (named.length === 1) return named[0]!;
    const text = Object.entries(axes)
      .map(([axis, label]) => `${axis}=${label}`)
      .join(',');
    throw wrong(
      `${named.length === 0 ? 'no weight is' : `weights ${named.join(' and ')} are both`} given for the prediction [${text}]`,
      'name one label of each prediction in weights',
    );
  });
  const unused = Object.keys(weights).find((label) => !keys.includes(label));
  if (unused !== undefined) throw wrong(`weights names '${unused}', which no prediction has`, 'remove it');
  return positive(keys.map((key) => weights[key]! / keys.filter((other) => other === key).length));
}

function positive(weights: readonly number[]): readonly number[] {
  if (weights.some((weight) => weight > 0)) return weights;
  throw wrong('all weights are 0', 'give at least one prediction a positive weight');
}

function isList(weights: readonly number[] | Readonly<Record<string, number>>): weights is readonly number[] {
  return Array.isArray(weights);
}

function wrong(message: string, fix: string): StageError {
  return new StageError(message, { code: 'bad-data', fix });
}
