import { nameOfType, pixelProblem, refuse } from '../../../values/array-problems.ts';
import type { Json } from '../../../values/json.ts';
import { ValueError } from '../../../values/value-error.ts';
import { firstRepeated } from '../../../values/array-problems.ts';
import { counted } from '../../../values/counted.ts';

/** The images that a dataset has, as planning finds them: it looks at files but decodes nothing. */
export interface Available {
  /** Number of images without a limit. */
  readonly images: number;
  /**
   * Absolute paths of the files that decide the images `first … first + count − 1`; none if absent. Their
   * digests are part of the key.
   */
  readonly files?: (first: number, count: number) => readonly string[];
  /**
   * Facts that decide the images `first … first + count − 1` besides the content of their files, such as labels
   * that follow from which folders there are. Part of the key.
   */
  readonly facts?: (first: number, count: number) => Json;
}

/** A part of a dataset. */
export interface LabelledImages {
  /** Row-major `[count, height, width, channels]`: float32 in [0, 1], or bytes that stand for value / 255. */
  readonly pixels: Float32Array | Uint8Array;
  readonly size: readonly [height: number, width: number, channels: number];
  /** Class index of each image; −1 for an image without a label, which can be shown but not scored. */
  readonly labels: ArrayLike<number>;
  /**
   * Index of each image in the whole dataset, which keys everything that is drawn for it; `first …` if
   * absent.
   */
  readonly ids?: ArrayLike<number>;
  /** Class names by index; none if absent. */
  readonly classes?: readonly string[];
}

/** Throws `ValueError` unless `survey` of the dataset `uses` counted its images. */
export function checkAvailable(available: unknown, uses: string): asserts available is Available {
  const { images, files, facts } = (available ?? {}) as Partial<Record<keyof Available, unknown>>;
  if (
    Number.isSafeInteger(images) &&
    Number(images) >= 0 &&
    (files === undefined || typeof files === 'function') &&
    (facts === undefined || typeof facts === 'function')
  )
    return;
  throw new ValueError(
    `survey of ${uses} did not return the number of its images`,
    'return { images, files }: a whole number, and a function of (first, count) that lists files',
  );
}

/**
 * Throws `ValueError` unless `read` of the dataset `uses` returned the images `first … first + count − 1`. Labels
 * and ids are judged before they are stored as whole numbers, which makes 0 of 'cat' and 1 of 1.5.
 */
export function checkRead(
  part: unknown,
  uses: string,
  first: number,
  count: number,
): asserts part is LabelledImages {
  const subject = `read of ${uses}`;
  if (typeof part !== 'object' || part === null)
    throw new ValueError(`${subject} returned ${nameOfType(part)}`, 'return { pixels, size, labels }');
  const { pixels, size, labels, ids, classes } = part as Partial<Record<keyof LabelledImages, unknown>>;
  if (
    !Array.isArray(size) ||
    size.length !== 3 ||
    !size.every((extent) => Number.isSafeInteger(extent) && extent > 0)
  ) {
    const found = Array.isArray(size) ? `[${size.join(', ')}]` : nameOfType(size);
    throw new ValueError(
      `the size that ${subject} returned is ${found}`,
      'return size: [height, width, channels]',
    );
  }
  if (classes !== undefined && !isNames(classes))
    throw new ValueError(
      `the classes that ${subject} returned are not a list of names`,
      'return the names by index',
    );
  checkNumbers(labels, -1, 'label', subject, { first, count });
  const known = classes?.length ?? 0;
  if (known > 0) checkBelow(labels, known, uses, first);
  if (ids !== undefined) {
    checkNumbers(ids, 0, 'id', subject, { first, count });
    const twice = firstRepeated(ids);
    if (twice >= 0) {
      throw new ValueError(
        `image ${first + twice} that ${subject} returned has the id ${ids[twice]!}, which another image has too`,
        'give each image its index in the whole dataset: random numbers and originals are found by it',
      );
    }
  }
  const layout = {
    shape: [count, ...(size as number[])],
    ids: ids ?? Int32Array.from({ length: count }, (_, row) => first + row),
  };
  refuse(pixelProblem(pixels, layout, 'or-bytes'), `the pixels that ${subject} returned`);
}

/** Throws `ValueError` unless these are int32 numbers, one for each image and none below `least`. */
function checkNumbers(
  values: unknown,
  least: 0 | -1,
  name: 'label' | 'id',
  subject: string,
  { first, count }: { readonly first: number; readonly count: number },
): asserts values is ArrayLike<number> {
  if (!Array.isArray(values) && !ArrayBuffer.isView(values))
    throw new ValueError(
      `the ${name}s that ${subject} returned are ${nameOfType(values)}, not a list`,
      `return one ${name} for each image`,
    );
  const list = values as ArrayLike<unknown>;
  if (list.length !== count)
    throw new ValueError(
      `${subject} returned ${counted(list.length, name)} for ${count} images`,
      `return one ${name} for each image`,
    );
  for (let row = 0; row < count; row++) {
    const value = list[row];
    if (typeof value === 'number' && value === (value | 0) && value >= least) continue;
    const found =
      typeof value === 'string'
        ? `the text '${value}'`
        : typeof value === 'number'
          ? String(value)
          : nameOfType(value);
    throw new ValueError(
      `the ${name} of image ${first + row} that ${subject} returned is ${found}, not a whole number`,
      name === 'id'
        ? 'give the index of the image in the whole dataset'
        : 'give the index of its class from 0 on, or −1 for an image without a label',
    );
  }
}

function checkBelow(labels: ArrayLike<number>, known: number, uses: string, first: number): void {
  for (let row = 0; row < labels.length; row++) {
    if (labels[row]! < known) continue;
    throw new ValueError(
      `image ${first + row} has label ${labels[row]!}, but ${uses} has only ${known} classes`,
      "number the classes from 0, or name all of them in 'classes'",
    );
  }
}

function isNames(classes: unknown): classes is readonly string[] {
  return Array.isArray(classes) && classes.every((name) => typeof name === 'string');
}
