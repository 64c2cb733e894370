import { Type } from '@sinclair/typebox';
import { meanOver } from '../../../report/mean-over.ts';
import { axisNames, scoreRows, valueNames, varyingAxes } from '../../../report/rows.ts';
import type { ScoreRow } from '../../../report/rows.ts';
import { type KnownInputs, type ParameterProblem, StageError } from '../../../runtime/stage.ts';
import { nearest } from '../../../values/nearest.ts';

/** A list of names from one name (`attack`), from a list (`[attack, model]`), or from nothing. */
export function listOf(names: string | readonly string[] | undefined): readonly string[] {
  if (names === undefined) return [];
  return typeof names === 'string' ? [names] : names;
}

/** Throws a `StageError` that lists the axes unless every name is an axis of the scores. */
export function requireAxes(rows: readonly ScoreRow[], param: string, names: readonly string[]): void {
  for (const name of names) requireName(param, name, 'an axis', axisNames(rows));
}

/** The axes over which a report shows means instead of single scores. */
export const meanOverParameter = {
  meanOver: Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 8 })], {
      description:
        'axis, or list of axes, of repeats (such as a seed): mean ± standard deviation over its labels, instead of intervals',
    }),
  ),
};

/** Display names of labels, axes and numbers in the report. */
export const labelsParameter = {
  labels: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 200 }), {
      maxProperties: 500,
      description:
        'what labels, axes and numbers are called for readers, such as { fgsm: FGSM, jpeg: JPEG }; the data in CSV and JSON keep their names',
    }),
  ),
};

/** Labels with one name in common could not be distinguished in a figure. */
export function labelProblems(
  labels: Readonly<Record<string, string>> | undefined,
): readonly ParameterProblem[] {
  const first = new Map<string, string>();
  return Object.entries(labels ?? {}).flatMap(([label, name]) => {
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, label);
      return [];
    }
    return [
      {
        path: ['labels', label],
        message: `'${other}' and '${label}' are both called '${name}' (labels)`,
        fix: 'give each a name of its own',
      },
    ];
  });
}

/**
 * A label that is called as another label of its axis could not be distinguished from it either. Judges by the labels that the graph knows, and
 * leaves two that `labels` gives one name to `labelProblems`.
 */
export function labelClashes(
  labels: Readonly<Record<string, string>> | undefined,
  inputs: KnownInputs,
): readonly ParameterProblem[] {
  const renamed = new Map(Object.entries(labels ?? {}));
  if (renamed.size === 0) return [];
  const axes = new Map<string, Set<string>>();
  for (const value of Object.values(inputs).flat()) {
    for (const [axis, label] of Object.entries(value.axes)) {
      const known = axes.get(axis) ?? new Set();
      axes.set(axis, known.add(String(label)));
    }
  }
  const clashes = new Map<string, ParameterProblem>();
  for (const [axis, known] of axes) {
    for (const label of known) {
      const name = renamed.get(label);
      if (name === undefined || name === label || !known.has(name) || renamed.has(name)) continue;
      clashes.set(label, {
        path: ['labels', label],
        message: `'${label}' is called '${name}' (labels), as another label of '${axis}' is`,
        fix: `give '${label}' another name, or '${name}' one too`,
      });
    }
  }
  return [...clashes.values()];
}

/** The rule for the names in `meanOver`. */
export const meanOverNames = { names: 'axis', of: 'scores', averages: true } as const;

/** Throws a `StageError` that lists the numbers unless every name is a number in the scores. */
export function requireValues(rows: readonly ScoreRow[], param: string, names: readonly string[]): void {
  for (const name of names) requireName(param, name, 'a number', valueNames(rows));
}

export function requireName(
  param: string,
  name: string,
  what: string,
  known: readonly string[],
  owner = 'of the scores',
): void {
  if (known.includes(name)) return;
  const guess = nearest(name, known);
  const list =
    known.length === 0 ? 'there is none' : `known are ${known.map((item) => `'${item}'`).join(', ')}`;
  throw new StageError(`'${name}' (${param}) is not ${what} ${owner}; ${list}`, {
    fix: guess === undefined ? `set ${param} to one of its names` : `set ${param} to '${guess}'`,
  });
}

/** The rows of the collected scores, averaged over the axes of `meanOver`. Throws `StageError` if there are none. */
export function rowsToReport(
  scores: Parameters<typeof scoreRows>[0],
  over: string | readonly string[] | undefined,
): readonly ScoreRow[] {
  const single = scoreRows(scores);
  requireRows(single);
  requireAxes(single, 'meanOver', listOf(over));
  return meanOver(single, listOf(over));
}

function requireRows(rows: readonly ScoreRow[]): void {
  if (rows.length > 0) return;
  throw new StageError('there are no scores to report: the input is an empty list', {
    fix: 'collect the output of an evaluate stage: in: { scores: { from: scores, collect: all } }',
  });
}

/**
 * The error if two rows have the same place. It names the axes on which they differ, so that the user can
 * give each a place.
 */
export function clashError(first: ScoreRow, second: ScoreRow, places: string): StageError {
  const differing = [...new Set([...Object.keys(first.axes), ...Object.keys(second.axes)])].filter(
    (axis) => first.axes[axis] !== second.axes[axis],
  );
  if (differing.length === 0) {
    return new StageError('two scores have the same labels on every axis, so they cannot be told apart', {
      fix: 'collect the output of one evaluate stage, or give each source its own axis',
    });
  }
  const axes = differing.map((axis) => `'${axis}'`).join(', ');
  return new StageError(`several scores would stand at the same place, because they differ only in ${axes}`, {
    fix: `add ${axes} to ${places}, or select one label with where: { ${differing[0]!}: … }`,
  });
}

/** Axes that have several labels and no place in the report. */
export function unplacedAxes(rows: readonly ScoreRow[], placed: readonly string[]): readonly string[] {
  return varyingAxes(rows).filter((axis) => !placed.includes(axis));
}
