/** The operations of the functions that are handed to TensorFlow. */
import { loadGraphMessages } from '../../src/tensors/packages.ts';
import type { TensorflowBackend } from '../../src/tensors/tensorflow/raw.ts';
import { tf } from '../../src/tensors/tf.ts';

interface GraphDefinition {
  readonly deserializeBinary: (bytes: Uint8Array) => {
    getNodeList(): readonly { getOp(): string }[];
  };
}

/** The names of all operations of functions that `work` makes, sorted. */
export async function operationsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const backend = tf.backend() as unknown as { binding: TensorflowBackend['binding'] };
  const { binding } = backend;
  const { GraphDef } = loadGraphMessages() as { readonly GraphDef: GraphDefinition };
  const found = new Set<string>();
  backend.binding = {
    ...binding,
    addFunction: (name, graph, inputs, outputs) => {
      for (const node of GraphDef.deserializeBinary(graph).getNodeList()) found.add(node.getOp());
      binding.addFunction!(name, graph, inputs, outputs);
    },
  };
  try {
    await work();
  } finally {
    backend.binding = binding;
  }
  return [...found].sort();
}

/** Runs `work` with a binding that lacks functions, as an earlier set-up made it. */
export async function withoutFunctions(work: () => Promise<unknown>): Promise<void> {
  const backend = tf.backend() as unknown as { binding: TensorflowBackend['binding'] };
  const { binding } = backend;
  backend.binding = { ...binding, runFunction: undefined } as unknown as TensorflowBackend['binding'];
  try {
    await work();
  } finally {
    backend.binding = binding;
  }
}
