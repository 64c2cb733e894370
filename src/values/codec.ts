import type { Figure } from './figure.ts';
import type { Images, Perturbation } from './images.ts';
import { canonicalJson, type Json } from './json.ts';
import type { Metrics } from './metrics.ts';
import {
  isNetworkModel,
  type Model,
  type Network,
  type Preprocessing,
  type Program,
  type ProgramModel,
  type WeightTensor,
} from './model.ts';
import {
  decodePatches,
  decodeTransform,
  encodePatches,
  encodeTransform,
  type PatchLibrary,
} from './patches-codec.ts';
import type { Predictions } from './predictions.ts';
import type { Preparation } from './preparation.ts';
import { decodeSafetensors, encodeSafetensors, SafetensorsError, type StoredTensor } from './safetensors.ts';
import { readTrace, traceEntries, traceTensors } from './trace-codec.ts';
import type { PortKind, Value } from './value.ts';

/**
 * Encodes a value as bytes: as safetensors if it holds tensors, otherwise as canonical JSON. Equal values
 * give equal bytes, so the digest of the bytes identifies the value. With a library, a recipe refers to its
 * patches by digest; without one, its bytes include them.
 */
export function encodeValue(value: Value, library?: Pick<PatchLibrary, 'keep'>): Uint8Array {
  switch (value.kind) {
    case 'images':
      return encodeImages(value);
    case 'model':
      return encodeModel(value);
    case 'predictions':
      return encodePredictions(value);
    case 'preparation':
      return encodePreparation(value);
    case 'figure':
      return encodeFigure(value);
    case 'patches':
      return encodePatches(value);
    case 'transform':
      return encodeTransform(value, library);
    case 'metrics':
      return Buffer.from(canonicalJson(value as unknown as Json), 'utf8');
  }
}

/**
 * Decodes what `encodeValue` made. Throws `SafetensorsError` or `SyntaxError` for any other bytes, and
 * whatever `library` throws.
 */
export function decodeValue(kind: PortKind, bytes: Uint8Array, library?: Pick<PatchLibrary, 'find'>): Value {
  switch (kind) {
    case 'images':
      return decodeImages(bytes);
    case 'model':
      return decodeModel(bytes);
    case 'predictions':
      return decodePredictions(bytes);
    case 'preparation':
      return decodePreparation(bytes);
    case 'figure':
      return decodeFigure(bytes);
    case 'patches':
      return decodePatches(bytes);
    case 'transform':
      return decodeTransform(bytes, library);
    case 'metrics':
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as Metrics;
  }
}

function encodeImages(images: Images): Uint8Array {
  const pixels: StoredTensor =
    images.pixels instanceof Uint8Array
      ? { dtype: 'U8', shape: images.shape, data: images.pixels }
      : { dtype: 'F32', shape: images.shape, data: images.pixels };
  return encodeSafetensors(
    { images: pixels, ...labelTensors(images) },
    {
      kind: 'images',
      views: String(images.views),
      classes: JSON.stringify(images.classes),
      ...perturbationEntries(images),
    },
  );
}

function decodeImages(bytes: Uint8Array): Images {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const pixels = tensors['images'];
  if (pixels === undefined || pixels.dtype === 'I32' || pixels.shape.length !== 4)
    throw new SafetensorsError("there is no F32 or U8 tensor 'images' of four axes");
  return {
    kind: 'images',
    pixels: pixels.data,
    shape: pixels.shape as Images['shape'],
    views: Number(metadata['views'] ?? 1),
    ...readLabels(tensors, metadata),
  };
}

function encodePredictions(predictions: Predictions): Uint8Array {
  return encodeSafetensors(
    {
      probabilities: { dtype: 'F32', shape: predictions.shape, data: predictions.probabilities },
      ...labelTensors(predictions),
    },
    {
      kind: 'predictions',
      classes: JSON.stringify(predictions.classes),
      ...perturbationEntries(predictions),
    },
  );
}

function decodePredictions(bytes: Uint8Array): Predictions {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { data, shape } = floats(tensors, 'probabilities');
  return {
    kind: 'predictions',
    probabilities: data,
    shape: shape as Predictions['shape'],
    ...readLabels(tensors, metadata),
  };
}

