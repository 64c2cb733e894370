/** The graph of a program of torch.export, with its types checked. */
import { readArchive } from './archive.ts';
import type { StoredTensor } from './archive.ts';
import { damaged, TorchExportError } from './errors.ts';
import { list, part, record, text, union } from './json.ts';
import type { JsonRecord } from './json.ts';

/** An argument of a node: a constant, or names of values that others give. */
export type Argument =
  | { readonly kind: 'none' }
  | { readonly kind: 'tensor'; readonly name: string }
  | { readonly kind: 'tensors'; readonly names: readonly (string | null)[] }
  /** Numbers, of which some are names of numbers that depend on the number of images. */
  | { readonly kind: 'integers'; readonly values: readonly (number | string)[]; readonly isList: boolean }
  | { readonly kind: 'floats'; readonly values: readonly number[]; readonly isList: boolean }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'other'; readonly name: string };

export interface ExportNode {
  /** Its name, or that of its first output. */
  readonly label: string;
  /** The operation without `torch.ops.`: `aten.conv2d.default`. */
  readonly target: string;
  readonly inputs: ReadonlyMap<string, Argument>;
  /** Names of the results. */
  readonly outputs: readonly string[];
  /** The module that the node came from, as the file says; empty if it does not. */
  readonly module: string;
}

export interface ExportedProgram {
  readonly nodes: readonly ExportNode[];
  /** Weights and constants by the names that nodes have for them. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of parameters in PyTorch's `state_dict`, by the names that nodes have for them. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The input that takes the images, with null for an extent that is open. */
  readonly input: { readonly name: string; readonly sizes: readonly (number | null)[] };
  readonly outputs: readonly string[];
}

/** Reads a file of `torch.export.save`. Throws `TorchExportError`. */
export function readProgram(bytes: Uint8Array): ExportedProgram {
  const { program, weights, constants } = readArchive(bytes);
  const module = record(part(program, 'graph_module'), 'its graph_module');
  const graph = record(part(module, 'graph'), 'its graph');
  const signature = record(part(module, 'signature'), 'its signature');
  const tensors = new Map<string, StoredTensor>();
  const parameters = new Map<string, string>();
  const images: string[] = [];
  for (const spec of list(part(signature, 'input_specs'), 'its list of inputs')) {
    const [kind = '', content] = union(spec) ?? [];
    if (kind === 'user_input') {
      images.push(inputName(content));
      continue;
    }
    const [field, from] = tensorKinds[kind] ?? [];
    if (field === undefined || from === undefined)
      throw new TorchExportError(
        'not-supported',
        `the program takes an input of the kind ${kind.slice(0, 40)}`,
        'export a network that takes images and nothing else',
      );
    const own = record(content, 'an input');
    const stored = text(part(own, field), 'the name of a tensor');
    const name = text(part(record(part(own, 'arg'), 'an input'), 'name'), 'the name of an input');
    // Buffers outside of the state lie among the constants.
    const tensor = (from === 'weights' ? weights.get(stored) : undefined) ?? constants.get(stored);
    if (tensor === undefined) throw damaged(`it lacks the tensor '${stored}'`);
    tensors.set(name, tensor);
    if (kind === 'parameter') parameters.set(name, stored);
  }
  const [first] = images;
  if (first === undefined || images.length > 1)
    throw new TorchExportError(
      'not-supported',
      `the program takes ${images.length} inputs${images.length > 0 ? ` (${images.slice(0, 8).join(', ')})` : ''}, but must take one: the images`,
      'export a network that takes images and nothing else',
    );
  const outputs = list(part(signature, 'output_specs'), 'its list of outputs').flatMap((spec) => {
    const [kind, content] = union(spec) ?? [];
    return kind === 'user_output' ? [inputName(content)] : [];
  });
  return {
    nodes: list(part(graph, 'nodes'), 'its list of nodes').map(nodeOf),
    tensors,
    parameters,
    input: { name: first, sizes: sizesOf(graph, first) },
    outputs,
  };
}

const tensorKinds: Readonly<Record<string, readonly [field: string, from: 'weights' | 'constants']>> = {
  parameter: ['parameter_name', 'weights'],
  buffer: ['buffer_name', 'weights'],
  tensor_constant: ['tensor_constant_name', 'constants'],
};

function inputName(content: unknown): string {
  const argument = argumentOf(part(record(content, 'an input or output'), 'arg'));
  if (argument.kind === 'tensor') return argument.name;
  throw new TorchExportError(
    'not-supported',
    'the program takes or gives something that is not a tensor',
    'export a network that takes images and gives logits',
  );
}

