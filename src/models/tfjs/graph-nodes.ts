/**
 * Reads the nodes of a GraphDef that TensorFlow.js wrote as JSON, with attributes as in TensorFlow's
 * `attr_value.proto` and bytes as base64.
 */
import { NetworkError } from '../network.ts';

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** Names of the nodes that it reads, without ports and control edges. */
  readonly inputs: readonly string[];
  readonly attributes: Attributes;
}

export interface Attributes {
  readonly text: (name: string) => string | undefined;
  readonly texts: (name: string) => readonly string[];
  readonly number: (name: string) => number | undefined;
  readonly numbers: (name: string) => readonly number[] | undefined;
  readonly flag: (name: string) => boolean;
  readonly shape: (name: string) => readonly number[] | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Whether `modelTopology` is that of a GraphModel. */
export function isGraphTopology(topology: unknown): boolean {
  return isRecord(topology) && Array.isArray(topology['node']);
}

/** Reads the nodes by name. Throws `NetworkError` for anything that is not a GraphDef. */
export function readGraphNodes(topology: unknown): ReadonlyMap<string, GraphNode> {
  const list = isRecord(topology) ? topology['node'] : undefined;
  if (!Array.isArray(list)) throw new NetworkError('the file contains no graph');
  return new Map(
    list.map((item: unknown) => {
      if (!isRecord(item) || typeof item['name'] !== 'string' || typeof item['op'] !== 'string')
        throw new NetworkError('the graph has a node without name or operation');
      const inputs = (Array.isArray(item['input']) ? item['input'] : []).map(textOf);
      const node: GraphNode = {
        name: item['name'],
        op: item['op'],
        inputs: inputs.filter((name) => !name.startsWith('^')).map((name) => name.replace(/:\d+$/, '')),
        attributes: attributesOf(isRecord(item['attr']) ? item['attr'] : {}),
      };
      return [node.name, node] as const;
    }),
  );
}

function attributesOf(fields: Fields): Attributes {
  const field = (name: string): Fields => {
    const value = fields[name];
    return isRecord(value) ? value : {};
  };
  const list = (name: string): Fields => {
    const value = field(name)['list'];
    return isRecord(value) ? value : {};
  };
  const decode = (value: unknown): string => Buffer.from(textOf(value), 'base64').toString('latin1');
  return {
    text: (name) => (field(name)['s'] === undefined ? undefined : decode(field(name)['s'])),
    texts: (name) => {
      const values = list(name)['s'];
      return Array.isArray(values) ? values.map(decode) : [];
    },
    number: (name) => {
      const value = field(name)['f'] ?? field(name)['i'];
      return value === undefined ? undefined : numberOf(value);
    },
    numbers: (name) => {
      const values = list(name)['i'];
      return Array.isArray(values) ? values.map(numberOf) : undefined;
    },
    flag: (name) => field(name)['b'] === true,
    shape: (name) => {
      const value = field(name)['shape'];
      const extents = isRecord(value) ? value['dim'] : undefined;
      return Array.isArray(extents)
        ? extents.map((extent: unknown) => numberOf(isRecord(extent) ? extent['size'] : null))
        : undefined;
    },
  };
}

/** Throws `NetworkError` for other values, because an object might not even convert to text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new NetworkError('the graph has a value that should be a text but is not');
}

/** In the JSON of a protobuf, long integers are texts. Throws `NetworkError` for other values. */
function numberOf(value: unknown): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new NetworkError('the graph has a value that should be a number but is not');
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
