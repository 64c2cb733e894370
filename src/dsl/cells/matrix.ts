import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { forbidAxes, type LoadContext } from '../document/load-context.ts';
import { onlyShaped } from '../document/stage-source.ts';
import type { AxisLabel } from '../graph.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { patchKeys, patchSchema } from '../schema/pipeline-schema.ts';
import { checkAgainst } from '../schema/validator.ts';
import {
  emptyMap,
  hasUnknown,
  isNull,
  isUnknown,
  type Located,
  type LocatedEntry,
  type LocatedMap,
  partialMap,
  quote,
  withoutKeys,
} from '../text/located.ts';
import { asName, labelProblem, nameProblem } from '../text/names.ts';

export interface Label {
  readonly value: AxisLabel;
  /** The label as it is written. */
  readonly text: string;
  readonly at: SourceRange;
  /** The changes that the label makes to the stage. */
  readonly patch: LocatedMap | undefined;
}

export interface Axis {
  readonly name: string;
  readonly at: SourceRange;
  readonly labels: readonly Label[];
}

/** A row of `include:`: a label for each axis of the matrix, and its own changes. */
export interface IncludedRow {
  readonly at: SourceRange;
  readonly labels: ReadonlyMap<string, Label>;
  readonly patch: LocatedMap;
}

/** An item of `exclude:`. It removes the rows that have one of these labels on each of these axes. */
export interface Exclusion {
  readonly axes: readonly {
    readonly name: string;
    readonly at: SourceRange;
    readonly labels: readonly Label[];
  }[];
}

/** The most axes of a matrix, and of all inputs of a stage, because each cell holds a label of every axis. */
export const mostAxes = 32;
/** The most rows of `include:`, because each is a variant of the stage. */
const mostIncluded = 5_000;

export interface Matrix {
  readonly axes: readonly Axis[];
  readonly include: readonly IncludedRow[];
  readonly exclude: readonly Exclusion[];
}

export const noMatrix: Matrix = { axes: [], include: [], exclude: [] };

/** Reads a matrix. Undefined after an error, because the cells of the stage are not known then. */
export function readMatrix(matrix: LocatedMap | undefined, context: LoadContext): Matrix | undefined {
  if (matrix === undefined) return noMatrix;
  const before = context.sink.errorCount;
  if (areLabelsUnknown(matrix)) return undefined;
  const axes: Axis[] = [];
  for (const [name, { key, value }] of matrix.entries) {
    if (name === 'include' || name === 'exclude') continue;
    const problem = patchKeys.includes(name)
      ? 'it is a key of a stage, which a row of include: may change'
      : nameProblem(name);
    if (problem !== undefined) {
      const proper = patchKeys.includes(name) ? undefined : asName(name);
      context.sink.error('bad-id', key.at, `'${name}' can't name an axis: ${problem}`, {
        fix: proper === undefined ? 'choose another name' : `write '${proper}'`,
      });
      continue;
    }
    axes.push({ name, at: key.at, labels: readLabels(name, value, context) });
  }
  const extra = axes[mostAxes];
  if (extra !== undefined) {
    context.sink.error('too-large', extra.at, `a matrix can have at most ${mostAxes} axes`, {
      fix: 'remove axes of one label, or split the stage',
    });
    return undefined;
  }
  const rows = itemsOf(matrix, 'include', context);
  if (rows.length > mostIncluded) {
    context.sink.error(
      'too-large',
      rows[mostIncluded]!.at,
      `matrix.include can have at most ${mostIncluded} rows`,
      {
        fix: 'write what they share as an axis',
      },
    );
    return undefined;
  }
  const include = rows.flatMap((item) => includedRow(item, axes, context));
  const exclude = itemsOf(matrix, 'exclude', context).map((item) => exclusion(item, context));
  return context.sink.errorCount > before ? undefined : { axes, include, exclude };
}

/** Whether a label or an axis was refused. A patch with a part that was refused changes no label. */
function areLabelsUnknown({ partial, entries }: LocatedMap): boolean {
  const isRefused = ([name, { value }]: readonly [string, LocatedEntry]): boolean =>
    value.kind === 'map' && name !== 'include' && name !== 'exclude'
      ? value.partial === true
      : hasUnknown(value);
  return partial === true || [...entries].some(isRefused);
}

function readLabels(axis: string, value: Located, context: LoadContext): Label[] {
  const { sink } = context;
  const found =
    value.kind === 'map'
      ? [...value.entries.values()].map((entry) => labelOf(entry.key, patchOf(entry.value, context), context))
      : value.kind === 'sequence'
        ? value.items.map((item) => labelOf(item, undefined, context))
        : undefined;
  if (found === undefined) {
    sink.error(
      'wrong-type',
      value.at,
      `the axis '${axis}' takes a list of labels or a map from label to patch, not ${quote(value)}`,
      {
        fix: isNull(value)
          ? `write ${axis}: [first, second]`
          : `write [${value.kind === 'scalar' ? value.text : '…'}] for one label`,
      },
    );
    return [];
  }
  if (found.length === 0) {
    const related =
      value.kind !== 'template' && value.origin !== undefined
        ? [{ message: 'the value comes from here', at: value.origin }]
        : [];
    sink.error('empty-axis', value.at, `the axis '${axis}' has no labels, so the stage would have no cells`, {
      related,
      fix: 'give it a label, or remove the axis',
    });
  }
  const labels = new Map<string, Label>();
  for (const label of found) {
    if (label === undefined) continue;
    const first = labels.get(String(label.value));
    if (first === undefined) {
      labels.set(String(label.value), label);
    } else {
      sink.error('duplicate-label', label.at, `the axis '${axis}' has the label '${label.value}' twice`, {
        related: [{ message: 'the first is here', at: first.at }],
        fix: 'remove one of them',
      });
    }
  }
  return [...labels.values()];
}

