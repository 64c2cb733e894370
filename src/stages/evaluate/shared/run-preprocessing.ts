import { argmaxRows } from '../../../metrics/classification.ts';
import { type InputSetting, inputSettings } from '../../../metrics/input-settings.ts';
import { signTest } from '../../../metrics/sign-test.ts';
import { wilsonInterval } from '../../../metrics/wilson.ts';
import { type StageContext, StageError } from '../../../runtime/stage.ts';
import { openBackend } from '../../../tensors/backend.ts';
import { counted } from '../../../values/counted.ts';
import type { ImageRows } from '../../../values/image-rows.ts';
import type { Metrics } from '../../../values/metrics.ts';
import { inputShapeOf, isNetworkModel, type Model } from '../../../values/model.ts';
import { toFloats } from '../../../values/slices.ts';
import { logitsOf } from '../../shared/classify-batches.ts';
import { checkImageShape, checkLabels } from '../../shared/model-input.ts';
import { warmClassifier } from '../../shared/warm-classifier.ts';

type Context = StageContext<
  { readonly images: number },
  { readonly model: Model; readonly images: ImageRows }
>;

/** Images whose pixels are in memory at a time. */
const rowsAtOnce = 64;

/** Upper bound on the probability that any setting is called better though none is. */
const falseAlarms = 0.001;

/**
 * The gain in accuracy from which a setting counts as better. Images that were changed can be a little better with another one:
 * ResNet-20 gains 4.7 points on CIFAR-10 in two bits with mean and std 0.5.
 */
const leastGain = 0.05;

/** A setting that is worse than another, with this probability of an error, is tried on no more images. */
const hopeless = 1e-6;

/** One setting and the images that are right with it, by their place among the chosen ones. */
interface Tried {
  readonly setting: InputSetting;
  /** The first of them, on which it was tried. */
  count: number;
  readonly isRight: Uint8Array;
}

/**
 * One row for each setting, the model's own first. Warns of the best setting if its accuracy is higher by 5 points, and if the
 * sign test finds so at a level of 0.1 % divided by the number of settings.
 */
export async function runPreprocessing(context: Context): Promise<Metrics> {
  const { params, inputs, warn } = context;
  const { model, images } = inputs;
  checkImageShape(images, model);
  checkLabels(images, model);
  checkUntouched(images);
  const rows = spread(images.labels.length, params.images);
  const settings = inputSettings(isNetworkModel(model) ? model.preprocessing : null, inputShapeOf(model));
  const tried = await tryAll(context, settings, rows);
  const [own, ...others] = tried.map((other) => ({ ...other, ...comparedTo(tried[0]!, other) }));
  const better = others.filter(
    ({ gained, lost }) =>
      gained - lost >= leastGain * rows.length && signTest(gained, lost) < falseAlarms / others.length,
  );
  const warnings: string[] = [];
  if (better.length > 0) {
    const best = better.reduce((a, b) => (b.right > a.right ? b : a));
    warnings.push(
      `the model classifies ${own!.right} of ${counted(rows.length, 'image')} correctly as it is given, and ${best.right} with the setting '${best.setting.name}' (p = ${signTest(best.gained, best.lost).toExponential(0)}). Unless these images were changed on purpose, ${best.setting.fix}.`,
    );
  }
  for (const warning of warnings) warn(warning);
  return {
    kind: 'metrics',
    rows: [own!, ...others].map(({ setting, count, right, gained, lost }) => {
      const interval = wilsonInterval(right, count);
      return {
        axes: { setting: setting.name },
        values: {
          n: count,
          accuracy: count === 0 ? null : right / count,
          accuracyLow: interval?.low ?? null,
          accuracyHigh: interval?.high ?? null,
          gained,
          lost,
        },
      };
    }),
    warnings,
  };
}

/** Throws `StageError` for images that an attack or a randomised defense made. */
function checkUntouched({ perturbation, views }: ImageRows): void {
  if (perturbation === undefined && views === 1) return;
  throw new StageError(
    perturbation === undefined
      ? `the images have ${views} views each, because they come out of a randomised defense`
      : 'the images were attacked, so another setting may well be better for them',
    { code: 'bad-data', fix: 'connect the images before the attack or the defense' },
  );
}

/** The numbers of at most `most` rows, evenly spread over `count`. */
function spread(count: number, most: number): Int32Array {
  const number = Math.min(count, most);
  return Int32Array.from({ length: number }, (_, index) => Math.floor((index * count) / number));
}

/** Classifies the rows once with each setting, as long as it is not clearly worse than another. */
async function tryAll(
  context: Context,
  settings: readonly InputSetting[],
  rows: Int32Array,
): Promise<readonly Tried[]> {
  const { inputs, progress, signal, batchSizes, backend } = context;
  const { model, images } = inputs;
  await openBackend(backend);
  const classifier = await warmClassifier(model, context);
  const tried = settings.map((setting): Tried => ({
    setting,
    count: 0,
    isRight: new Uint8Array(rows.length),
  }));
  try {
    for (let first = 0; first < rows.length; first += rowsAtOnce) {
      const some = rows.subarray(first, first + rowsAtOnce);
      const pixels = toFloats(await images.read(some));
      const shape = [some.length, ...inputShapeOf(model)] as const;
      for (const one of stillTried(tried, first)) {
        const { setting, isRight } = one;
        const seen = { pixels: setting.apply(pixels), shape, views: 1 };
        const logits = await logitsOf(classifier, seen, { signal, batchSizes });
        const classes = argmaxRows(logits, classifier.classes);
        some.forEach((row, place) => {
          isRight[first + place] = classes[place] === images.labels[row] ? 1 : 0;
        });
        one.count = first + some.length;
      }
      progress(first + some.length, rows.length, 'images');
    }
  } finally {
    classifier.dispose();
  }
  return tried;
}

/** The first setting, and those that are not clearly worse than the best so far, after `count` images. */
function stillTried(tried: readonly Tried[], count: number): readonly Tried[] {
  const [own, ...others] = tried.filter((one) => one.count === count);
  const rights = [own!, ...others].map((one) => comparedTo(own!, one).right);
  const best = [own!, ...others][rights.indexOf(Math.max(...rights))]!;
  const isHopeless = (one: Tried): boolean => {
    const { gained, lost } = comparedTo(best, one);
    return signTest(lost, gained) < hopeless;
  };
  return [own!, ...others.filter((one) => !isHopeless(one))];
}

/** How a setting differs from another on the images on which it was tried. */
function comparedTo(
  { isRight: before }: Tried,
  { isRight, count: tried }: Tried,
): { readonly right: number; readonly gained: number; readonly lost: number } {
  const count = (holds: (place: number) => boolean): number =>
    isRight.subarray(0, tried).reduce((sum, _, place) => sum + (holds(place) ? 1 : 0), 0);
  return {
    right: count((place) => isRight[place] === 1),
    gained: count((place) => isRight[place] === 1 && before[place] === 0),
    lost: count((place) => isRight[place] === 0 && before[place] === 1),
  };
}