/** The format has no names for signed bytes here, so they are stored as the bytes that they are. */
function encodePreparation({
  displacement,
  shape,
  initial,
  states,
  flat,
  target,
  ids,
}: Preparation): Uint8Array {
  const count = [ids.length];
  const moves: StoredTensor =
    displacement instanceof Int8Array
      ? {
          dtype: 'U8',
          shape,
          data: new Uint8Array(displacement.buffer, displacement.byteOffset, displacement.length),
        }
      : { dtype: 'F32', shape, data: displacement };
  return encodeSafetensors(
    {
      displacement: moves,
      initial: { dtype: 'I32', shape: count, data: initial },
      states: { dtype: 'U8', shape: count, data: states },
      flat: { dtype: 'U8', shape: count, data: flat },
      ...(target && { target: { dtype: 'I32', shape: count, data: target } }),
      ids: { dtype: 'I32', shape: count, data: ids },
    },
    { kind: 'preparation' },
  );
}

function decodePreparation(bytes: Uint8Array): Preparation {
  const { tensors } = decodeSafetensors(bytes);
  const moves = tensors['displacement'];
  if (moves === undefined || moves.dtype === 'I32' || moves.shape.length !== 4)
    throw new SafetensorsError("there is no F32 or U8 tensor 'displacement' of four axes");
  const { data } = moves;
  return {
    kind: 'preparation',
    displacement:
      data instanceof Uint8Array ? new Int8Array(data.buffer, data.byteOffset, data.length) : data,
    shape: moves.shape as Preparation['shape'],
    initial: integers(tensors, 'initial'),
    states: octets(tensors, 'states'),
    flat: octets(tensors, 'flat'),
    ...(tensors['target'] && { target: integers(tensors, 'target') }),
    ids: integers(tensors, 'ids'),
  };
}

type Labelled = Pick<Images, 'labels' | 'ids' | 'classes' | 'perturbation'>;

function labelTensors({ labels, ids, perturbation }: Labelled): Record<string, StoredTensor> {
  const vector = (data: Int32Array): StoredTensor => ({ dtype: 'I32', shape: [data.length], data });
  const reals = (data: Float32Array): StoredTensor => ({ dtype: 'F32', shape: [data.length], data });
  return {
    labels: vector(labels),
    ids: vector(ids),
    ...(perturbation && {
      'perturbation.l2': reals(perturbation.l2),
      'perturbation.linf': reals(perturbation.linf),
      ...(perturbation.l1 && { 'perturbation.l1': reals(perturbation.l1) }),
      ...(perturbation.l0 && { 'perturbation.l0': reals(perturbation.l0) }),
      'perturbation.dissimilarity': reals(perturbation.dissimilarity),
      'perturbation.initial': vector(perturbation.initial),
      ...(perturbation.target && { 'perturbation.target': vector(perturbation.target) }),
      ...(perturbation.members && {
        'perturbation.members.by': vector(perturbation.members.by),
        'perturbation.members.rightShare': reals(perturbation.members.rightShare),
      }),
      ...traceTensors(perturbation.trace),
    }),
  };
}

/** The metadata of a perturbation; none without `rounded`, `members` and `trace`, so that other values keep their bytes. */
function perturbationEntries({ perturbation }: Labelled): Record<string, string> {
  const { rounded, members, trace } = perturbation ?? {};
  return {
    ...(rounded && { 'perturbation.rounded': 'true' }),
    ...(members && { 'perturbation.members.names': JSON.stringify(members.names) }),
    ...traceEntries(trace),
  };
}

