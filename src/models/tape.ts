/**
 * Reverse-mode differentiation over the nodes of a network. A forward pass records how each node passes a
 * gradient back; a backward pass plays that record from the output to the input. `Value` is a tensor, or the
 * output of an operation in a graph under construction.
 */

export interface NodeGradients<Value> {
  /** Gradients of the node's inputs, in order. The last ones may be left out if they are not needed. */
  readonly inputs: readonly Value[];
  /** Gradients of the node's weights, by the last part of their names: `weight`, `bias`. */
  readonly weights: Readonly<Record<string, Value>>;
}

export interface Evaluated<Value> {
  readonly output: Value;
  /** Returns the gradients of the inputs and weights from the gradient of the output. */
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

/** Evaluates the nodes in order. `evaluate` gets the values of a node's inputs, in the node's order. */
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
 * Plays the tape back from `seed`, the gradient of the node `output`. `add` sums the gradients of a value
 * that several nodes read. `weights` has the gradient of every weight that `output` depends on, as
 * `${node}.${part}`; `input` is undefined if `output` does not depend on the input, or if its gradient was
 * left out.
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
