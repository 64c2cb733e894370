import { StageError } from '../../../runtime/stage.ts';
import { averageProbabilities } from '../../../metrics/average.ts';
import type { Predictions } from '../../../values/predictions.ts';
import { checkPaired } from '../../shared/pairing.ts';

/**
 * One prediction from those of all members, which must be for the same images. Keeps the perturbation of the
 * first.
 */
export function averagePredictions(
  members: readonly Predictions[],
  weights: readonly number[],
  average: 'probabilities' | 'logits',
): Predictions {
  const [head, ...others] = members;
  if (head === undefined) {
    throw new StageError('there are no predictions to average', {
      code: 'bad-data',
      fix: 'connect at least one',
    });
  }
  const classes = head.shape[1];
  for (const [index, other] of others.entries()) {
    checkPaired(head, 'predictions[0]', other, `predictions[${index + 1}]`);
    if (other.shape[1] !== classes) {
      throw new StageError(
        `predictions[${index + 1}] has ${other.shape[1]} classes, but predictions[0] has ${classes}`,
        {
          code: 'bad-data',
          fix: 'average models with the same classes',
        },
      );
    }
  }
  const arrays = members.map((member) => member.probabilities);
  return { ...head, probabilities: averageProbabilities(arrays, weights, classes, average) };
}

/**
 * The first two members that are equal in every number; null if all differ. Draws with one seed are equal, as
 * only the seed makes one draw another.
 */
export function firstCopies(
  members: readonly Predictions[],
): readonly [first: number, second: number] | null {
  for (const [index, { probabilities }] of members.entries()) {
    for (let other = index + 1; other < members.length; other++) {
      const candidate = members[other]!.probabilities;
      if (
        candidate.length === probabilities.length &&
        candidate.every((value, place) => value === probabilities[place])
      )
        return [index, other];
    }
  }
  return null;
}
