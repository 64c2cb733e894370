import type { ImportError } from './errors.ts';

interface Format<Node> {
  /** How the file is called in messages. */
  readonly called: 'model' | 'program';
  readonly withoutOutput: () => ImportError;
  readonly notSupported: (message: string, fix: string) => ImportError;
  /** The value from which a node makes probabilities of the classes, or which it leaves as it is; null for another node. */
  readonly inputBefore: (node: Node) => string | null;
}

/**
 * Name of the value with the logits: the output, or the one that is `wanted`, before a softmax and what changes nothing. Throws the
 * errors of the format if there is no output, several and none is wanted, or none of the name that is wanted.
 */
export function logitsOutput<Node extends { readonly outputs: readonly string[] }>(
  { nodes, outputs }: { readonly nodes: readonly Node[]; readonly outputs: readonly string[] },
  wanted: string | undefined,
  { called, withoutOutput, notSupported, inputBefore }: Format<Node>,
): string {
  const [first] = outputs;
  if (first === undefined) throw withoutOutput();
  const listed = outputs.slice(0, 8).join(', ');
  if (wanted === undefined && outputs.length > 1)
    throw notSupported(
      `the ${called} has ${outputs.length} outputs: ${listed}`,
      `set output to the name of the one with the logits, as output: ${first}`,
    );
  if (wanted !== undefined && !outputs.includes(wanted))
    throw notSupported(
      `the ${called} has no output '${wanted}', only ${listed}`,
      'set output to one of these names',
    );
  const makers = new Map(nodes.map((node) => [node.outputs[0], node]));
  let last = wanted ?? first;
  // No longer than the graph, which could be a circle.
  for (let count = 0; count < nodes.length; count++) {
    const node = makers.get(last);
    const before = node === undefined ? null : inputBefore(node);
    if (before === null) break;
    last = before;
  }
  return last;
}
