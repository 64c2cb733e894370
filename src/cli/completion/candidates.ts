import type { Cell, Graph } from '../../dsl/graph.ts';

type Known = Pick<Graph, 'stages' | 'cells'>;

/** Past this number of labels the shell would only ask whether to show them all. */
const mostLabels = 1000;

/**
 * How the word of a selection or a cell may go on: names of stages, then axes, then labels, one step at a time, because
 * a stage can have 100,000 cells. A candidate that ends in `[`, `=` or `,` is not finished.
 */
export function selectionCandidates({ stages, cells }: Known, typed: string): readonly string[] {
  const open = typed.indexOf('[');
  const own = stages.filter(({ partOf }) => partOf === undefined);
  if (open < 0) return own.flatMap(({ id, axes }) => (axes.length === 0 ? [id] : [id, `${id}[`]));
  const stage = own.find(({ id }) => id === typed.slice(0, open));
  if (stage === undefined) return [];
  const given = typed.slice(open + 1).split(',');
  const last = given.pop()!;
  const before = `${typed.slice(0, open + 1)}${given.map((part) => `${part},`).join('')}`;
  const chosen = given.map((part) => part.split('=')[0]!);
  const left = stage.axes.filter((axis) => !chosen.includes(axis));
  const equals = last.indexOf('=');
  if (equals < 0) return left.map((axis) => `${before}${axis}=`);
  const axis = last.slice(0, equals);
  if (!left.includes(axis)) return [];
  const having = cells
    .slice(stage.firstCell, stage.firstCell + stage.cellCount)
    .filter((cell) => given.every((part) => hasLabel(cell, part)));
  const labels = [...new Set(having.map((cell) => String(cell.axes[axis])))].slice(0, mostLabels);
  return labels.flatMap((label) => {
    const text = `${before}${axis}=${label}`;
    return left.length > 1 ? [`${text}]`, `${text},`] : [`${text}]`];
  });
}

function hasLabel({ axes }: Cell, part: string): boolean {
  const equals = part.indexOf('=');
  const label = part.slice(equals + 1);
  return label === '*' || String(axes[part.slice(0, equals)]) === label;
}

/** `params.NAME=` for each param, and with the value that it has once the name is typed. */
export function paramCandidates({ params }: Pick<Graph, 'params'>, typed: string): readonly string[] {
  const name = /^params\.([^=]*)=/.exec(typed)?.[1];
  if (name === undefined) return Object.keys(params).map((known) => `params.${known}=`);
  const value = Object.hasOwn(params, name) ? params[name] : undefined;
  if (value === undefined) return [];
  return [`params.${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`];
}
