/** Writes a TensorFlow graph, operation by operation, without variables. */
import { graphMessages } from './messages.ts';
import type { AttributeMessage, ShapeMessage } from './messages.ts';

/** Numbers of the element types in TensorFlow's protocol. */
export const float32 = { type: 1 } as const;
export const float64 = { type: 2 } as const;
export const int32 = { type: 3 } as const;
export const uint8 = { type: 4 } as const;
export const int8 = { type: 6 } as const;
export const int64 = { type: 9 } as const;
export const boolean = { type: 10 } as const;

/** A tensor of the graph, `node:output`. */
export type Output = string & { readonly brand: 'Output' };

/** Text, a list of integers, one integer, a truth value, a type, or a real number. */
export type Attribute =
  string | readonly number[] | number | boolean | { readonly type: number } | { readonly real: number };

export interface GraphBuilder {
  /** Adds an input that every run gets, under this name. An extent of −1 accepts any. */
  placeholder(name: string, type: typeof float32 | typeof int32, shape: readonly number[]): Output;
  /** Adds a constant. Equal constants share one node. */
  constant(values: Float32Array | Float64Array | Int32Array, shape: readonly number[]): Output;
  /** Adds one operation and returns its first output; `output` gives the others. */
  add(operation: string, inputs: readonly Output[], attributes: Readonly<Record<string, Attribute>>): Output;
  /** Returns output number `index` of the operation whose first output is `first`. */
  output(first: Output, index: number): Output;
  /** Returns an input, to stand after all others, that only makes an operation wait until that of `output` is done. */
  after(output: Output): Output;
  /** Returns the bytes of the graph, a `GraphDef`. */
  definition(): Uint8Array;
  /** Returns the bytes of `saved_model.pb`. */
  serialize(): Uint8Array;
}

/** Version of the graph format that our operations are written in (TensorFlow 2.9's); newer ones read it. */
const producer = 1087;

export function graphBuilder(): GraphBuilder {
  const messages = graphMessages();
  const graph = new messages.GraphDef();
  const versions = new messages.VersionDef();
  versions.setProducer(producer);
  graph.setVersions(versions);
  const constants = new Map<string, Output>();
  let count = 0;

  const shapeMessage = (shape: readonly number[]): ShapeMessage => {
    const message = new messages.TensorShape();
    for (const extent of shape) {
      const dimension = new messages.TensorShape.Dim();
      dimension.setSize(extent);
      message.addDim(dimension);
    }
    return message;
  };

  const attributeMessage = (attribute: Attribute): AttributeMessage => {
    const message = new messages.AttrValue();
    if (typeof attribute === 'string') message.setS(new TextEncoder().encode(attribute));
    else if (typeof attribute === 'number') message.setI(attribute);
    else if (typeof attribute === 'boolean') message.setB(attribute);
    else if ('type' in attribute) message.setType(attribute.type);
    else if ('real' in attribute) message.setF(attribute.real);
    else {
      const list = new messages.AttrValue.ListValue();
      list.setIList([...attribute]);
      message.setList(list);
    }
    return message;
  };

  const addNode = (
    name: string,
    operation: string,
    inputs: readonly Output[],
    attributes: Readonly<Record<string, AttributeMessage>>,
  ): Output => {
    const node = new messages.NodeDef();
    node.setName(name);
    node.setOp(operation);
    for (const input of inputs) node.addInput(input);
    for (const [key, value] of Object.entries(attributes)) node.getAttrMap().set(key, value);
    graph.addNode(node);
    return `${name}:0` as Output;
  };

  const encodeAll = (attributes: Readonly<Record<string, Attribute>>): Record<string, AttributeMessage> =>
    Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeMessage(value)]));

  return {
    placeholder(name, type, shape) {
      const extents = new messages.AttrValue();
      extents.setShape(shapeMessage(shape));
      return addNode(name, 'Placeholder', [], { ...encodeAll({ dtype: type }), shape: extents });
    },
    constant(values, shape) {
      const type = values instanceof Int32Array ? int32 : values instanceof Float64Array ? float64 : float32;
      const key = `${type.type} [${shape.join()}] ${values.join()}`;
      const known = constants.get(key);
      if (known !== undefined) return known;
      const tensor = new messages.Tensor();
      tensor.setDtype(type.type);
      tensor.setTensorShape(shapeMessage(shape));
      tensor.setTensorContent(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      const value = new messages.AttrValue();
      value.setTensor(tensor);
      const output = addNode(`constant_${constants.size}`, 'Const', [], {
        ...encodeAll({ dtype: type }),
        value,
      });
      constants.set(key, output);
      return output;
    },
    // The name of a node may not begin with an underscore, as those of some operations do.
    add: (operation, inputs, attributes) =>
      addNode(`${operation.replace(/^_/, '')}_${count++}`, operation, inputs, encodeAll(attributes)),
    output: (first, index) => first.replace(/:0$/, `:${index}`) as Output,
    after: (output) => `^${output.replace(/:\d+$/, '')}` as Output,
    definition: () => graph.serializeBinary(),
    serialize() {
      const info = new messages.MetaGraphDef.MetaInfoDef();
      info.addTags('serve');
      const meta = new messages.MetaGraphDef();
      meta.setMetaInfoDef(info);
      meta.setGraphDef(graph);
      const model = new messages.SavedModel();
      model.setSavedModelSchemaVersion(1);
      model.addMetaGraphs(meta);
      return model.serializeBinary();
    },
  };
}
