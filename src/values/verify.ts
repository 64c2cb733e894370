import {
  type ArrayProblem,
  areFinite,
  finiteProblem,
  firstOutside,
  nameOfType,
  pixelProblem,
  refuse,
  firstRepeated,
} from './array-problems.ts';
import type { Images, Perturbation } from './images.ts';
import { canonicalJson, type Json } from './json.ts';
import { imageStates } from './preparation.ts';
import type { PortKind } from './value.ts';
import { ValueError } from './value-error.ts';

/** Where a value comes from, for messages: `output 'images' of lab/blur`. */
type Origin = string;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Throws `ValueError` unless a value is what its kind promises: element types, numbers of elements, ranges,
 * finite numbers. It trusts nothing but that `value.kind` is `kind`, because a plugin may have made the value.
 */
export function verifyValue(value: Fields, kind: PortKind, origin: Origin): void {
  verifiers[kind](value, origin);
}

const verifiers: Readonly<Record<PortKind, (value: Fields, origin: Origin) => void>> = {
  images: verifyImages,
  predictions: verifyPredictions,
  preparation: verifyPreparation,
  metrics: verifyMetrics,
  model: verifyModel,
  transform: verifyTransform,
  patches: verifyPatches,
  figure: verifyFigure,
};

function verifyImages(value: Fields, origin: Origin): void {
  const count = verifyLabelled(value, origin);
  const { pixels, views, classes, labels } = value as unknown as Images;
  ensure(
    isNatural(views) && views > 0,
    `the views of ${origin} are ${shown(views)}, not a whole number from 1 on`,
    'set views: 1 unless each image has several rows',
  );
  const shape = verifyShape(value['shape'], 4, '[rows, height, width, channels]', origin);
  ensure(
    shape[0] === count * views,
    `the shape of ${origin} has ${shape[0]!} rows, but there are ${count} images with ${views} ${views === 1 ? 'view' : 'views'} each`,
    'make one row for each view, one label and one id for each image',
  );
  refuse(
    pixelProblem(pixels, { shape, views, ids: value['ids'] as Int32Array }, 'or-bytes'),
    `the pixels of ${origin}`,
  );
  if (classes.length === 0) return;
  const wrong = labels.findIndex((label) => label >= classes.length);
  ensure(
    wrong < 0,
    `image ${wrong} of ${origin} has label ${labels[wrong]}, but there are only ${classes.length} classes`,
    "number the classes from 0, or name all of them in 'classes'",
  );
}

function verifyPredictions(value: Fields, origin: Origin): void {
  const count = verifyLabelled(value, origin);
  const [rows, classes] = verifyShape(value['shape'], 2, '[count, classes]', origin) as [number, number];
  ensure(
    rows === count,
    `the shape of ${origin} has ${rows} rows for ${count} images`,
    'make one row of probabilities for each image',
  );
  const probabilities = value['probabilities'];
  refuse(
    probabilityProblem(probabilities, [rows, classes], value['ids'] as Int32Array),
    `the probabilities of ${origin}`,
  );
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * classes; at < (row + 1) * classes; at++) sum += (probabilities as Float32Array)[at]!;
    if (Math.abs(sum - 1) < 1e-3) continue;
    throw new ValueError(
      `the probabilities of image ${row} of ${origin} add up to ${sum.toPrecision(4)}, not to 1`,
      'turn logits into probabilities with softmaxRows',
    );
  }
}

function probabilityProblem(values: unknown, shape: readonly number[], ids: Int32Array): ArrayProblem | null {
  const problem = pixelProblem(values, { shape, ids }, 'floats');
  if (problem === null || !(values instanceof Float32Array) || firstOutside(values) < 0) return problem;
  return {
    ...problem,
    fix: 'turn logits into probabilities with softmaxRows, and look for NaN in the inputs',
  };
}

/** Verifies what images and predictions share, and returns the number of images. */
function verifyLabelled(value: Fields, origin: Origin): number {
  const { ids, labels, classes, perturbation } = value;
  const count = verifyIds(ids, origin);
  verifyVector(labels, Int32Array, count, 'labels', origin);
  const below = (labels as Int32Array).findIndex((label) => label < -1);
  ensure(
    below < 0,
    `image ${below} of ${origin} has label ${(labels as Int32Array)[below]}`,
    'give the index of its class from 0 on, or −1 for an image without a label',
  );
  ensure(
    Array.isArray(classes) && classes.every((name) => typeof name === 'string'),
    `the classes of ${origin} are not a list of names`,
    'give the names of the classes by index, or [] if there are none',
  );
  if (perturbation !== undefined) verifyPerturbation(perturbation as Perturbation, count, origin);
  return count;
}

/** Returns the number of images. */
function verifyIds(ids: unknown, origin: Origin): number {
  const count = verifyVector(ids, Int32Array, null, 'ids', origin);
  const negative = (ids as Int32Array).findIndex((id) => id < 0);
  ensure(
    negative < 0,
    `image ${negative} of ${origin} has the id ${(ids as Int32Array)[negative]}`,
    'give the index of the image in its dataset, from 0 on',
  );
  const twice = firstRepeated(ids as Int32Array);
  ensure(
    twice < 0,
    `image ${twice} of ${origin} has the id ${(ids as Int32Array)[twice]}, which another image has too`,
    'give each image an id of its own: random numbers and originals are found by it',
  );
  return count;
}

