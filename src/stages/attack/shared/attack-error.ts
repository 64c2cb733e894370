import type { Strength } from '../../../attacks/attack.ts';
import { pixelSpace } from '../../../attacks/dissimilarity.ts';
import { UnknownClassError } from '../../../attacks/goal.ts';
import { FewClassesError } from '../../../attacks/loss-values.ts';
import { UndefinedDissimilarityError, UnreachableTargetError } from '../../../attacks/search.ts';
import { StageError } from '../../../runtime/stage.ts';

/** Turns errors of an attack that the user can correct into `StageError`s, and returns all others unchanged. */
export function attackError(error: unknown, strength: Strength): unknown {
  const nameOf = (id: number): string => `the image with id ${id}`;
  if (error instanceof UnreachableTargetError) {
    const { image, target, greatest } = error;
    const subject = image === null ? 'the mean over the images' : nameOf(image);
    const most = Math.floor(greatest * 1000) / 1000;
    return new StageError(
      `a dissimilarity of ${target} is out of reach: ${subject} reaches at most ${greatest.toPrecision(4)}`,
      {
        fix:
          image === null
            ? `set at most ${most}`
            : 'set a smaller dissimilarity, or one for the mean over the set (per: set)',
        cause: error,
      },
    );
  }
  if (error instanceof UndefinedDissimilarityError) {
    const isPixels = typeof strength === 'number' || strength.space === pixelSpace;
    return new StageError(
      `${nameOf(error.image)} is ${isPixels ? 'entirely black' : 'the mean everywhere'}, so its dissimilarity is undefined`,
      {
        code: 'bad-data',
        fix: "remove the image, or set the attack's own strength instead of dissimilarity",
        cause: error,
      },
    );
  }
  if (error instanceof FewClassesError) {
    return new StageError(error.message, {
      code: 'bad-data',
      fix: 'choose another loss; for attack/auto-attack, set version: custom and attacks: [apgd-ce, fab, square]',
      cause: error,
    });
  }
  if (error instanceof UnknownClassError) {
    return new StageError(error.message, {
      code: 'bad-data',
      fix: `set targeted to a class from 0 to ${error.classes - 1}`,
    });
  }
  return error;
}
