/**
 * Converts a program of torch.export to one of our networks, so that it runs on every backend and can be attacked, trained and
 * cached like any other. It reads the operations of image classifiers as torch.export writes them, before they are decomposed; an
 * error names any other. A softmax at the end is left out, since attacks and predictions need logits.
 */
import { logitsOutput } from '../imported/logits-output.ts';
import type { NetworkModel } from '../../values/model.ts';
import { withoutDeadNodes, withoutNormalisation } from '../imported/finish.ts';
import { checkModel } from '../network.ts';
import { folded } from './constants.ts';
import {
  activationOf,
  booleanOf,
  floatOf,
  inEvaluation,
  integerOf,
  integersOf,
  openBatch,
  otherwise,
  push,
  unsupported,
} from './context.ts';
import type { Context, Conversion } from './context.ts';
import { damaged, TorchExportError } from './errors.ts';
import { firstInput, sharing } from './in-place.ts';
import { broadcastTo, laidOut } from './layout.ts';
import { arithmetic, batchNorm, unary } from './pointwise.ts';
import { addedProduct, attention, groupNorm, layerNorm, linear, matmul, softmaxOver } from './products.ts';
import type { ExportedProgram, ExportNode } from './program.ts';
import * as shapes from './shapes.ts';
import { activation, shown } from './values.ts';
import type { Activation, Value } from './values.ts';
import { adaptivePooling, convolution, mean, pooling } from './windows.ts';

export interface TorchExportOptions {
  /** For display. */
  readonly architecture: string;
  /** Name of the output with the logits, if the program has several. */
  readonly output?: string;
  /** Size of the file, in bytes. */
  readonly bytes: number;
}

type Convert = (conversion: Conversion, name: string) => Activation | readonly Activation[];

/** By the names of operations after `aten.`, without the underscore of those in place. */
const conversions: Readonly<Record<string, Convert>> = {
  conv2d: convolution,
  convolution,
  batch_norm: batchNorm,
  linear,
  addmm: addedProduct,
  matmul,
  bmm: matmul,
  mm: matmul,
  scaled_dot_product_attention: attention,
  layer_norm: (conversion) => layerNorm(conversion, integersOf(conversion, 'normalized_shape')),
  group_norm: (conversion) => groupNorm(conversion, integerOf(conversion, 'num_groups')),
  softmax: (conversion) => softmaxOf(conversion),
  _softmax: (conversion) => softmaxOf(conversion),
  relu: unary,
  relu6: unary,
  hardtanh: unary,
  clamp: unary,
  clamp_min: unary,
  leaky_relu: unary,
  gelu: unary,
  silu: unary,
  sigmoid: unary,
  tanh: unary,
  neg: unary,
  reciprocal: unary,
  hardswish: unary,
  hardsigmoid: unary,
  add: arithmetic,
  sub: arithmetic,
  rsub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  max_pool2d: pooling,
  avg_pool2d: pooling,
  adaptive_avg_pool2d: adaptivePooling,
  mean,
  view: (conversion) => shapes.reshape(conversion, 'size'),
  _unsafe_view: (conversion) => shapes.reshape(conversion, 'size'),
  reshape: (conversion) => shapes.reshape(conversion, 'shape'),
  flatten: shapes.flatten,
  unflatten: shapes.unflatten,
  permute: shapes.permute,
  transpose: shapes.transpose,
  unsqueeze: shapes.unsqueeze,
  squeeze: shapes.squeeze,
  slice: shapes.slice,
  select: shapes.select,
  unbind: shapes.parts,
  split: shapes.parts,
  split_with_sizes: shapes.parts,
  chunk: shapes.parts,
  cat: shapes.concatenate,
  expand: (conversion) => {
    const input = activationOf(conversion, 'self');
    return broadcastTo(conversion, input, shapes.expandedExtents(conversion, input.dims));
  },
  dropout: (conversion) => dropout(conversion),
  feature_dropout: (conversion) => dropout(conversion),
};

/** Operations that change no number: what they give is what they take. */
const copies = new Set([
  'alias',
  'detach',
  'contiguous',
  'clone',
  'to',
  'lift_fresh_copy',
  'identity',
  '_to_copy',
]);

/** The operations that are converted, for messages and documentation. */
export const supportedOperations = [...Object.keys(conversions)].sort();

