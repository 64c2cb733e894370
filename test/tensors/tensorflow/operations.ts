/** The operations of the functions that are handed to TensorFlow. */
import { loadGraphMessages } from '../../../src/tensors/packages.ts';
import type { TensorflowBackend } from '../../../src/tensors/tensorflow/raw.ts';
import { tf } from '../../../src/tensors/tf.ts';

interface GraphDefinition {
  readonly deserializeBinary: (bytes: Uint8Array) => { getNodeList(): readonly Node[] };
}

interface Node {
  getOp(): string;
  getAttrMap(): { forEach(use: (value: { getType(): number }, name: string) => void): void };
}

export interface Operation {
  readonly name: string;
  /** The attributes that are types, as numbers of TensorFlow's protocol. */
  readonly types: Readonly<Record<string, number>>;
}

/** All operations of functions that `work` makes; equal ones once. */
export async function operationsOf(work: () => Promise<unknown>): Promise<readonly Operation[]> {
  const backend = tf.backend() as unknown as { binding: TensorflowBackend['binding'] };
  const { binding } = backend;
  const { GraphDef } = loadGraphMessages() as { readonly GraphDef: GraphDefinition };
  const found = new Map<string, Operation>();
  backend.binding = {
    ...binding,
    addFunction: (name, graph, inputs, outputs) => {
      for (const node of GraphDef.deserializeBinary(graph).getNodeList()) {
        const operation = { name: node.getOp(), types: typesOf(node) };
        found.set(JSON.stringify(operation), operation);
      }
      binding.addFunction!(name, graph, inputs, outputs);
    },
  };
  try {
    await work();
  } finally {
    backend.binding = binding;
  }
  return [...found.values()];
}

/** The different names of operations, sorted. */
export function namesOf(operations: readonly Operation[]): readonly string[] {
  return [...new Set(operations.map(({ name }) => name))].sort();
}

function typesOf(node: Node): Operation['types'] {
  const types: Record<string, number> = {};
  node.getAttrMap().forEach((value, name) => {
    if (value.getType() !== 0) types[name] = value.getType();
  });
  return types;
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
