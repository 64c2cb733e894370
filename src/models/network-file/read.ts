/** Reads network files: JSON that follows the schema, and graphs that can be computed. */
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { elementCount } from '../../values/element-count.ts';
import type { Network, NetworkNode, Preprocessing } from '../../values/model.ts';
import { nearest } from '../../values/nearest.ts';
import { isInside } from '../inside-folder.ts';
import { NetworkError, networkShapes } from '../network.ts';
import { frameSchema, networkFormat, networkVersion, nodeSchemas } from './schema.ts';

export interface NetworkFile {
  readonly network: Network;
  readonly preprocessing: Preprocessing;
  readonly weights: {
    /** Relative to the folder of the network file, and inside of it. */
    readonly file: string;
    readonly layout: 'ravelin' | 'torch';
  };
}

/** A network file is not what it must be. The message says what is wrong, but not in which file. */
export class NetworkFileError extends Error {
  override readonly name = 'NetworkFileError';
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

const seeFormat = "see 'Network files' in the documentation of own models";

/** Values of the output of one node for one image: 1 GiB of them. */
const mostActivation = 2 ** 28;

/**
 * The network that the value of a JSON file describes. Throws `NetworkFileError` if a field is missing, unknown or
 * of another kind, and `NetworkError` if the nodes do not fit together.
 */
export function readNetworkFile(value: unknown): NetworkFile {
  checkFormat(value);
  checkFields(value, frameSchema, '');
  const { architecture, inputShape, classes, preprocessing, weights, output, nodes } = value as Network & {
    readonly preprocessing: Preprocessing;
    readonly weights: NetworkFile['weights'];
  };
  nodes.forEach(checkNode);
  for (const part of ['mean', 'std'] as const) {
    const count = preprocessing[part].length;
    if (count !== inputShape[2])
      throw new NetworkFileError(
        `'preprocessing.${part}' has ${count} numbers for ${inputShape[2]} channels`,
        'give one number for each channel',
      );
  }
  if (!isInside(weights.file))
    throw new NetworkFileError(
      `'weights.file' is '${weights.file}', which is not a file in the folder of the network file`,
      'put the weights beside it, and give their name',
    );
  const network: Network = { architecture, inputShape, nodes, output, classes };
  for (const [name, shape] of networkShapes(network))
    if (elementCount(shape) > mostActivation)
      throw new NetworkError(
        `'${name}' would give [${shape.join(', ')}] for one image, more than the ${mostActivation} values that are allowed`,
      );
  return { network, preprocessing, weights };
}

function checkFormat(value: unknown): void {
  if (!isRecord(value) || value['format'] !== networkFormat)
    throw new NetworkFileError(
      `the file is not a network file: it has no "format": "${networkFormat}" at its top`,
      seeFormat,
    );
  const { version } = value;
  if (version !== networkVersion)
    throw new NetworkFileError(
      `'version' is ${shown(version)}, and this ravelin reads version ${networkVersion}`,
      typeof version === 'number' && version > networkVersion ? 'update ravelin' : seeFormat,
    );
}

function checkNode(value: unknown, index: number): void {
  const where = `nodes[${index}]`;
  if (!isRecord(value))
    throw new NetworkFileError(`'${where}' is ${shown(value)}, but must be an object`, seeFormat);
  const { op } = value;
  const schema = typeof op === 'string' ? nodeSchemas.get(op) : undefined;
  if (schema === undefined) {
    const near = typeof op === 'string' ? nearest(op, [...nodeSchemas.keys()]) : undefined;
    throw new NetworkFileError(
      `'${where}.op' is ${shown(op)}, which is not an operation${near === undefined ? '' : `; did you mean '${near}'?`}`,
      `use one of ${[...nodeSchemas.keys()].join(', ')}`,
    );
  }
  checkFields(value, schema, where);
}

function checkFields(value: unknown, schema: TSchema, where: string): void {
  const error = Value.Errors(schema, value).First();
  if (error === undefined) return;
  const keys = error.path.split('/').slice(1);
  const place = `${where}${keys.map((key) => (/^\d+$/.test(key) ? `[${key}]` : `.${key}`)).join('')}`.replace(/^\./, ''); // prettier-ignore
  const { says } = error.schema as { readonly says?: string };
  const message =
    error.value === undefined
      ? `'${place}' is missing`
      : says === undefined
        ? `'${place}' is not a field of ${where === '' ? 'a network file' : `the operation '${(value as NetworkNode).op}'`}`
        : `'${place}' is ${shown(error.value)}, but must be ${says}`;
  throw new NetworkFileError(message, seeFormat);
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
