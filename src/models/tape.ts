/**
 * Reverse-mode differentiation over the nodes of a network: a forward pass records how each node passes a gradient
 * back, a backward pass plays that record from the output to the input. `Value` is a tensor, or the output of an
 * operation in a graph under construction.
 */

export interface NodeGradients<Value> {
  /** Of the node's inputs, in order; those at the end may be left out where nobody needs them. */
  readonly inputs: readonly Value[];
  /** Of the node's weights, by the last part of their names: `weight`, `bias`. */
  readonly weights: Readonly<Record<string, Value>>;
}

export interface Evaluated<Value> {
  readonly output: Value;
  /** Gradients of what the node read, from that of its output. */
  readonly backward: (dy: Value) => NodeGradients<Value>;
}

export interface Tape<Value> {
  /** Output of every node, by name, and the input of the network as `'input'`. */
  readonly values: ReadonlyMap<string, Value>;
  readonly entries: readonly {
    readonly node: Node;
    readonly backward: Evaluated<Value>['backward'];
  }[];
}

interface Node {
  readonly name: string;
  /** Names of earlier nodes or `'input'`. */
  readonly inputs: readonly string[];
}

/** Evaluates the nodes in order; `evaluate` gets the values that the node reads, in the node's order. */
export function recordTape<N extends Node, Value>(
  nodes: readonly N[],
  input: Value,
  evaluate: (node: N, inputs: readonly Value[], index: number) => Evaluated<Value>,
): Tape<Value> {
  const values = new Map<string, Value>([['input', input]]);
  const entries = nodes.map((node, index) => {
    const inputs = node.inputs.map((name) => values.get(name)!);
    const { output, backward } = evaluate(node, inputs, index);
    values.set(node.name, output);
    return { node, backward };
  });
  return { values, entries };
}

/**
 * Plays the tape from `seed`, the gradient of the node `output`. Gradients of a value that several nodes read are
 * summed by `add`. `weights` holds a gradient for every weight on the way, as `${node}.${part}`; `input` is
 * undefined if the way does not lead to the input, or its gradient was left out.
 */
export function backwardPass<Value>(
  { entries }: Tape<Value>,
  output: string,
  seed: Value,
  add: (left: Value, right: Value) => Value,
): { readonly weights: ReadonlyMap<string, Value>; readonly input: Value | undefined } {
  const weights = new Map<string, Value>();
  const gradients = new Map<string, Value>([[output, seed]]);
  for (const { node, backward } of [...entries].reverse()) {
    const dy = gradients.get(node.name);
    if (dy === undefined) continue;
    const found = backward(dy);
    for (const [part, gradient] of Object.entries(found.weights))
      weights.set(`${node.name}.${part}`, gradient);
    found.inputs.forEach((gradient, index) => {
      const name = node.inputs[index]!;
      const sum = gradients.get(name);
      gradients.set(name, sum === undefined ? gradient : add(sum, gradient));
    });
    gradients.delete(node.name);
  }
  return { weights, input: gradients.get('input') };
}