function readLabels(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>>,
): Labelled {
  const trace = readTrace(tensors, metadata);
  const perturbation: Perturbation | undefined =
    tensors['perturbation.l2'] === undefined
      ? undefined
      : {
          l2: floats(tensors, 'perturbation.l2').data,
          linf: floats(tensors, 'perturbation.linf').data,
          ...(tensors['perturbation.l1'] && { l1: floats(tensors, 'perturbation.l1').data }),
          ...(tensors['perturbation.l0'] && { l0: floats(tensors, 'perturbation.l0').data }),
          dissimilarity: floats(tensors, 'perturbation.dissimilarity').data,
          initial: integers(tensors, 'perturbation.initial'),
          ...(tensors['perturbation.target'] && { target: integers(tensors, 'perturbation.target') }),
          ...(metadata['perturbation.rounded'] === 'true' && { rounded: true }),
          ...(tensors['perturbation.members.by'] && {
            members: {
              names: JSON.parse(metadata['perturbation.members.names'] ?? '[]') as readonly string[],
              by: integers(tensors, 'perturbation.members.by'),
              rightShare: floats(tensors, 'perturbation.members.rightShare').data,
            },
          }),
          ...(trace && { trace }),
        };
  return {
    labels: integers(tensors, 'labels'),
    ids: integers(tensors, 'ids'),
    classes: JSON.parse(metadata['classes'] ?? '[]') as readonly string[],
    ...(perturbation && { perturbation }),
  };
}

function encodeModel(model: Model): Uint8Array {
  if (!isNetworkModel(model)) {
    return encodeSafetensors(
      {},
      {
        kind: 'model',
        program: canonicalJson(model.program as unknown as Json),
        inputShape: canonicalJson([...model.inputShape]),
        classes: String(model.classes),
      },
    );
  }
  const weights = Object.fromEntries(
    Object.entries(model.weights).map(([name, { shape, data }]): [string, StoredTensor] => [
      name,
      { dtype: 'F32', shape, data },
    ]),
  );
  const json = (part: Network | Preprocessing) => canonicalJson(part as unknown as Json);
  return encodeSafetensors(weights, {
    kind: 'model',
    network: json(model.network),
    preprocessing: json(model.preprocessing),
  });
}

function decodeModel(bytes: Uint8Array): Model {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata['program'] !== undefined) {
    return {
      kind: 'model',
      program: JSON.parse(metadata['program']) as Program,
      inputShape: JSON.parse(metadata['inputShape'] ?? '[]') as ProgramModel['inputShape'],
      classes: Number(metadata['classes']),
    };
  }
  if (metadata['network'] === undefined || metadata['preprocessing'] === undefined) {
    throw new SafetensorsError('the metadata has no network: the file holds weights, not a model');
  }
  const weights: Record<string, WeightTensor> = {};
  for (const name of Object.keys(tensors)) weights[name] = floats(tensors, name);
  return {
    kind: 'model',
    network: JSON.parse(metadata['network']) as Network,
    weights,
    preprocessing: JSON.parse(metadata['preprocessing']) as Preprocessing,
  };
}

function encodeFigure(figure: Figure): Uint8Array {
  const files = Object.fromEntries(
    Object.entries(figure.files).map(([extension, data]): [string, StoredTensor] => [
      extension,
      { dtype: 'U8', shape: [data.length], data },
    ]),
  );
  return encodeSafetensors(files, { kind: 'figure', title: figure.title });
}

function decodeFigure(bytes: Uint8Array): Figure {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const files: Record<string, Uint8Array> = {};
  for (const [extension, tensor] of Object.entries(tensors)) {
    if (tensor.dtype === 'U8') files[extension] = tensor.data;
  }
  return { kind: 'figure', title: metadata['title'] ?? '', files };
}

function floats(
  tensors: Readonly<Record<string, StoredTensor>>,
  name: string,
): { shape: readonly number[]; data: Float32Array } {
  const tensor = tensors[name];
  if (tensor?.dtype !== 'F32') throw new SafetensorsError(`there is no float32 tensor '${name}'`);
  return { shape: tensor.shape, data: tensor.data };
}

function octets(tensors: Readonly<Record<string, StoredTensor>>, name: string): Uint8Array {
  const tensor = tensors[name];
  if (tensor?.dtype !== 'U8') throw new SafetensorsError(`there is no uint8 tensor '${name}'`);
  return tensor.data;
}

function integers(tensors: Readonly<Record<string, StoredTensor>>, name: string): Int32Array {
  const tensor = tensors[name];
  if (tensor?.dtype !== 'I32') throw new SafetensorsError(`there is no int32 tensor '${name}'`);
  return tensor.data;
}
