import { concatArrays } from './concat-arrays.ts';
import type { ImageLabels } from './image-rows.ts';
import type { Images, MemberOutcomes, Perturbation } from './images.ts';
import type { Predictions } from './predictions.ts';
import type { Preparation } from './preparation.ts';
import type { PerImage } from './value.ts';
import { elementCount } from './element-count.ts';
import { ValueError } from './value-error.ts';
import { cutTrace, joinTraces } from './trace.ts';

export type { PerImage };

/** Number of images (not of views). */
export function countOf(value: PerImage): number {
  return value.ids.length;
}

/**
 * Returns the images `first … first + count − 1` of a value with all their views. The result shares memory
 * with the value.
 */
export function sliceValue<V extends PerImage>(value: V, first: number, count: number): V {
  const end = first + count;
  if (value.kind === 'preparation') return { ...value, ...cutPreparation(value, first, end) };
  const labelled = {
    labels: value.labels.subarray(first, end),
    ids: value.ids.subarray(first, end),
    ...(value.perturbation && {
      perturbation: cutPerturbation(value.perturbation, first, end),
    }),
  };
  if (value.kind === 'images') {
    const [, height, width, channels] = value.shape;
    const size = value.views * height * width * channels;
    const pixels = value.pixels.subarray(first * size, end * size);
    return { ...value, ...labelled, pixels, shape: [count * value.views, height, width, channels] };
  }
  const classes = value.shape[1];
  return {
    ...value,
    ...labelled,
    probabilities: value.probabilities.subarray(first * classes, end * classes),
    shape: [count, classes],
  };
}

/**
 * Joins shards in order. If some parts carry a perturbation and others do not, the result carries none.
 * Throws `ValueError` if the parts differ in image size, and `RangeError` for an empty list, or if they differ in classes or
 * views.
 */
export function concatValues<V extends PerImage>(parts: readonly V[]): V {
  const head = parts[0];
  if (head === undefined) throw new RangeError('there is nothing to join');
  if (parts.length === 1) return head;
  for (const part of parts) {
    if (part.shape.slice(1).join() !== head.shape.slice(1).join()) {
      if (part.kind === 'images' && head.kind === 'images')
        throw new ValueError(
          `images of ${sizeOf(head)} and of ${sizeOf(part)} (height×width×channels) cannot be one set`,
          'set resize and crop in the dataset, so that all images have one size',
        );
      throw new RangeError(
        `shards of shape [${head.shape.join(', ')}] and [${part.shape.join(', ')}] cannot be joined`,
      );
    }
    if (part.kind === 'images' && head.kind === 'images' && part.views !== head.views) {
      throw new RangeError(`shards with ${head.views} and ${part.views} views cannot be joined`);
    }
  }
  if (head.kind === 'preparation') return joinPreparations(parts as readonly Preparation[]) as PerImage as V;
  return joinLabelled(parts as readonly (Images | Predictions)[]) as PerImage as V;
}

function sizeOf({ shape }: Images): string {
  return shape.slice(1).join('×');
}

/** Joins what images and predictions share. Throws `RangeError` for an empty list. */
export function concatLabels(parts: readonly ImageLabels[]): ImageLabels {
  const head = parts[0];
  if (head === undefined) throw new RangeError('there is nothing to join');
  const perturbations = parts.map((part) => part.perturbation).filter((part) => part !== undefined);
  return {
    labels: concatArrays(parts.map((part) => part.labels)),
    ids: concatArrays(parts.map((part) => part.ids)),
    classes: head.classes,
    ...(perturbations.length === parts.length && { perturbation: concatPerturbations(perturbations) }),
  };
}

function joinLabelled(parts: readonly (Images | Predictions)[]): Images | Predictions {
  const head = parts[0]!;
  const { perturbation: _dropped, ...rest } = head;
  const common = { ...rest, ...concatLabels(parts) };
  const rows = parts.reduce((sum, part) => sum + part.shape[0], 0);
  if (head.kind === 'images') {
    const pixels = (parts as readonly Images[]).map((part) => part.pixels);
    const joined = pixels.every((part) => part instanceof Uint8Array)
      ? concatArrays(pixels)
      : concatArrays(pixels.map(toFloats));
    return { ...common, pixels: joined, shape: [rows, ...head.shape.slice(1)] } as unknown as Images;
  }
  const probabilities = concatArrays((parts as readonly Predictions[]).map((part) => part.probabilities));
  return { ...common, probabilities, shape: [rows, head.shape[1]] } as unknown as Predictions;
}

