import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { AxisLabel } from '../graph.ts';
import type { Reference } from './references.ts';
import type { Variant } from './variants.ts';

/**
 * Reports a reference whose values have an axis of the name of an axis of the rows inside them, so that the labels of one would
 * stand in place of the others. Returns whether there is one. `ports` has the output by variant of the source.
 */
export function reportInnerClash(
  reference: Reference,
  items: readonly { readonly axes: Readonly<Record<string, AxisLabel>> }[],
  ports: readonly string[],
  { id, variants }: { readonly id: string; readonly variants: readonly Variant[] },
  sink: DiagnosticSink,
): boolean {
  const inner = new Map<string, SourceRange>();
  // There is no port for a variant of which no cell is read.
  ports.forEach((port, index) => {
    const { signature, usesAt } = variants[index]!;
    for (const axis of signature?.out[port]?.axes ?? []) inner.set(axis, usesAt);
  });
  if (inner.size === 0) return false;
  const axis = [...inner.keys()].find((name) => items.some(({ axes }) => Object.hasOwn(axes, name)));
  if (axis === undefined) return false;
  const isLabel = Object.hasOwn(reference.labels, axis);
  sink.error(
    'axis-clash',
    (isLabel ? reference.labelsAt : undefined) ?? reference.at,
    `the values of '${id}' ${isLabel ? 'get' : 'have'} the axis '${axis}', and so have the rows inside them`,
    {
      same: `${id} ${axis}`,
      related: [{ message: 'these rows are made here', at: inner.get(axis)! }],
      fix: isLabel ? 'label: adds an axis, so give it another name' : renameAxis(axis),
    },
  );
  return true;
}

/** The remedy for an axis whose name is that of an axis inside of values, which has no other. */
export function renameAxis(axis: string): string {
  return `give the axis another name, in the matrix that it comes from and in each $(axes.${axis})`;
}
