/**
 * Operations that change their input in place, as `relu_` does. Whoever reads that input afterwards reads the result; what other
 * names share its memory, as those of views do, cannot be followed.
 */
import { unsupported } from './context.ts';
import type { ExportNode } from './program.ts';

/** Operations whose result may share the memory of their input, by their names after `aten.`. */
const views = new Set([
  'view', 'reshape', '_unsafe_view', 'flatten', 'unflatten', 'permute', 'transpose', 't', 'unsqueeze', 'squeeze', 'slice', 'select', 'unbind', 'split',
  'split_with_sizes', 'chunk', 'expand', 'alias', 'detach', 'detach_', 'contiguous', 'clone', 'to', 'lift_fresh_copy', 'dropout', 'dropout_', 'feature_dropout', 'identity',
]); // prettier-ignore

export interface Sharing {
  /** Takes the results of a node, after it was converted. */
  readonly add: (node: ExportNode, name: string) => void;
  /** Checks that nothing after the node `at` reads what it changes in place under another name. Throws `TorchExportError`. */
  readonly check: (node: ExportNode, input: string, at: number) => void;
}

interface Group {
  /** The two names that are read last, by different names. */
  readonly last: { readonly name: string; readonly at: number }[];
}

/**
 * Tracks which names share memory, to find views that are read after an operation in place. `lastRead` gives for
 * each name the number of the last node that reads it.
 */
export function sharing(lastRead: ReadonlyMap<string, number>): Sharing {
  const groups = new Map<string, Group>();
  const groupOf = (name: string): Group => {
    const group = groups.get(name) ?? { last: [] };
    if (!groups.has(name)) join(group, name);
    return group;
  };
  const join = (group: Group, name: string): void => {
    groups.set(name, group);
    group.last.push({ name, at: lastRead.get(name) ?? -1 });
    group.last.sort((a, b) => b.at - a.at);
    group.last.splice(2);
  };
  return {
    add: (node, name) => {
      const input = firstInput(node);
      if (input === undefined || !(views.has(name) || name.endsWith('_'))) return;
      const group = groupOf(input);
      for (const output of node.outputs) if (!groups.has(output)) join(group, output);
    },
    check: (node, input, at) => {
      const other = groupOf(input).last.find(({ name }) => name !== input);
      if (other === undefined || other.at <= at) return;
      throw unsupported(
        node,
        `an input in place that '${other.name}' shares and that is read afterwards`,
        'export the network with inplace=False, or after program.run_decompositions({})',
      );
    },
  };
}

export function firstInput({ inputs }: ExportNode): string | undefined {
  for (const argument of inputs.values()) if (argument.kind === 'tensor') return argument.name;
  return undefined;
}