function verifyPreparation(value: Fields, origin: Origin): void {
  const count = verifyIds(value['ids'], origin);
  const shape = verifyShape(value['shape'], 4, '[count, height, width, channels]', origin);
  ensure(
    shape[0] === count,
    `the shape of ${origin} has ${shape[0]!} rows for ${count} images`,
    'give one displacement for each image',
  );
  const ids = value['ids'] as Int32Array;
  refuse(finiteProblem(value['displacement'], { shape, ids }, 'or-signs'), `the displacements of ${origin}`);
  verifyVector(value['initial'], Int32Array, count, 'initial', origin);
  verifyVector(value['flat'], Uint8Array, count, 'flat', origin);
  verifyVector(value['states'], Uint8Array, count, 'states', origin);
  const unknown = (value['states'] as Uint8Array).findIndex((state) => state >= imageStates.length);
  ensure(unknown < 0, `image ${unknown} of ${origin} has an unknown state`, 'give an index into imageStates');
}

function verifyPerturbation(perturbation: Perturbation, count: number, origin: Origin): void {
  ensure(
    isRecord(perturbation),
    `the perturbation of ${origin} is ${nameOfType(perturbation)}`,
    'make it with measurePerturbation, or leave it out',
  );
  for (const name of ['l2', 'linf', 'dissimilarity'] as const) {
    verifyVector(perturbation[name], Float32Array, count, `perturbation.${name}`, origin);
    const wrong = perturbation[name].findIndex((size) => !(size >= 0));
    ensure(
      wrong < 0,
      `the perturbation.${name} of image ${wrong} of ${origin} is ${perturbation[name][wrong]}`,
      'make it with measurePerturbation',
    );
  }
  verifyVector(perturbation.initial, Int32Array, count, 'perturbation.initial', origin);
  const rounded: unknown = perturbation.rounded;
  ensure(
    rounded === undefined || rounded === true,
    `perturbation.rounded of ${origin} is ${JSON.stringify(rounded)}`,
    'set it to true, or leave it out',
  );
}

function verifyMetrics({ rows, warnings }: Fields, origin: Origin): void {
  ensure(
    Array.isArray(rows),
    `the rows of ${origin} are ${nameOfType(rows)}, not a list`,
    'return rows: [{ axes: {}, values: { NAME: number } }]',
  );
  for (const [index, row] of (rows as unknown[]).entries()) {
    const where = `row ${index} of ${origin}`;
    ensure(isRecord(row), `${where} is ${nameOfType(row)}`, 'write { axes: {}, values: { NAME: number } }');
    const { axes, values } = row;
    ensure(isRecord(axes), `${where} has no axes`, 'add axes: {} if the row varies along none');
    for (const [name, label] of Object.entries(axes))
      ensure(
        typeof label === 'string' || Number.isFinite(label),
        `the axis '${name}' in ${where} is ${shown(label)}`,
        'give a text or a finite number',
      );
    ensure(isRecord(values), `${where} has no values`, 'add values: { NAME: number }');
    verifyScores(values, where);
  }
  ensure(
    Array.isArray(warnings) && warnings.every((warning) => typeof warning === 'string'),
    `the warnings of ${origin} are ${nameOfType(warnings)}, not a list of texts`,
    'add warnings: [] if there are none',
  );
}

/** Throws `ValueError` unless every score is a finite number or null. */
export function verifyScores(scores: Fields, origin: Origin): void {
  for (const [name, score] of Object.entries(scores)) {
    if (score === null || Number.isFinite(score)) continue;
    throw new ValueError(
      `'${name}' in ${origin} is ${shown(score)}, not a finite number or null`,
      typeof score === 'number' || score === undefined
        ? `give null for a number that is undefined`
        : 'give each number under a name of its own',
    );
  }
}

function verifyModel({ network, weights, preprocessing }: Fields, origin: Origin): void {
  ensure(
    isRecord(network) && Array.isArray(network['nodes']) && isNatural(network['classes']),
    `${origin} has no network`,
    'give network: { architecture, inputShape, nodes, output, classes }',
  );
  verifyJson(network, 'network', origin);
  ensure(
    isRecord(weights),
    `the weights of ${origin} are ${nameOfType(weights)}`,
    'give tensors by name: { shape, data }',
  );
  for (const [name, tensor] of Object.entries(weights)) {
    const where = `the weights '${name}' of ${origin}`;
    ensure(
      isRecord(tensor) && tensor['data'] instanceof Float32Array,
      `${where} are not { shape, data } with a Float32Array`,
      'give the weights as a Float32Array with their shape',
    );
    const { data } = tensor as { readonly data: Float32Array };
    const { shape } = tensor;
    ensure(
      Array.isArray(shape) && shape.every(isNatural) && product(shape) === data.length,
      `${where} have ${data.length} values but shape ${JSON.stringify(shape)}`,
      'give the shape that the values have',
    );
    ensure(
      areFinite(data),
      `${where} are not finite`,
      'check its inputs for NaN, and try a smaller learning rate',
    );
  }
  ensure(
    isRecord(preprocessing) && isNumbers(preprocessing['mean']) && isNumbers(preprocessing['std']),
    `${origin} has no preprocessing`,
    'give preprocessing: { mean, std } with one number for each channel',
  );
}