/** A model, its preprocessing that which the program begins with. Throws `TorchExportError` or `NetworkError`. */
export function convertTorchExport(
  program: ExportedProgram,
  { architecture, output: wanted, bytes }: TorchExportOptions,
): NetworkModel {
  const inputShape = imageShape(program.input);
  const last = logitsOf(program, wanted);
  const needed = nodesBefore(program, last);
  const context: Context = {
    batch: program.input.sizes[0] ?? null,
    values: new Map<string, Value>(),
    nodes: [],
    weights: {},
    shapes: new Map([['input', inputShape]]),
    parameters: program.parameters,
    names: new Map(),
    budget: 2 * bytes + 2 ** 20,
  };
  for (const [name, { shape, floats }] of program.tensors) {
    let known: Float32Array | undefined;
    context.values.set(name, { kind: 'constant', shape, floats: () => (known ??= floats()) });
  }
  context.values.set(program.input.name, activation('input', inputShape, [2, 0, 1]));
  const lastRead = readings(needed);
  const shared = sharing(lastRead);
  for (const [at, node] of needed.entries()) {
    const name = nameOf(node);
    const values = convertNode({ node, context }, name.replace(/_$/, ''));
    for (const [which, output] of node.outputs.entries()) {
      if (output !== '' && context.values.has(output)) throw damaged(`two nodes give '${output}'`);
      const value = values[which];
      if (output !== '' && value !== undefined) context.values.set(output, value);
    }
    const changed = firstInput(node);
    if (name.endsWith('_') && changed !== undefined && changesNumbers(name)) {
      shared.check(node, changed, at);
      if (values[0] !== undefined) context.values.set(changed, values[0]);
    }
    shared.add(node, name);
  }
  const logits = logitsIn(context, last);
  const { nodes, weights } = withoutDeadNodes(context.nodes, logits, context.weights);
  const classes = context.shapes.get(logits)![0]!;
  const whole = { architecture, inputShape, nodes, output: logits, classes };
  const model: NetworkModel = { kind: 'model', ...withoutNormalisation(whole, weights) };
  checkModel(model);
  return model;
}

/** The name of an operation after `aten.`: `relu_` of `aten.relu_.default`; empty for others. */
function nameOf({ target }: ExportNode): string {
  return /^aten\.(\w+)\.\w+$/.exec(target)?.[1] ?? '';
}

function changesNumbers(name: string): boolean {
  return !['detach_', 'dropout_', 'alpha_dropout_', 'feature_dropout_'].includes(name);
}

function convertNode(conversion: Conversion, name: string): readonly Value[] {
  const { node } = conversion;
  if (node.target.startsWith('aten.sym_size') || node.target === 'aten.sym_size.int')
    return [extentOf(conversion)];
  if (
    node.target.startsWith('aten._assert') ||
    node.target === '_operator.ge' ||
    node.target === '_operator.le'
  )
    return [];
  const first = firstInput(node);
  const value = first === undefined ? undefined : conversion.context.values.get(first);
  if (copies.has(name)) {
    if (value === undefined) throw unsupported(node, 'no input');
    refuseWholeNumbers(conversion);
    return [value];
  }
  const readsImages = [...node.inputs.values()].some((argument) => {
    const names =
      argument.kind === 'tensor' ? [argument.name] : argument.kind === 'tensors' ? argument.names : [];
    return names.some((own) => own !== null && conversion.context.values.get(own)?.kind === 'activation');
  });
  if (!readsImages && value?.kind === 'constant') {
    const known = folded(conversion, name, value);
    if (known !== undefined) return [known];
  }
  const convert = Object.hasOwn(conversions, name) ? conversions[name] : undefined;
  if (convert === undefined) throw unknown(node);
  const result = convert(conversion, name);
  return 'kind' in result ? [result] : result;
}

/** A conversion to whole numbers would lose the gradient, and is not what `to` is for in a network of images. */
function refuseWholeNumbers({ node }: Conversion): void {
  const type = node.inputs.get('dtype');
  if (type?.kind === 'integers' && type.values.some((value) => ![5, 6, 7, 8, 13].includes(Number(value))))
    throw unsupported(node, 'a conversion to whole numbers');
}

function unknown({ label, target, module }: ExportNode): TorchExportError {
  const place = module === '' ? '' : ` in the module '${module}'`;
  return new TorchExportError(
    'not-supported',
    `node '${label}'${place} has the operation ${target.slice(0, 100)}, which is not supported; supported: ${supportedOperations.join(', ')}`,
    otherwise,
  );
}

/** aten.sym_size: the number of images, which is the only extent that may be open. */
function extentOf(conversion: Conversion): Value {
  const input = activationOf(conversion, 'self');
  const extent = input.dims.at(integerOf(conversion, 'dim'));
  if (extent === 'batch') return { kind: 'batch' };
  throw unsupported(conversion.node, 'an extent that is not that of the images', openBatch);
}