function sizesOf(graph: JsonRecord, name: string): readonly (number | null)[] {
  const known = part(record(part(graph, 'tensor_values'), 'its list of values'), name);
  const meta = record(known, `the description of '${name}'`);
  if (part(meta, 'dtype') !== 7)
    throw new TorchExportError(
      'not-supported',
      `the input '${name}' is not of float32`,
      'export a network that takes float32 images',
    );
  return list(part(meta, 'sizes'), `the shape of '${name}'`).map((size) => {
    const [kind, content] = union(size) ?? [];
    if (kind === 'as_int' && Number.isSafeInteger(content) && (content as number) > 0)
      return content as number;
    if (kind === 'as_expr') return null;
    throw damaged(`the shape of '${name}' is not one`);
  });
}

function nodeOf(value: unknown): ExportNode {
  const node = record(value, 'a node');
  const target = text(part(node, 'target'), 'the operation of a node').replace(/^torch\.ops\./, '');
  const inputs = new Map<string, Argument>();
  for (const item of list(part(node, 'inputs'), 'the inputs of a node')) {
    const input = record(item, 'an input of a node');
    inputs.set(text(part(input, 'name'), 'the name of an input'), argumentOf(part(input, 'arg')));
  }
  const outputs = list(part(node, 'outputs'), 'the outputs of a node').flatMap((output) => {
    const argument = argumentOf(output);
    if (argument.kind === 'tensor') return [argument.name];
    if (argument.kind === 'tensors') return argument.names.map((name) => name ?? '');
    return argument.kind === 'integers' ? argument.values.map(String) : [''];
  });
  const name = part(node, 'name');
  const metadata = part(node, 'metadata');
  const stack = metadata === undefined ? undefined : part(record(metadata, 'what is said of a node'), 'nn_module_stack'); // prettier-ignore
  return {
    label: typeof name === 'string' ? name : (outputs[0] ?? target),
    target,
    inputs,
    outputs,
    module: typeof stack === 'string' ? moduleOf(stack) : '',
  };
}

/** The innermost module of a stack like `L__self__,,Net;L__self___layer1,layer1,Sequential`. */
function moduleOf(stack: string): string {
  return (stack.slice(stack.lastIndexOf(';') + 1).split(',')[1] ?? '').slice(0, 200);
}

function argumentOf(value: unknown): Argument {
  const [kind, content] = union(value) ?? [];
  const tensor = (own: unknown): string =>
    text(part(record(own, 'a tensor'), 'name'), 'the name of a tensor');
  const optional = (own: unknown): string | null => {
    const [which, inner] = union(own) ?? [];
    return which === 'as_tensor' ? tensor(inner) : null;
  };
  switch (kind) {
    case 'as_none':
      return { kind: 'none' };
    case 'as_tensor':
      return { kind: 'tensor', name: tensor(content) };
    case 'as_optional_tensor': {
      const name = optional(content);
      return name === null ? { kind: 'none' } : { kind: 'tensor', name };
    }
    case 'as_tensors':
      return { kind: 'tensors', names: list(content, 'a list of tensors').map(tensor) };
    case 'as_optional_tensors':
      return { kind: 'tensors', names: list(content, 'a list of tensors').map(optional) };
    case 'as_int':
    case 'as_sym_int':
      return { kind: 'integers', values: [integer(content)], isList: false };
    case 'as_ints':
    case 'as_sym_ints':
      return { kind: 'integers', values: list(content, 'a list of numbers').map(integer), isList: true };
    case 'as_float':
      return { kind: 'floats', values: [float(content)], isList: false };
    case 'as_floats':
      return { kind: 'floats', values: list(content, 'a list of numbers').map(float), isList: true };
    case 'as_bool':
      return { kind: 'boolean', value: content === true };
    case 'as_string':
      return { kind: 'text', value: text(content, 'a text') };
    default:
      return { kind: 'other', name: (kind ?? 'unknown').slice(0, 40) };
  }
}

/** A number, or the name of one that depends on the number of images. */
function integer(value: unknown): number | string {
  // The largest 64-bit integer stands for "to the end" and is rounded here.
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  const [kind, content] = union(value) ?? [];
  if (kind === 'as_int' && typeof content === 'number' && Number.isInteger(content)) return content;
  if (kind === 'as_name' && typeof content === 'string') return content;
  throw damaged('a number is not one');
}

function float(value: unknown): number {
  if (typeof value === 'number') return value;
  const named: Readonly<Record<string, number>> = { Infinity, '-Infinity': -Infinity, NaN };
  const known = typeof value === 'string' && Object.hasOwn(named, value) ? named[value] : undefined;
  if (known !== undefined) return known;
  throw damaged('a number is not one');
}
