import {
  type ArrayProblem,
  finiteProblem,
  firstOutside,
  nameOfType,
  pixelProblem,
  refuse,
  firstRepeated,
} from './array-problems.ts';
import type { Images, MemberOutcomes, Perturbation } from './images.ts';
import { imageStates } from './preparation.ts';
import { traceProblem } from './trace.ts';
import type { PortKind } from './value.ts';
import { ValueError } from './value-error.ts';
import { verifyModel } from './verify-model.ts';
import { elementCount } from './element-count.ts';
import { ensure, isNatural, isRecord, shown, verifyJson, type Fields, type Origin } from './verify-parts.ts';
import { counted } from './counted.ts';

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
    `the shape of ${origin} has ${shape[0]!} rows, but there are ${count} images with ${counted(views, 'view')} each`,
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
  if (value['target'] !== undefined) verifyVector(value['target'], Int32Array, count, 'target', origin);
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
  for (const name of ['l2', 'linf', 'dissimilarity', 'l1', 'l0'] as const) {
    const sizes = perturbation[name];
    if (sizes === undefined && (name === 'l1' || name === 'l0')) continue;
    verifyVector(sizes, Float32Array, count, `perturbation.${name}`, origin);
    const wrong = sizes!.findIndex((size) => !(size >= 0));
    ensure(
      wrong < 0,
      `the perturbation.${name} of image ${wrong} of ${origin} is ${sizes![wrong]}`,
      'make it with measurePerturbation',
    );
  }
  verifyVector(perturbation.initial, Int32Array, count, 'perturbation.initial', origin);
  if (perturbation.target !== undefined)
    verifyVector(perturbation.target, Int32Array, count, 'perturbation.target', origin);
  const rounded: unknown = perturbation.rounded;
  ensure(
    rounded === undefined || rounded === true,
    `perturbation.rounded of ${origin} is ${JSON.stringify(rounded)}`,
    'set it to true, or leave it out',
  );
  if (perturbation.members !== undefined) verifyMembers(perturbation.members, count, origin);
  const { trace } = perturbation;
  const problem = trace === undefined ? null : traceProblem(trace, count);
  ensure(
    problem === null,
    `the perturbation.trace of ${origin} ${problem}`,
    'leave perturbation.trace out, which attacks with trace: true set',
  );
}

function verifyMembers(members: MemberOutcomes, count: number, origin: Origin): void {
  const fix = 'leave perturbation.members out, which attack/auto-attack sets';
  ensure(isRecord(members), `the perturbation.members of ${origin} are ${nameOfType(members)}`, fix);
  const { names, by, rightShare } = members;
  ensure(
    Array.isArray(names) && names.every((name) => typeof name === 'string'),
    `the perturbation.members.names of ${origin} are not a list of texts`,
    fix,
  );
  verifyVector(by, Int32Array, count, 'perturbation.members.by', origin);
  verifyVector(rightShare, Float32Array, count, 'perturbation.members.rightShare', origin);
  ensure(
    by.every((index) => index >= -1 && index < names.length),
    `an entry of perturbation.members.by of ${origin} is not an index of its names`,
    fix,
  );
  ensure(
    rightShare.every((share) => share >= 0 && share <= 1),
    `an entry of perturbation.members.rightShare of ${origin} is not in [0, 1]`,
    fix,
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
  const dimensions = elementCount(shape.slice(1));
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
