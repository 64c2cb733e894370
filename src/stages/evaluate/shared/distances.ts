import { Type } from '@sinclair/typebox';
import { StageError } from '../../../runtime/stage.ts';
import type { Predictions } from '../../../values/predictions.ts';
import type { RecordedNorm } from '../../../metrics/minimal-distances.ts';

/** The norm in which the distances are taken that an attack found. */
export const recordedNormParameter = {
  norm: Type.Union([Type.Literal('linf'), Type.Literal('l2'), Type.Literal('l1'), Type.Literal('l0')], {
    default: 'l2',
    description: 'norm of the distances; L0 counts the values (channels of pixels) that changed',
  }),
};

/** Throws `StageError`: the predictions have no distances in this norm. */
export function noDistances({ perturbation }: Predictions, norm: RecordedNorm): never {
  if (perturbation === undefined) {
    throw new StageError("the images of 'predictions' were never attacked, so there are no distances", {
      code: 'bad-data',
      fix: 'classify the images that an attack returned',
    });
  }
  throw new StageError(
    `the attacked images were made by an earlier version, which did not record '${norm}'`,
    {
      code: 'bad-data',
      fix: "run the attack again, with 'ravelin run --force'",
    },
  );
}
