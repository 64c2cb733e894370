/** The schema of network files: a network graph as JSON, whose weights are a safetensors file beside it. */
import { type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox';
import type { NetworkNode } from '../../values/model.ts';

/** The field `format` of every network file. */
export const networkFormat = 'ravelin-network';
/** Raised when a file of before would be read as another network. */
export const networkVersion = 1;

/** `says` completes the sentence that the field must be. */
const whole = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description, says: `a whole number from ${minimum} to ${maximum}` });
const finite = (description: string, says: string, limits: { minimum?: number; maximum?: number } = {}) =>
  Type.Number({ ...limits, description, says });
const flag = (description: string) => Type.Boolean({ description, says: 'true or false' });
const listOf = <Item extends TSchema>(
  item: Item,
  minItems: number,
  maxItems: number,
  what: string,
  description: string,
) =>
  Type.Array(item, {
    minItems,
    maxItems,
    description,
    says: `a list of ${minItems === maxItems ? minItems : `${minItems} to ${maxItems}`} ${what}`,
  });

const nodeName = (description: string) =>
  Type.String({ minLength: 1, maxLength: 500, description, says: 'a text of 1 to 500 characters' });

const mostExtent = 65_536;
/** TensorFlow.js has tensors of six axes, and the batch is one. */
const mostAxes = 5;
const mostChannels = 1_000_000;
const extents = (description: string) =>
  listOf(whole(1, 2 ** 31 - 1, 'extent'), 1, mostAxes, 'whole numbers', description);
const kernel = listOf(
  whole(1, mostExtent, 'extent'),
  2,
  2,
  'whole numbers, the height and the width',
  'height and width of the window',
);
const stride = listOf(
  whole(1, mostExtent, 'extent'),
  2,
  2,
  'whole numbers, the height and the width',
  'steps of the window down and to the right',
);
const padding = listOf(
  whole(0, mostExtent, 'extent'),
  4,
  4,
  'whole numbers: top, bottom, left, right',
  'rows and columns of zeros that are put around the image: top, bottom, left, right',
);
const bias = flag('whether there is a tensor NAME.bias');
const poolFields = {
  kernel,
  stride,
  padding,
  ceil: flag('whether the number of windows is rounded up'),
  countPadding: flag('average-pool only: whether the zeros of the padding count in the mean'),
};

/** The fields of a node of each operation beside `op`, `name` and `inputs`. */
const fields = {
  conv: {
    kernel,
    stride,
    padding,
    filters: whole(1, mostChannels, 'number of filters, the channels of the output'),
    groups: whole(1, mostChannels, 'groups of channels, each of which has filters of its own'),
    bias,
  },
  'batch-norm': {
    epsilon: finite('added to the variance', 'a number from 0 to 1', { minimum: 0, maximum: 1 }),
    momentum: finite(
      'weight of a new batch in the running statistics; training only',
      'a number from 0 to 1',
      { minimum: 0, maximum: 1 },
    ),
  },
  relu: {},
  gelu: {
    approximate: Type.Union([Type.Literal('none'), Type.Literal('tanh')], {
      description: 'none: by the normal distribution function; tanh: its approximation',
      says: "'none' or 'tanh'",
    }),
  },
  reciprocal: {},
  softmax: {},
  matmul: {},
  'layer-norm': {
    epsilon: finite('added to the variance', 'a number from 0 to 1', { minimum: 0, maximum: 1 }),
  },
  affine: {},
  offset: {},
  tokens: {
    count: whole(1, mostChannels, 'rows that are put to those of the input'),
    place: Type.Union([Type.Literal('before'), Type.Literal('after')], {
      description: 'where they are put',
      says: "'before' or 'after'",
    }),
  },
  permute: {
    order: listOf(
      whole(0, mostAxes - 1, 'axis'),
      1,
      mostAxes,
      'axes',
      'axis of the input that each axis of the output is; the batch does not count',
    ),
  },
  slice: {
    axis: whole(0, mostAxes - 1, 'axis that is cut; the batch does not count'),
    start: whole(0, 2 ** 31 - 1, 'first place that is kept'),
    end: whole(1, 2 ** 31 - 1, 'place after the last that is kept'),
  },
  expand: { shape: extents('extents of the output; axes of extent 1 are repeated') },
  relu6: {},
  sigmoid: {},
  silu: {},
  'hard-swish': {},
  'hard-sigmoid': {
    slope: finite('factor of the input', 'a number'),
    offset: finite('added to the product', 'a number'),
  },
  'max-pool': poolFields,
  'average-pool': poolFields,
  'global-average-pool': {},
  add: {},
  multiply: {},
  concat: {},
  shortcut: {
    stride: whole(1, mostExtent, 'steps down and to the right'),
    before: whole(0, mostChannels, 'zero channels put before those of the image'),
    after: whole(0, mostChannels, 'zero channels put after those of the image'),
  },
  scale: { factor: finite('factor of the input', 'a number') },
  flatten: {},
  reshape: {
    shape: extents('extents of the output: height, width and channels of an image'),
  },
  dropout: {
    rate: finite('share of the values that training drops', 'a number from 0 to 1', {
      minimum: 0,
      maximum: 1,
    }),
  },
  dense: { units: whole(1, mostChannels, 'number of outputs'), bias },
} as const satisfies Record<NetworkNode['op'], TProperties>;

