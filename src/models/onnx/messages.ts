/**
 * The messages of an ONNX file that a classifier needs (onnx.proto of ONNX 1.23, https://onnx.ai/onnx/repo-docs/IR.html).
 * Other fields are skipped. Text is UTF-8. No message holds itself here: graphs inside of nodes are not read.
 */
import { isZip } from '../weights/zip.ts';
import { damaged, OnnxError, tooLarge } from './errors.ts';
import { readTensor } from './tensor.ts';
import type { OnnxTensor } from './tensor.ts';
import { fieldsOf, floatsOf, integer, integersOf, message, pushNumber, text } from './wire.ts';

export interface OnnxModel {
  readonly producer: string;
  /** Version of the standard operations; 1 if the file does not say. */
  readonly opset: number;
  readonly graph: OnnxGraph;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValueInfo[];
  /** Names of the outputs. */
  readonly outputs: readonly string[];
}

export interface OnnxNode {
  /** May be empty. */
  readonly name: string;
  readonly op: string;
  /** Empty for the standard operations. */
  readonly domain: string;
  /** An input that is left out is empty. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

export interface OnnxAttribute {
  readonly float: number | undefined;
  readonly integer: number | undefined;
  readonly text: string | undefined;
  readonly tensor: OnnxTensor | undefined;
  readonly floats: readonly number[];
  readonly integers: readonly number[];
}

export interface OnnxValueInfo {
  readonly name: string;
  /** An extent is null if the file leaves it open; undefined if the value is not a tensor or has no shape. */
  readonly shape: readonly (number | null)[] | undefined;
}

const mostNodes = 50_000;

/** Decodes the message of an ONNX file. Throws `OnnxError` for bytes that are not an ONNX model. */
export function readOnnxModel(bytes: Uint8Array): OnnxModel {
  if (isZip(bytes))
    throw new OnnxError(
      'not-supported',
      'the file is a zip archive, not an ONNX model',
      'read a .pt2 file of torch.export with model/torch-export, and weights that torch.save wrote with the stage of their architecture',
    );
  let producer = '';
  let opset = 1;
  let graph: OnnxGraph | undefined;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 2) producer = text(field);
    else if (field.number === 7) graph = readGraph(message(field));
    else if (field.number === 8) {
      const { domain, version } = readOpset(message(field));
      if (isStandard(domain)) opset = version;
    }
  }
  if (graph === undefined) throw damaged('it holds no graph');
  return { producer, opset, graph };
}

/** Whether operations of this domain are those of the standard. */
export function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

function readOpset(bytes: Uint8Array): { readonly domain: string; readonly version: number } {
  let domain = '';
  let version = 1;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) domain = text(field);
    else if (field.number === 2) version = integer(field);
  }
  return { domain, version };
}

function readGraph(bytes: Uint8Array): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxTensor>();
  const inputs: OnnxValueInfo[] = [];
  const outputs: string[] = [];
  let count = 0;
  for (const field of fieldsOf(bytes)) {
    if (++count > 4 * mostNodes) throw tooLarge(`its graph has more than ${4 * mostNodes} parts`);
    switch (field.number) {
      case 1:
        nodes.push(readNode(message(field)));
        break;
      case 5: {
        const tensor = readTensor(message(field));
        initializers.set(tensor.name, tensor);
        break;
      }
      case 11:
        inputs.push(readValueInfo(message(field)));
        break;
      case 12:
        outputs.push(readValueInfo(message(field)).name);
        break;
    }
  }
  if (nodes.length > mostNodes) throw tooLarge(`its graph has more than ${mostNodes} nodes`);
  return { nodes, initializers, inputs, outputs };
}

function readNode(bytes: Uint8Array): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let name = '';
  let op = '';
  let domain = '';
  for (const field of fieldsOf(bytes)) {
    switch (field.number) {
      case 1:
        inputs.push(text(field));
        break;
      case 2:
        outputs.push(text(field));
        break;
      case 3:
        name = text(field);
        break;
      case 4:
        op = text(field);
        break;
      case 5: {
        const { name: own, ...attribute } = readAttribute(message(field));
        attributes.set(own, attribute);
        break;
      }
      case 7:
        domain = text(field);
        break;
    }
  }
  return { name, op, domain, inputs, outputs, attributes };
}

function readAttribute(bytes: Uint8Array): OnnxAttribute & { readonly name: string } {
  const floats: number[] = [];
  const integers: number[] = [];
  let name = '';
  let float: number | undefined;
  let whole: number | undefined;
  let words: string | undefined;
  let tensor: OnnxTensor | undefined;
  for (const field of fieldsOf(bytes)) {
    switch (field.number) {
      case 1:
        name = text(field);
        break;
      case 2:
        [float] = floatsOf(field);
        break;
      case 3:
        whole = integer(field);
        break;
      case 4:
        words = text(field);
        break;
      case 5:
        tensor = readTensor(message(field));
        break;
      case 7:
        for (const value of floatsOf(field)) pushNumber(floats, value);
        break;
      case 8:
        for (const value of integersOf(field)) pushNumber(integers, value);
        break;
    }
  }
  return { name, float, integer: whole, text: words, tensor, floats, integers };
}

function readValueInfo(bytes: Uint8Array): OnnxValueInfo {
  let name = '';
  let shape: OnnxValueInfo['shape'];
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) name = text(field);
    else if (field.number === 2)
      for (const type of fieldsOf(message(field)))
        if (type.number === 1)
          for (const tensor of fieldsOf(message(type)))
            if (tensor.number === 2) shape = readShape(message(tensor));
  }
  return { name, shape };
}

function readShape(bytes: Uint8Array): (number | null)[] {
  const extents: (number | null)[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.number !== 1) continue;
    let extent: number | null = null;
    for (const dimension of fieldsOf(message(field))) if (dimension.number === 1) extent = integer(dimension);
    pushNumber(extents, extent !== null && extent > 0 ? extent : null);
  }
  return extents;
}

/** All tensors of a graph: initializers, and the values of Constant nodes. */
export function* tensorsOf({ initializers, nodes }: OnnxGraph): Generator<OnnxTensor> {
  yield* initializers.values();
  for (const { attributes } of nodes)
    for (const { tensor } of attributes.values()) if (tensor !== undefined) yield tensor;
}
