import { areFinite, nameOfType } from './array-problems.ts';
import { elementCount } from './element-count.ts';
import {
  ensure,
  isNatural,
  isNumbers,
  isRecord,
  verifyJson,
  type Fields,
  type Origin,
} from './verify-parts.ts';

/** Throws `ValueError` unless a model is a network with weights that are finite and have their shapes, or a program. */
export function verifyModel(fields: Fields, origin: Origin): void {
  if ('program' in fields) verifyProgramModel(fields, origin);
  else verifyNetworkModel(fields, origin);
}

function verifyProgramModel({ program, inputShape, classes }: Fields, origin: Origin): void {
  ensure(
    isRecord(program) && program['language'] === 'python' && isRecord(program['identity']),
    `${origin} has no program`,
    "give program: { language: 'python', module, make, … }, as model/python does",
  );
  verifyJson(program, 'program', origin);
  ensure(
    Array.isArray(inputShape) && inputShape.length === 3 && inputShape.every(isNatural) && isNatural(classes),
    `${origin} does not say what images and classes it has`,
    'give inputShape: [height, width, channels] and classes',
  );
}

function verifyNetworkModel({ network, weights, preprocessing }: Fields, origin: Origin): void {
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
      Array.isArray(shape) && shape.every(isNatural) && elementCount(shape) === data.length,
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