/** Number of inputs of the operations that have more than one. */
const inputCounts: Readonly<Partial<Record<NetworkNode['op'], readonly [least: number, most: number]>>> = {
  add: [2, 2],
  multiply: [2, 2],
  matmul: [2, 2],
  concat: [1, 1000],
};

function nodeSchema(op: NetworkNode['op']): TObject {
  const [least, most] = inputCounts[op] ?? [1, 1];
  return Type.Object(
    {
      op: Type.Literal(op),
      name: nodeName('name of the node and of its tensors, which no other node has'),
      inputs: listOf(
        nodeName('name of an earlier node, or input'),
        least,
        most,
        `name${most === 1 ? '' : 's'} of earlier nodes or 'input'`,
        "the nodes that it reads: earlier ones, or 'input', the normalised image",
      ),
      ...fields[op],
    },
    { additionalProperties: false },
  );
}

const operations = Object.keys(fields) as NetworkNode['op'][];

/** The schema of a node by its operation. */
export const nodeSchemas: ReadonlyMap<string, TObject> = new Map(
  operations.map((op): [string, TObject] => [op, nodeSchema(op)]),
);

const channelNumbers = (description: string, item: TSchema, what: string) =>
  listOf(item, 1, 1024, what, description);

/** Everything but the nodes, whose schema depends on their operation. */
const head = {
  $schema: Type.Optional(Type.String({ description: 'for editors', says: 'a text' })),
  format: Type.Literal(networkFormat, { says: `'${networkFormat}'` }),
  version: Type.Literal(networkVersion, { says: `${networkVersion}` }),
  architecture: Type.String({
    minLength: 1,
    maxLength: 200,
    description: 'name of the network, for people',
    says: 'a text of 1 to 200 characters',
  }),
  inputShape: listOf(
    whole(1, mostExtent, 'extent'),
    3,
    3,
    'whole numbers: height, width, channels',
    'height, width and channels of the images',
  ),
  classes: whole(2, 1_000_000, 'number of classes, the length of the output'),
  preprocessing: Type.Object(
    {
      mean: channelNumbers('subtracted from the pixels in [0, 1]', Type.Number({ says: 'a number' }), 'numbers, one for each channel'), // prettier-ignore
      std: channelNumbers('the pixels are divided by it after the mean', Type.Number({ exclusiveMinimum: 0, says: 'a number above 0' }), 'numbers above 0, one for each channel'), // prettier-ignore
    },
    { additionalProperties: false, says: 'an object with mean and std' },
  ),
  weights: Type.Object(
    {
      file: Type.String({
        minLength: 1,
        maxLength: 1000,
        description: 'safetensors file in the folder of this file',
        says: 'the path of a file in the same folder',
      }),
      layout: Type.Union([Type.Literal('ravelin'), Type.Literal('torch')], {
        description:
          'ravelin: convolutions [height, width, in, out] and dense layers [in, out]; torch: [out, in, height, width] and [out, in]',
        says: "'ravelin' or 'torch'",
      }),
    },
    { additionalProperties: false, says: 'an object with file and layout' },
  ),
  output: nodeName('name of the node whose output is the logits'),
};

const mostNodes = 100_000;

/** A network file whose nodes are not judged yet. */
export const frameSchema = Type.Object(
  {
    ...head,
    nodes: listOf(Type.Unknown(), 1, mostNodes, 'nodes', 'the operations, each after those that it reads'),
  },
  { additionalProperties: false },
);

/** One self-contained JSON Schema (draft-07) of network files, for editors and other programs. */
export function networkJsonSchema(): object {
  const schema = Type.Object(
    {
      ...head,
      nodes: Type.Array(Type.Unsafe({ oneOf: operations.map((op) => ({ $ref: `#/definitions/${op}` })) }), {
        minItems: 1,
        maxItems: mostNodes,
        description: 'the operations, each after those that it reads',
      }),
    },
    { additionalProperties: false },
  );
  return withoutSays({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'ravelin network',
    ...schema,
    definitions: Object.fromEntries(nodeSchemas),
  }) as object;
}

/** Leaves out what only the messages of ravelin need. */
function withoutSays(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutSays);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== 'says')
      .map(([key, value]) => [key, withoutSays(value)]),
  );
}
