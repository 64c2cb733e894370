import { existsSync, statSync } from 'node:fs';
import { operationsOfNodes, type NodeOperations } from '../../models/count-operations.ts';
import { elementCount } from '../../values/element-count.ts';
import { isNetworkModel, type NetworkModel, type ProgramModel } from '../../values/model.ts';
import { type CellModel, modelOfCell } from '../cell-model.ts';
import { fileFirst } from '../command-words.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { explained } from '../explained-failure.ts';
import { assumesNormalisation, type ModelFileOptions, openModelFile } from '../model-file.ts';
import { formatBytes, formatColumns, print, printJson } from '../output.ts';
import type { PipelineOptions } from '../pipeline.ts';

type Options = PipelineOptions & ModelFileOptions & { readonly json?: boolean };

/** Shows the model of a file, or of a stage of a pipeline, without a run: what it is, and what it computes. */
export async function modelShow(words: readonly string[], options: Options): Promise<ExitCode> {
  const [first] = words;
  if (first !== undefined && words.length === 1 && isModelFile(first)) {
    const model = await explained(first, () => openModelFile(first, options));
    return showNetwork(first, model, options);
  }
  if (first !== undefined && statSync(first, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new UsageError(`${first} is a folder`, 'name the file of a model in it');
  const { file, rest } = fileFirst(words);
  const [cell, extra] = rest;
  if (cell === undefined) throw new UsageError(`no stage was given after ${file}`, 'name one that makes a model'); // prettier-ignore
  if (extra !== undefined) throw new UsageError(`'${extra}' is not expected after ${cell}`);
  const found = await modelOfCell(file, cell, options);
  if (found.model === null) return showProgram(found, null, options);
  return isNetworkModel(found.model)
    ? showNetwork(found.cell.id, found.model, options)
    : showProgram(found, found.model, options);
}

/** A word that names no pipeline: a file that is there, or a name that only a file has. */
function isModelFile(word: string): boolean {
  if (/\.ya?ml$/i.test(word)) return false;
  if (existsSync(word)) return statSync(word).isFile();
  return /[/\\]|\.(onnx|json|safetensors|pth?|pt2|ckpt|bin)$/i.test(word);
}

function showNetwork(name: string, model: NetworkModel, { json }: Options): ExitCode {
  const { network, preprocessing } = model;
  const isAssumed = assumesNormalisation(model);
  const { architecture, inputShape, classes, output } = network;
  const layers = operationsOfNodes(network);
  const sum = (part: 'multiplyAdds' | 'parameters' | 'statistics'): number =>
    layers.reduce((total, layer) => total + layer[part], 0);
  const [multiplyAdds, parameters, statistics] = [sum('multiplyAdds'), sum('parameters'), sum('statistics')];
  const activations = layers.reduce((total, { shape }) => total + elementCount(shape), 0);
  if (json === true) {
    printJson({
      model: name,
      ...(isAssumed && { preprocessingIsDefault: true }),
      ...{ architecture, inputShape, classes, preprocessing, parameters, statistics, multiplyAdds },
      floatingPointOperations: 2 * multiplyAdds,
      activations,
      output,
      layers: layers.map(({ node, shape, ...counts }) => ({ ...node, outputShape: shape, ...counts })),
    });
    return exitCodes.ok;
  }
  const rows = layers.map((layer) => [
    layer.node.name,
    described(layer),
    layer.shape.join(' × '),
    layer.parameters === 0 ? '' : grouped(layer.parameters),
    layer.multiplyAdds === 0 ? '' : grouped(layer.multiplyAdds),
  ]);
  const table = formatColumns([['layer', 'operation', 'output', 'parameters', 'multiply-adds'], ...rows]);
  const facts: [string, string][] = [
    ['architecture', architecture],
    ['input', `${inputShape.join(' × ')} (height × width × channels), pixels in [0, 1]`],
    ['normalised', `mean ${preprocessing.mean.map(short).join(', ')}, std ${preprocessing.std.map(short).join(', ')}${isAssumed ? `: the default of model/${architecture}, as the file has none` : ''}`], // prettier-ignore
    ['classes', grouped(classes)],
    ['parameters', `${grouped(parameters)}${statistics > 0 ? ` and ${grouped(statistics)} running statistics` : ''}, ${formatBytes(4 * (parameters + statistics))}`], // prettier-ignore
    ['operations', `${metric(2 * multiplyAdds)} FLOPs for an image, ${metric(multiplyAdds)} multiply-adds of convolutions and dense layers`], // prettier-ignore
    ['activations', `${grouped(activations)} numbers for an image, ${formatBytes(4 * activations)}`],
    ['layers', `${layers.length}: ${countsOf(layers)}`],
  ];
  print(`${table.replaceAll(/ +$/gm, '')}\n\n${formatColumns(facts)}`);
  return exitCodes.ok;
}

/** Shows a program without starting it: its parameters, and what it made, if it has run. */
function showProgram(
  { cell: { id, params }, problem }: CellModel,
  model: ProgramModel | null,
  { json }: Options,
): ExitCode {
  const { module, make, weights, python, device, height, width, channels } = params;
  const inputShape = [height, width, channels];
  if (json === true) {
    printJson({
      model: id,
      program: model?.program ?? params,
      inputShape,
      classes: model?.classes ?? null,
      problem,
    });
    return exitCodes.ok;
  }
  const unknown = 'known after a run, because that starts the program';
  const identity = model?.program.identity;
  const facts: [string, string][] = [
    ['program', `${text(make)} of ${text(module)}, in ${text(python)}`],
    ['weights', weights === undefined ? 'those that the program makes' : text(weights)],
    ['input', `${inputShape.map(text).join(' × ')} (height × width × channels), pixels in [0, 1]`],
    ['device', model === null ? text(device) : (identity?.deviceName ?? model.program.device)],
    ['classes', model === null ? unknown : grouped(model.classes)],
    ['layers', 'not known: ravelin does not see into the program'],
    ...(problem === null ? [] : [['cannot start', problem] as [string, string]]),
    ...(identity === undefined ? [] : [['made with', `torch ${identity.torch}, Python ${identity.python}`] as [string, string]]), // prettier-ignore
  ];
  print(formatColumns(facts));
  return exitCodes.ok;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The operation with what distinguishes it from others of its kind: `conv 3×3, step 2, 32 groups`. */
function described({ node }: NodeOperations): string {
  switch (node.op) {
    case 'conv':
    case 'max-pool':
    case 'average-pool': {
      const step = node.stride[0] === node.stride[1] ? String(node.stride[0]) : node.stride.join('×');
      const parts = [`${node.op} ${node.kernel.join('×')}`, ...(step === '1' ? [] : [`step ${step}`])];
      if (node.op === 'conv' && node.groups > 1) parts.push(`${node.groups} groups`);
      return parts.join(', ');
    }
    case 'scale':
      return `scale ${short(node.factor)}`;
    default:
      return node.op;
  }
}

/** `20 conv, 20 batch-norm, 17 relu`, the most frequent first. */
function countsOf(layers: readonly NodeOperations[]): string {
  const counts = new Map<string, number>();
  for (const { node } of layers) counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([op, count]) => `${count} ${op}`)
    .join(', ');
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** 11,689,512 */
function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** `1.81 G` */
function metric(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return unit === 0 ? String(scaled) : `${Number(scaled.toPrecision(3))} ${units[unit]!}`;
}
