/** Opens files that hold a model, or the weights of one, for commands that look at them without a pipeline. */
import { extname } from 'node:path';
import { zoo } from '../models/architectures/zoo.ts';
import { readNetworkFile } from '../models/network-file/read.ts';
import { networkFileValue } from '../models/network-file/write.ts';
import { checkModel } from '../models/network.ts';
import { readWeightFile } from '../models/weights/read.ts';
import { recognizeArchitecture } from '../models/weights/recognize.ts';
import { StageError } from '../runtime/stage.ts';
import { readJson, readWhole } from '../stages/dataset/shared/files.ts';
import { buildNetworkModel } from '../stages/model/shared/build-network.ts';
import { buildOnnxModel } from '../stages/model/shared/build-onnx.ts';
import { buildTfjsModel } from '../stages/model/shared/build-tfjs.ts';
import { buildTorchExportModel } from '../stages/model/shared/build-torch-export.ts';
import { publishedDefaults } from '../stages/model/published.ts';
import { loadWeights } from '../stages/model/shared/weight-file.ts';
import { decodeValue } from '../values/codec.ts';
import { isNetworkModel, type Model, type NetworkModel } from '../values/model.ts';
import { readSafetensorsHeader, SafetensorsError } from '../values/safetensors.ts';
import { architectureNamed, buildArchitecture } from './architecture-options.ts';
import { UsageError } from './exit-codes.ts';

export interface ModelFileOptions {
  /** Needed for a file that holds weights alone, unless its tensors say it. */
  readonly architecture?: string;
  readonly classes?: number;
  /** Side of the images, if the file leaves it open. */
  readonly size?: number;
  /** Name of the output with the logits, if the file has several. */
  readonly output?: string;
}

type Opener = (path: string, options: ModelFileOptions) => Promise<NetworkModel>;

const assumed = new WeakSet<NetworkModel>();

/** Whether the normalisation of a model is the default of its architecture, because a file of weights has none. */
export const assumesNormalisation = (model: NetworkModel): boolean => assumed.has(model);

const unchanged = { mean: [0], std: [1] };

/** How files are opened, by the extension of their name; all others hold weights. */
const openers: Readonly<Record<string, Opener>> = {
  '.onnx': (path, { size, output }) =>
    buildOnnxModel(path, {
      channels: 'rgb',
      ...unchanged,
      ...(size !== undefined && { size }),
      ...(output !== undefined && { output }),
    }),
  '.pt2': (path, { output }) =>
    buildTorchExportModel(path, {
      channels: 'rgb',
      ...unchanged,
      ...(output !== undefined && { output }),
    }),
  '.json': (path, { size }) =>
    isTfjs(readJson(path))
      ? buildTfjsModel(path, { ...unchanged, ...(size !== undefined && { size }) })
      : buildNetworkModel(path, undefined),
};

/** The model of a file. Throws `StageError` or `WeightsError` if it cannot be read, and `UsageError` for options that do not fit it. */
export async function openModelFile(path: string, options: ModelFileOptions): Promise<NetworkModel> {
  const opener = openers[extname(path).toLowerCase()];
  if (opener === undefined) return openWeights(path, options);
  const { architecture, classes } = options;
  if (architecture !== undefined || classes !== undefined)
    throw new UsageError(
      `${path} already describes its network`,
      `leave --${architecture === undefined ? 'classes' : 'architecture'} out`,
    );
  return opener(path, options);
}

function isTfjs(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'modelTopology' in value;
}

/** A model that ravelin exported, or weights of an architecture that is named, or recognized by its tensors. */
async function openWeights(path: string, options: ModelFileOptions): Promise<NetworkModel> {
  const bytes = await readWhole(path);
  const exported = exportedModel(path, bytes);
  if (exported !== null) return exported;
  const file = readWeightFile(bytes);
  const recognized = recognizeArchitecture(file);
  const named = options.architecture ?? recognized?.name;
  if (named === undefined)
    throw new UsageError(
      `${path} contains only weights, and their names match no architecture of ravelin`,
      `'ravelin weights show ${path}' lists them; --architecture NAME says what does not fit. A network that ravelin does not have is read from ONNX (model/onnx), from torch.export (model/torch-export), as a network file (model/network), or runs in Python (model/python)`,
    );
  const name = architectureNamed(named);
  const { mean, std } = publishedDefaults(name);
  const classes = options.classes ?? (recognized?.name === name ? recognized.classes : undefined);
  const network = buildArchitecture(name, { classes, size: options.size });
  const fix = `'ravelin weights show ${path}' lists the tensors of the file`;
  const weights = await loadWeights(network, path, fix, zoo[name]);
  const model: NetworkModel = { kind: 'model', network, weights, preprocessing: { mean, std } };
  assumed.add(model);
  return model;
}

/** The model of a file that 'ravelin export' wrote; null for other files. Its graph is judged as that of a network file. */
function exportedModel(path: string, bytes: Uint8Array): NetworkModel | null {
  if (!isExported(bytes)) return null;
  const broken = (message: string): StageError =>
    new StageError(`${path}: ${message}`, { code: 'bad-data', file: path, fix: 'export the model again' });
  try {
    const model = decodeValue('model', bytes) as Model;
    if (!isNetworkModel(model)) throw broken('it is a program in Python, not a network');
    readNetworkFile(networkFileValue(model, 'weights.safetensors'));
    checkModel(model);
    return model;
  } catch (error) {
    if (error instanceof StageError) throw error;
    throw broken(error instanceof Error ? error.message : String(error));
  }
}

function isExported(bytes: Uint8Array): boolean {
  try {
    const { metadata } = readSafetensorsHeader(bytes, bytes.length);
    return metadata['kind'] === 'model' && (metadata['network'] ?? metadata['program']) !== undefined;
  } catch (error) {
    // Not every file of weights is safetensors, and the reader's error says what is wrong with the others.
    if (error instanceof SafetensorsError || error instanceof RangeError) return false;
    throw error;
  }
}