function dropout(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const input = activationOf(conversion, 'input');
  if (booleanOf(conversion, 'train', false)) throw unsupported(node, 'training', inEvaluation);
  const rate = floatOf(conversion, 'p', 0.5);
  // At inference it is nothing, and a training draws it.
  if (!(rate > 0 && rate < 1)) return input;
  return { ...input, node: push(context, node.label, { op: 'dropout', inputs: [input.node], rate }) };
}

function softmaxOf(conversion: Conversion): Activation {
  const input = activationOf(conversion, 'self');
  const dim = integerOf(conversion, 'dim');
  const own = dim < 0 ? dim + input.dims.length : dim;
  if (input.dims[own] === undefined || input.axes[own] === 'batch')
    throw unsupported(conversion.node, `the dimension ${dim}`);
  return softmaxOver(conversion, input, own);
}

function imageShape({
  name,
  sizes,
}: ExportedProgram['input']): readonly [height: number, width: number, channels: number] {
  const [, channels, height, width] = sizes;
  const all = [height, width, channels];
  if (sizes.length === 4 && all.every((extent) => typeof extent === 'number' && extent <= 65_536))
    return all as [number, number, number];
  throw new TorchExportError(
    'not-supported',
    `the input '${name}' is ${shown(sizes.map((extent, at) => extent ?? (at === 0 ? 'batch' : 'open')))}, but must be images [batch, channels, height, width] of one size`,
    openBatch,
  );
}

const logitsOf = (program: ExportedProgram, wanted: string | undefined): string =>
  logitsOutput(program, wanted, {
    called: 'program',
    withoutOutput: () => damaged('it has no output'),
    notSupported: (message, fix) => new TorchExportError('not-supported', message, fix),
    inputBefore: (node) => {
      const unchanging = ['softmax', '_softmax', 'log_softmax', '_log_softmax', 'alias', 'clone'];
      if (!unchanging.includes(nameOf(node))) return null;
      const dim = node.inputs.get('dim');
      if (dim?.kind === 'integers' && ![1, -1].includes(Number(dim.values[0]))) return null;
      return firstInput(node) ?? '';
    },
  });

/** The nodes that a value depends on, and those that change one of these in place, in their order. */
function nodesBefore({ nodes }: ExportedProgram, value: string): readonly ExportNode[] {
  const needed = new Set([value]);
  const kept = [...nodes].reverse().filter((node) => {
    const changed = nameOf(node).endsWith('_') ? firstInput(node) : undefined;
    const isNeeded = node.outputs.some((name) => name !== '' && needed.has(name));
    if (!isNeeded && (changed === undefined || !needed.has(changed))) return false;
    for (const name of namesIn(node)) needed.add(name);
    return true;
  });
  return kept.reverse();
}

/** Names of the values that a node reads. */
function* namesIn({ inputs }: ExportNode): Generator<string> {
  for (const argument of inputs.values()) {
    if (argument.kind === 'tensor') yield argument.name;
    else if (argument.kind === 'tensors') yield* argument.names.filter((name) => name !== null);
    else if (argument.kind === 'integers')
      for (const value of argument.values) if (typeof value === 'string') yield value;
  }
}

function readings(nodes: readonly ExportNode[]): Map<string, number> {
  const last = new Map<string, number>();
  for (const [at, node] of nodes.entries()) for (const name of namesIn(node)) last.set(name, at);
  return last;
}

function logitsIn(context: Context, name: string): string {
  const value = context.values.get(name);
  const node: ExportNode = { label: name, target: 'output', inputs: new Map(), outputs: [], module: '' };
  if (value?.kind !== 'activation')
    throw new TorchExportError(
      'not-supported',
      `the output '${name}' does not depend on the images`,
      otherwise,
    );
  const extents = value.dims.filter((extent) => extent !== 'batch');
  if (value.axes[0] !== 'batch' || extents.filter((extent) => extent !== 1).length > 1)
    throw new TorchExportError(
      'not-supported',
      `the output '${name}' is ${shown(value.dims)}, but must be [batch, classes]: one logit for each class`,
      'export the whole classifier, not only its features',
    );
  const classes = extents.find((extent) => extent !== 1) ?? 1;
  const logits = laidOut({ node, context }, value, undefined, [classes]);
  if (logits === 'input')
    throw new TorchExportError('not-supported', `the output '${name}' is the input`, otherwise);
  return logits;
}
