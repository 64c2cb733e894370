/** Reads the layers of a Keras topology in order, whichever form it is written in. */
import { NetworkError } from '../network.ts';

type Config = Readonly<Record<string, unknown>>;

export interface Layer {
  readonly name: string;
  /** `Conv2D`, `BatchNormalization`, … */
  readonly kind: string;
  readonly config: Config;
  /** Names of the layers that it reads. */
  readonly inputs: readonly string[];
}

export interface Topology {
  readonly layers: readonly Layer[];
  /** Name of the layer whose output is the output of the model. */
  readonly output: string;
}

/**
 * Reads `modelTopology` of a model.json, Sequential or functional, with one input and one output. Throws
 * `NetworkError`.
 */
export function readTopology(topology: unknown): Topology {
  const whole = record(topology);
  const model = record(whole['model_config'] ?? whole);
  const kind = model['class_name'];
  if (kind === 'Sequential') return sequential(model['config']);
  if (kind === 'Model' || kind === 'Functional') return functional(record(model['config']));
  throw new NetworkError('the file contains no Keras model');
}

function sequential(config: unknown): Topology {
  const list = Array.isArray(config) ? config : record(config)['layers'];
  const layers: Layer[] = [];
  for (const item of entries(list)) {
    const { name, kind, config: own } = describe(item);
    // The first layer may carry the shape of the input itself.
    if (layers.length === 0 && kind !== 'InputLayer') {
      layers.push({ name: `${name}/input`, kind: 'InputLayer', config: own, inputs: [] });
    }
    layers.push({ name, kind, config: own, inputs: layers.length === 0 ? [] : [layers.at(-1)!.name] });
  }
  const last = layers.at(-1);
  if (last === undefined) throw new NetworkError('the model has no layers');
  return { layers, output: last.name };
}

function functional(config: Config): Topology {
  const layers = entries(config['layers']).map((item): Layer => {
    const { name, kind, config: own } = describe(item);
    const calls = entries(record(item)['inbound_nodes'] ?? []);
    if (calls.length > 1)
      throw new NetworkError(
        `layer '${name}' is used ${calls.length} times, but shared layers are not supported`,
      );
    const inputs = calls.flatMap((call) => entries(call).map((reference) => text(entries(reference)[0])));
    return { name, kind, config: own, inputs };
  });
  const outputs = entries(config['output_layers']);
  const [first] = outputs;
  // Newer files name a single output without a list around it.
  if (outputs.length !== 1 && Array.isArray(first))
    throw new NetworkError(`the model must have one output, got ${outputs.length}`);
  const output = Array.isArray(first) ? entries(first)[0] : first;
  return { layers: inOrder(layers), output: text(output) };
}

/**
 * Sorts layers by the longest path to them from the input, so that each comes after those it reads. This
 * takes linear time.
 */
function inOrder(layers: readonly Layer[]): readonly Layer[] {
  const readers = new Map<string, Layer[]>(layers.map(({ name }) => [name, []]));
  if (readers.size < layers.length) throw new NetworkError('two layers of the model have the same name');
  const missing = new Map(layers.map((layer) => [layer, layer.inputs.length]));
  for (const layer of layers) for (const input of layer.inputs) readers.get(input)?.push(layer);
  const sorted: Layer[] = [];
  let ready = layers.filter(({ inputs }) => inputs.length === 0);
  while (ready.length > 0) {
    sorted.push(...ready);
    const next = new Set<Layer>();
    for (const reader of ready.flatMap(({ name }) => readers.get(name)!)) {
      const left = missing.get(reader)! - 1;
      missing.set(reader, left);
      if (left === 0) next.add(reader);
    }
    // The order of the file decides the order of the nodes, and so the key of the model.
    ready = next.size < 2 ? [...next] : layers.filter((layer) => next.has(layer));
  }
  const stuck = layers.find((layer) => missing.get(layer)! > 0);
  if (stuck !== undefined)
    throw new NetworkError(`layer '${stuck.name}' reads a layer that does not exist, or itself`);
  return sorted;
}

function describe(item: unknown): { readonly name: string; readonly kind: string; readonly config: Config } {
  const layer = record(item);
  const config = record(layer['config']);
  return { name: text(layer['name'] ?? config['name']), kind: text(layer['class_name']), config };
}

function record(value: unknown): Config {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new NetworkError('the model’s topology is not well-formed');
  return value as Config;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new NetworkError('the model’s topology is not well-formed');
  return value;
}

function entries(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new NetworkError('the model’s topology is not well-formed');
  return value as readonly unknown[];
}