function verifyTransform({ steps, seed }: Fields, origin: Origin): void {
  ensure(
    Array.isArray(steps),
    `the steps of ${origin} are ${nameOfType(steps)}, not a list`,
    'give the steps of a recipe, or [] for the identity',
  );
  for (const [index, step] of (steps as unknown[]).entries()) {
    const where = `step ${index} of ${origin}`;
    ensure(
      isRecord(step) && typeof step['name'] === 'string',
      `${where} does not name a defense`,
      'pass on the steps of a recipe that a defense made',
    );
    ensure(isRecord(step['params']), `${where} has no params`, 'add params: {} if there are none');
    verifyJson(step['params'], `params of step ${index}`, origin);
    if (step['patches'] !== undefined) verifyPatches(step['patches'] as Fields, where);
  }
  ensure(
    seed === undefined || (Array.isArray(seed) && seed.length === 2 && seed.every(isNatural)),
    `the seed of ${origin} is ${shown(seed)}`,
    'give context.seed, or none if nothing is drawn',
  );
}

function verifyPatches(value: Fields, origin: Origin): void {
  ensure(
    isRecord(value),
    `the patches of ${origin} are ${nameOfType(value)}`,
    'give what defense/patch-database makes',
  );
  const shape = verifyShape(value['shape'], 4, '[count, size, size, channels]', origin);
  const dimensions = product(shape.slice(1));
  verifyVector(value['pixels'], Uint8Array, shape[0]! * dimensions, 'pixels', origin);
  verifyVector(value['mean'], Float32Array, dimensions, 'mean', origin);
  verifyVector(value['basis'], Float32Array, dimensions ** 2, 'basis', origin);
}

function verifyFigure({ title, files }: Fields, origin: Origin): void {
  ensure(
    typeof title === 'string',
    `the title of ${origin} is ${nameOfType(title)}`,
    "give a text, or '' for none",
  );
  ensure(
    isRecord(files),
    `the files of ${origin} are ${nameOfType(files)}`,
    'give files by extension: { md: bytes }',
  );
  for (const [extension, content] of Object.entries(files)) {
    ensure(
      /^[a-z0-9]+$/.test(extension),
      `'${extension}' in ${origin} is not an extension`,
      'write it without a dot and in lower case, such as md',
    );
    ensure(
      content instanceof Uint8Array,
      `the .${extension} file of ${origin} is ${nameOfType(content)}, not bytes`,
      'give a Uint8Array, or a text in a report',
    );
  }
}

type TypedArray = Int32Array | Float32Array | Uint8Array;

/** Returns the length of an array of this type; `length` is the one that it must have, if that is known. */
function verifyVector(
  value: unknown,
  type: new (length: number) => TypedArray,
  length: number | null,
  name: string,
  origin: Origin,
): number {
  const article = type === Int32Array ? 'an' : 'a';
  ensure(
    value instanceof type,
    `the ${name} of ${origin} are ${nameOfType(value)}, not ${article} ${type.name}`,
    `give ${article} ${type.name}`,
  );
  const found = value.length;
  ensure(
    length === null || found === length,
    `the ${name} of ${origin} are ${found} values, not ${length}`,
    'give one value for each image',
  );
  if (value instanceof Float32Array)
    ensure(!value.some(Number.isNaN), `the ${name} of ${origin} hold NaN`, 'look for a division by zero');
  return found;
}

function verifyShape(shape: unknown, axes: number, meaning: string, origin: Origin): readonly number[] {
  ensure(
    Array.isArray(shape) && shape.length === axes && shape.every(isNatural),
    `the shape of ${origin} is ${shown(shape)}, not ${meaning}`,
    `give ${axes} whole numbers`,
  );
  return shape;
}

function verifyJson(value: unknown, name: string, origin: Origin): void {
  try {
    canonicalJson(value as Json);
  } catch (error) {
    throw new ValueError(
      `the ${name} of ${origin} cannot be written as JSON: ${(error as Error).message}`,
      'use finite numbers, texts, lists and plain objects only',
      error,
    );
  }
}

function ensure(holds: boolean, message: string, fix: string): asserts holds {
  if (!holds) throw new ValueError(message, fix);
}

function shown(value: unknown): string {
  if (typeof value === 'number' || value === undefined || value === null) return String(value);
  if (typeof value === 'string') return `the text '${value}'`;
  return Array.isArray(value) && value.length <= 8 ? `[${value.join(', ')}]` : nameOfType(value);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => Number.isFinite(item));
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, extent) => total * extent, 1);
}
