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
  const [first] = judged;
  if (first === undefined) return {};
  return { ...stopsEarly(judged), ...(inputs['clean'] === undefined && comparesTwo(first)) };
}

/** The caveat `stops-early` of the accuracies in scores of one or of several predictions. */
export function accuracyOfOther(inputs: KnownInputs): Caveats {
  const { accuracy } = stopsEarly((inputs['predictions'] ?? []).flatMap(judgedImages));
  return accuracy === undefined ? {} : { accuracy, strongestAccuracy: accuracy };
}

/** Attacked images, and how the classifier that judges them differs from the attacked one, in at least one way. */
interface JudgedImages {
  readonly attacked: KnownValue;
  readonly defense: 'added' | 'removed' | 'same';
  readonly isSameModel: boolean;
}

/**
 * The attacked images behind predictions, or behind those of which they are the average. Those are left out that are none, and that
 * the attacked classifier itself judges.
 */
function judgedImages(predictions: KnownValue | undefined): readonly JudgedImages[] {
  const members = membersOf(predictions);
  const models = members.map((member) => member.inputs()['model']?.[0]);
  return members.flatMap((member) => judgedBy(member, models) ?? []);
}

/** The predictions of single classifiers of which these are the average, of averages too. */
function membersOf(predictions: KnownValue | undefined): readonly KnownValue[] {
  if (predictions?.uses === 'predict/average')
    return (predictions.inputs()['predictions'] ?? []).flatMap(membersOf);
  return predictions?.uses === 'predict/classify' ? [predictions] : [];
}

/** The images of one prediction; `models` are those of all predictions that are averaged. */
function judgedBy(predictions: KnownValue, models: readonly (KnownValue | undefined)[]): JudgedImages | null {
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
  const attacked = target['models'];
  const isSameModel =
    attacked === undefined ? isSame(model?.[0], target['model']?.[0]) : areSame(attacked, models);
  if (isDefended === isThrough && isSameModel) return null;
  const defense = isDefended === isThrough ? 'same' : isDefended ? 'added' : 'removed';
  return { attacked: made, defense, isSameModel };
}

/** The caveats of the first of them that an attack made which ends early. */
function stopsEarly(judged: readonly JudgedImages[]): Caveats {
  const early = judged.find(({ attacked }) => attacked.facts().goFartherBy !== undefined);
  if (early === undefined) return {};
  const { attacked, defense, isSameModel } = early;
  const { goFartherBy } = attacked.facts();
  const how = [
    ...(defense === 'added' ? ['behind a defense that the attack does not go through'] : []),
    ...(defense === 'removed' ? ['without the defense that the attack goes through'] : []),
    ...(isSameModel ? [] : ['by another model']),
  ].join(' and ');
  const through = defense === 'added' ? ' (in: { through: … })' : '';
  const fix = `${goFartherBy!}; or let the attack see the classifier that is scored${through}`;
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

/** Whether the models of an attacked ensemble are those of the averaged predictions. */
function areSame(ensemble: readonly KnownValue[], models: readonly (KnownValue | undefined)[]): boolean {
  return (
    ensemble.every((one) => models.some((other) => isSame(one, other))) &&
    models.every((other) => ensemble.some((one) => isSame(one, other)))
  );
}

function isSame(one: KnownValue | undefined, other: KnownValue | undefined): boolean {
  return one?.cell === other?.cell && one?.port === other?.port;
}
