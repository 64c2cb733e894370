import type { Caveat, KnownInputs } from '../../../runtime/stage.ts';

type KnownValue = KnownInputs[string][number];
type Caveats = Readonly<Record<string, Caveat>>;

/**
 * The caveats of scores of images that another classifier judges than the one that was attacked. `stops-early`: the attack ended
 * where the attacked classifier was misled, and the other one need not be. `other-classifier`: a success is compared with the
 * classes that the attacked classifier gave the originals, so part of it is how the two differ, and no attack; there is none of
 * these if predictions on the originals are connected.
 */
export function otherClassifier(inputs: KnownInputs): Caveats {
  const judged = judgedImages(inputs['predictions']?.[0]);
  if (judged === null) return {};
  return { ...stopsEarly(judged), ...(inputs['clean'] === undefined && comparesTwo(judged)) };
}

/** Attacked images, and how the classifier that judges them differs from the attacked one, in at least one way. */
interface JudgedImages {
  readonly attacked: KnownValue;
  readonly defense: 'added' | 'removed' | 'same';
  readonly isSameModel: boolean;
}

/** The attacked images behind predictions; null if they are none, or if the attacked classifier itself judges them. */
function judgedImages(predictions: KnownValue | undefined): JudgedImages | null {
  if (predictions?.uses !== 'predict/classify') return null;
  const { model, images, transform } = predictions.inputs();
  let isDefended = isDefense(transform?.[0]);
  let made = images?.[0];
  while (made?.uses.startsWith('defense/') === true) {
    isDefended ||= isDefense(made);
    made = made.inputs()['images']?.[0];
  }
  if (made === undefined || made.uses === 'attack/none' || !made.uses.startsWith('attack/')) return null;
  const target = made.inputs();
  const isThrough = isDefense(target['through']?.[0]);
  const isSameModel = isSame(model?.[0], target['model']?.[0]);
  if (isDefended === isThrough && isSameModel) return null;
  const defense = isDefended === isThrough ? 'same' : isDefended ? 'added' : 'removed';
  return { attacked: made, defense, isSameModel };
}

function stopsEarly({ attacked, defense, isSameModel }: JudgedImages): Caveats {
  const { goFartherBy } = attacked.facts();
  if (goFartherBy === undefined) return {};
  const how = [
    ...(defense === 'added' ? ['behind a defense that the attack does not go through'] : []),
    ...(defense === 'removed' ? ['without the defense that the attack goes through'] : []),
    ...(isSameModel ? [] : ['by another model']),
  ].join(' and ');
  const through = defense === 'added' ? ' (in: { through: … })' : '';
  const fix = `${goFartherBy}; or let the attack see the classifier that is scored${through}`;
  const caveat = (result: string): Caveat => ({
    code: 'stops-early',
    message: `${attacked.uses} ends an image as soon as it is misclassified, but these images are then classified ${how}. There many of them can be right again, so ${result}`,
    fix,
  });
  return {
    accuracy: caveat('the accuracy is too high for an attack of this strength'),
    accuracyInitiallyCorrect: caveat('accuracyInitiallyCorrect is too high for an attack of this strength'),
    successRate: caveat('successRate is too low for an attack of this strength'),
  };
}

function comparesTwo({ defense, isSameModel }: JudgedImages): Caveats {
  const how = [
    ...(defense === 'added' ? ['without the defense'] : []),
    ...(defense === 'removed' ? ['behind the defense'] : []),
    ...(isSameModel ? [] : ['by the model that was attacked']),
  ].join(' and ');
  const fix =
    'classify the originals just as the attacked images are classified, and connect these predictions to the scores: in: { clean: STAGE }';
  return {
    successRate: {
      message: `successRate compares with the classes that the originals were given ${how}, so part of it is not due to the attack`,
      fix,
    },
    accuracyInitiallyCorrect: {
      message: `accuracyInitiallyCorrect is about the images that were classified correctly ${how}, and not by what is scored`,
      fix,
    },
  };
}

function isDefense(value: KnownValue | undefined): boolean {
  return value !== undefined && value.uses !== 'defense/none';
}

function isSame(one: KnownValue | undefined, other: KnownValue | undefined): boolean {
  return one?.cell === other?.cell && one?.port === other?.port;
}