/** A label as it is written, with its patch. Undefined after an error. */
export function labelOf(
  located: Located,
  patch: LocatedMap | undefined,
  { sink }: LoadContext,
): Label | undefined {
  if (located.kind === 'template') {
    forbidAxes(located, 'a label', sink, 'write the label itself, and use $(axes.…) in with:');
    return undefined;
  }
  if (located.kind !== 'scalar' || located.value === null) {
    sink.error('bad-label', located.at, `a label is a word, a number, true or false, not ${quote(located)}`, {
      fix: 'for changes to the stage write a map: axis: { label: { with: … } }',
    });
    return undefined;
  }
  const problem = typeof located.value === 'string' ? labelProblem(located.value) : undefined;
  if (problem !== undefined) {
    sink.error('bad-label', located.at, `${quote(located)} can't be a label: ${problem}`, {
      fix: 'choose a short name and put the value into its patch: { name: { with: { … } } }',
    });
    return undefined;
  }
  return { value: located.value, text: located.text, at: located.at, patch };
}

function patchOf(value: Located, context: LoadContext): LocatedMap | undefined {
  if (isNull(value)) return undefined;
  if (isUnknown(value)) return partialMap(value.at);
  if (value.kind !== 'map') {
    context.sink.error(
      'wrong-type',
      value.at,
      `a label maps to a patch of the stage such as { with: { … } }, not to ${quote(value)}`,
      {
        fix: 'for plain labels write a list: axis: [a, b]',
      },
    );
    return partialMap(value.at);
  }
  checkAgainst(
    patchSchema as JsonSchema,
    value,
    {
      owner: 'the patch of a label',
      noun: 'key',
      unknownCode: 'unknown-key',
      missingCode: 'missing-key',
      missingAt: value.at,
    },
    context.sink,
  );
  return onlyShaped(value);
}

function itemsOf(
  matrix: LocatedMap,
  key: 'include' | 'exclude',
  { sink }: LoadContext,
): readonly LocatedMap[] {
  const value = matrix.entries.get(key)?.value;
  if (value === undefined || isNull(value)) return [];
  const items = value.kind === 'sequence' ? value.items : [value];
  return items.flatMap((item) => {
    if (item.kind === 'map') return [item];
    sink.error(
      'wrong-type',
      item.at,
      `matrix.${key} takes a list of maps such as { axis: label }, not ${quote(item)}`,
    );
    return [];
  });
}

function includedRow(item: LocatedMap, axes: readonly Axis[], context: LoadContext): IncludedRow[] {
  const { sink } = context;
  const before = sink.errorCount;
  const labels = new Map<string, Label>();
  for (const [name, { key, value }] of item.entries) {
    if (patchKeys.includes(name)) continue;
    const axis = axes.find((candidate) => candidate.name === name);
    if (axis === undefined) {
      const known = [...axes.map((candidate) => candidate.name), ...patchKeys];
      sink.error(
        'unknown-axis',
        key.at,
        `the matrix has no axis '${name}'${didYouMean(name, known, 'its axes')}`,
      );
      continue;
    }
    const label = labelOf(value, undefined, context);
    const same = axis.labels.find(
      (candidate) => label !== undefined && String(candidate.value) === String(label.value),
    );
    if (label !== undefined) labels.set(name, same === undefined ? label : { ...same, at: label.at });
  }
  const missing = axes.filter(({ name }) => !item.entries.has(name)).map(({ name }) => name);
  // A misspelt axis is reported as unknown, not as missing too.
  if (missing.length > 0 && sink.errorCount === before) {
    sink.error(
      'incomplete-row',
      firstCharacters(item.at),
      `this row of include: has no label on '${missing.join("', '")}'; it needs one on every axis`,
      {
        fix: `add '${missing[0] ?? ''}: …'`,
      },
    );
  }
  const patch = withoutKeys(
    item,
    [...item.entries.keys()].filter((name) => !patchKeys.includes(name)),
  );
  return [{ at: firstCharacters(item.at), labels, patch: patchOf(patch, context) ?? emptyMap(item.at) }];
}

function exclusion(item: LocatedMap, context: LoadContext): Exclusion {
  const axes = [...item.entries].map(([name, { key, value }]) => ({
    name,
    at: key.at,
    labels: (value.kind === 'sequence' ? value.items : [value])
      .map((label) => labelOf(label, undefined, context))
      .filter((label) => label !== undefined),
  }));
  return { axes };
}

function firstCharacters(at: SourceRange): SourceRange {
  return { ...at, end: Math.min(at.end, at.start + 1) };
}
