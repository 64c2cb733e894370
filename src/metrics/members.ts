import type { MemberOutcomes } from '../values/images.ts';

/** The outcomes of the attacks of an ensemble on some images, with the labels and the classes before the attack. */
export interface MembersPart extends MemberOutcomes {
  readonly labels: Int32Array;
  readonly initial: Int32Array;
}

export interface MemberCount {
  readonly name: string;
  /** Number of images that the earlier attacks had left right. */
  readonly attacked: number;
  readonly broken: number;
  /** Share of `broken` among all images that the ensemble misclassified; 0 if there are none. */
  readonly share: number;
  /** Accuracy on all images after this attack. */
  readonly accuracyAfter: number;
}

export interface MemberCounts {
  readonly cleanAccuracy: number;
  readonly members: readonly MemberCount[];
  /** Accuracy at the end: the mean over fresh draws if the model draws. */
  readonly accuracy: number;
  /**
   * Standard deviation of the accuracy over draws, √(Σ p (1 − p)) / n with the share p of draws in which an image is
   * right: the images draw independently.
   */
  readonly deviation: number;
  /** Whether an image is right in some draws and wrong in others. */
  readonly isRandom: boolean;
}

/** Adds up the outcomes of an ensemble over all parts of a set. Throws `RangeError` for an empty list. */
export function memberCounts(parts: readonly MembersPart[]): MemberCounts {
  const names = parts[0]?.names;
  if (names === undefined) throw new RangeError('there are no images');
  const n = parts.reduce((sum, { labels }) => sum + labels.length, 0);
  const broken = names.map((_, place) =>
    parts.reduce((sum, { by }) => sum + by.reduce((count, index) => count + (index === place ? 1 : 0), 0), 0),
  );
  let right = 0;
  for (const { labels, initial } of parts)
    labels.forEach((label, image) => (right += initial[image] === label ? 1 : 0));
  const total = broken.reduce((sum, count) => sum + count, 0);
  const cleanAccuracy = right / n;
  const members = names.map((name, place) => {
    const attacked = right;
    right -= broken[place]!;
    const share = total === 0 ? 0 : broken[place]! / total;
    return { name, attacked, broken: broken[place]!, share, accuracyAfter: right / n };
  });
  let sum = 0;
  let variance = 0;
  for (const { rightShare } of parts) {
    for (const share of rightShare) {
      sum += share;
      variance += share * (1 - share);
    }
  }
  return {
    cleanAccuracy,
    members,
    accuracy: sum / n,
    deviation: Math.sqrt(variance) / n,
    isRandom: variance > 0,
  };
}

/** Accuracy that Square may take from what gradients left, as in the checks of AutoAttack's authors. */
const squareMargin = 0.002;

/** Warnings that every reader of the counts must see. `isForRandom` says that the version is meant for randomised models. */
export function membersWarnings(
  { members, isRandom }: MemberCounts,
  isForRandom: boolean,
): readonly string[] {
  const warnings: string[] = [];
  const square = members.findIndex(({ name }) => name === 'square');
  const before = members[square - 1];
  if (before !== undefined && before.accuracyAfter - members[square]!.accuracyAfter > squareMargin) {
    warnings.push(
      'Square, which takes no gradient, misclassified more than 0.2 % of the images that the attacks with gradients had left. This indicates masked gradients: give Square more queries and restarts, or use an adaptive attack.',
    );
  }
  if (isRandom && !isForRandom) {
    warnings.push(
      'the model draws at random, which the attacks of this version do not expect. Use version: rand, and compare the accuracy over fresh draws.',
    );
  }
  return warnings;
}
