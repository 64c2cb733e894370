import type { Caveat, KnownInputs } from '../../../runtime/stage.ts';

type KnownValue = KnownInputs[string][number];
type Caveats = Readonly<Record<string, Caveat>>;

/**
 * The caveats of scores that compare predictions of one classifier with the classes that another one, the attacked one, gave the
 * originals: part of such a success rate is how the two classifiers differ, and no attack. None if predictions on the
 * originals are connected.
 */
export function otherClassifier(inputs: KnownInputs): Caveats {
  if (inputs['clean'] !== undefined) return {};
  const predictions = inputs['predictions']?.[0];
  if (predictions?.uses !== 'predict/classify') return {};
  const { model, images, transform } = predictions.inputs();
  let isDefended = isDefense(transform?.[0]);
  let made = images?.[0];
  while (made?.uses.startsWith('defense/') === true) {
    isDefended ||= isDefense(made);
    made = made.inputs()['images']?.[0];
  }
  if (made === undefined || made.uses === 'attack/none' || !made.uses.startsWith('attack/')) return {};
  const attacked = made.inputs();
  const differ = [
    ...(isDefended && !isDefense(attacked['through']?.[0]) ? ['without the defense'] : []),
    ...(!isDefended && isDefense(attacked['through']?.[0]) ? ['behind the defense'] : []),
    ...(isSame(model?.[0], attacked['model']?.[0]) ? [] : ['by the model that was attacked']),
  ];
  if (differ.length === 0) return {};
  const how = differ.join(' and ');
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