/** Returns pixels as float32 in [0, 1]: bytes become value / 255, floats are returned unchanged. */
export function toFloats(pixels: Float32Array | Uint8Array): Float32Array {
  if (pixels instanceof Float32Array) return pixels;
  const floats = new Float32Array(pixels.length);
  for (let index = 0; index < pixels.length; index++) floats[index] = pixels[index]! / 255;
  return floats;
}

function cutPreparation(
  { displacement, shape, initial, states, flat, target, ids }: Preparation,
  first: number,
  end: number,
): Omit<Preparation, 'kind'> {
  const [, ...extents] = shape;
  const size = elementCount(extents);
  return {
    displacement: displacement.subarray(first * size, end * size),
    shape: [end - first, ...extents],
    initial: initial.subarray(first, end),
    states: states.subarray(first, end),
    flat: flat.subarray(first, end),
    ...(target && { target: target.subarray(first, end) }),
    ids: ids.subarray(first, end),
  };
}

function joinPreparations(parts: readonly Preparation[]): Preparation {
  const [, ...extents] = parts[0]!.shape;
  const targets = parts.map(({ target }) => target);
  return {
    kind: 'preparation',
    displacement: concatArrays(parts.map(({ displacement }) => displacement)),
    shape: [parts.reduce((sum, { ids }) => sum + ids.length, 0), ...extents],
    initial: concatArrays(parts.map(({ initial }) => initial)),
    states: concatArrays(parts.map(({ states }) => states)),
    flat: concatArrays(parts.map(({ flat }) => flat)),
    ...(isWhole(targets) && { target: concatArrays(targets) }),
    ids: concatArrays(parts.map(({ ids }) => ids)),
  };
}

function cutPerturbation(
  { l2, linf, l1, l0, dissimilarity, initial, target, rounded, members, trace }: Perturbation,
  first: number,
  end: number,
): Perturbation {
  return {
    ...(rounded && { rounded }),
    l2: l2.subarray(first, end),
    linf: linf.subarray(first, end),
    ...(l1 && { l1: l1.subarray(first, end) }),
    ...(l0 && { l0: l0.subarray(first, end) }),
    dissimilarity: dissimilarity.subarray(first, end),
    initial: initial.subarray(first, end),
    ...(target && { target: target.subarray(first, end) }),
    ...(members && {
      members: {
        names: members.names,
        by: members.by.subarray(first, end),
        rightShare: members.rightShare.subarray(first, end),
      },
    }),
    ...(trace && { trace: cutTrace(trace, first, end) }),
  };
}

/** The outcomes of all parts; none if the parts were not attacked by the same attacks. */
function concatMembers(parts: readonly Perturbation[]): MemberOutcomes | null {
  const all = parts.map(({ members }) => members).filter((members) => members !== undefined);
  const names = all[0]?.names;
  if (names === undefined || all.length < parts.length) return null;
  if (all.some((members) => members.names.join() !== names.join())) return null;
  return {
    names,
    by: concatArrays(all.map(({ by }) => by)),
    rightShare: concatArrays(all.map(({ rightShare }) => rightShare)),
  };
}

function isWhole<A>(parts: readonly (A | undefined)[]): parts is readonly A[] {
  return parts.every((part) => part !== undefined);
}

function concatPerturbations(parts: readonly Perturbation[]): Perturbation {
  const [l1, l0] = [parts.map((part) => part.l1), parts.map((part) => part.l0)];
  const targets = parts.map(({ target }) => target);
  const members = concatMembers(parts);
  const trace = joinTraces(parts.map((part) => part.trace));
  return {
    l2: concatArrays(parts.map((part) => part.l2)),
    linf: concatArrays(parts.map((part) => part.linf)),
    ...(isWhole(l1) && { l1: concatArrays(l1) }),
    ...(isWhole(l0) && { l0: concatArrays(l0) }),
    dissimilarity: concatArrays(parts.map((part) => part.dissimilarity)),
    initial: concatArrays(parts.map((part) => part.initial)),
    ...(isWhole(targets) && { target: concatArrays(targets) }),
    ...(parts.every(({ rounded }) => rounded) && { rounded: true }),
    ...(members && { members }),
    ...(trace && { trace }),
  };
}
