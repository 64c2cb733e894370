/** Parts that the stages which score predictions share, besides the check of their inputs. */
import { type Collected, labelsPort, StageError } from '../../../runtime/stage.ts';
import type { Outline } from '../../../values/outline.ts';
import type { Predictions } from '../../../values/predictions.ts';

/** The input of the images before an attack, or before several. */
export const originalsPort = (before: 'the attack' | 'the attacks') =>
  labelsPort({
    optional: true,
    description: `the images before ${before}: checked to pair up with the predictions`,
  });

/** The work of scoring this number of predictions on the same images. */
export function scoringOutline(predictions = 1): Outline {
  return {
    perImage: { 'score image': predictions },
    perUnit: {},
    out: { metrics: { kind: 'metrics' } },
    memoryBytes: 0,
  };
}

/** The first of several predictions, to which the others are compared. Throws `StageError` if there are none. */
export function firstOf(collected: readonly Collected<Predictions>[]): Predictions {
  const [first] = collected;
  if (first === undefined)
    throw new StageError("'predictions' is an empty list", {
      fix: 'name the predictions of at least one attack',
    });
  return first.value;
}
