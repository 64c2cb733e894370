import { didYouMean } from '../../values/nearest.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { LoadContext } from '../document/load-context.ts';
import type { StageSource } from '../document/stage-source.ts';
import type { AxisLabel } from '../graph.ts';
import type { ConnectedVariant } from './connect-inputs.ts';
import type { Expansion } from './expansion.ts';
import type { LabelTable } from './labels.ts';
import type { Exclusion, Matrix } from './matrix.ts';
import { findLabel } from './pick-labels.ts';

/** A stage whose inputs are connected, before its cells are made. */
export interface ConnectedStage {
  readonly stage: StageSource;
  readonly matrix: Matrix;
  /** Those of the axes of the matrix come first, then one for each row of `matrix.include`. */
  readonly variants: readonly ConnectedVariant[];
  /** The axes of its cells, those of its inputs first. */
  readonly axes: readonly string[];
}

/** A cell to be: its variant, the row of the variant's join, and its labels in the order of the axes. */
export type Row = readonly [variant: number, joined: number, labels: readonly number[]];

/** The most comparisons of a row with an exclusion in one stage. */
const mostExclusions = 10_000_000;

/** The rows of a stage that are not excluded, in the order of its axes. Undefined after an error. */
export function rowsOf(
  connected: ConnectedStage,
  { cells, labels }: Expansion,
  context: LoadContext,
): readonly Row[] | undefined {
  const { stage, matrix, variants, axes } = connected;
  if (!isOfPlannableSize(connected, cells.length, context)) return undefined;
  const fromInclude = variants.length - matrix.include.length;
  const exclusions = exclusionTests(connected, labels, context.sink);
  const rows: Row[] = [];
  for (const [index, { joined, variant }] of variants.entries()) {
    for (let row = 0; row < joined.count; row++) {
      const outer = joined.columns.map((column) => column[row]!);
      for (const inner of variant.rows) {
        const all = [...outer, ...inner];
        if (index < fromInclude && exclusions.some((test) => test(all))) continue;
        rows.push([index, row, all]);
      }
    }
  }
  if (rows.length === 0) {
    const message = `'${stage.id}' has no cells: matrix.exclude removes all of them`;
    context.sink.error('no-cells', stage.keyAt, message, {
      fix: 'remove an item of exclude:, or add the rows that are to stay with include:',
    });
    return undefined;
  }
  if (variants.length === 1) return rows;
  return sorted(
    rows,
    axes.map((_, column) => ranksOf(connected, column, labels)),
  );
}

function isOfPlannableSize(
  { stage, matrix, variants }: ConnectedStage,
  cellsBefore: number,
  { sink, maxCells }: LoadContext,
): boolean {
  const count = variants.reduce((sum, { joined, variant }) => sum + joined.count * variant.rows.length, 0);
  if (cellsBefore + count > maxCells) {
    const so = cellsBefore === 0 ? '' : ` after the ${cellsBefore} of the stages before it`;
    sink.error(
      'too-many-cells',
      stage.keyAt,
      `'${stage.id}' would have ${count} cells${so}; at most ${maxCells} are allowed`,
      {
        fix: 'select with where:, exclude combinations, read a list with collect:, or allow more with --max-cells',
      },
    );
    return false;
  }
  if (count * matrix.exclude.length > mostExclusions) {
    sink.error(
      'too-large',
      matrix.exclude[0]!.axes[0]?.at ?? stage.keyAt,
      `${count} cells of '${stage.id}' times ${matrix.exclude.length} exclusions are more than ${mostExclusions} comparisons`,
      { fix: 'exclude several labels at once: { axis: [a, b] }' },
    );
    return false;
  }
  return true;
}

type RowTest = (labels: readonly number[]) => boolean;

/** One test for each item of `matrix.exclude`, true for the rows that it removes. */
function exclusionTests(
  connected: ConnectedStage,
  labels: LabelTable,
  sink: DiagnosticSink,
): readonly RowTest[] {
  const { stage, matrix, axes } = connected;
  const knownByAxis = new Map<string, readonly AxisLabel[]>();
  const knownLabels = (axis: string, column: number): readonly AxisLabel[] => {
    const known = knownByAxis.get(axis) ?? labelsOfAxis(connected, column, labels);
    knownByAxis.set(axis, known);
    return known;
  };
  return matrix.exclude.map(({ axes: conditions }) => {
    const tests = conditions.flatMap((condition): readonly RowTest[] => {
      const column = axes.indexOf(condition.name);
      if (column === -1) {
        sink.error(
          'unknown-axis',
          condition.at,
          `'${stage.id}' has no axis '${condition.name}'${didYouMean(condition.name, axes, 'its axes')}`,
        );
        return [];
      }
      const known = knownLabels(condition.name, column);
      const found = foundLabels(condition, known, stage, sink);
      const ids = new Set(found.map((label) => labels.idOf(condition.name, label)));
      return [(row) => ids.has(row[column]!)];
    });
    return (row) => tests.length > 0 && tests.every((test) => test(row));
  });
}

/** The labels that an item of `matrix.exclude` names or picks on one axis. Reports those that the axis lacks. */
function foundLabels(
  { name, labels }: Exclusion['axes'][number],
  known: readonly AxisLabel[],
  stage: StageSource,
  sink: DiagnosticSink,
): readonly AxisLabel[] {
  return labels.flatMap((label) => {
    const found = findLabel(label, known, `the axis '${name}' of '${stage.id}'`);
    if (found.ok) return [found.label];
    sink.error('unknown-label', label.at, found.message, { fix: found.fix });
    return [];
  });
}

/** The labels of an axis in the order in which they are written: those of the matrix, or those of the inputs. */
function labelsOfAxis(connected: ConnectedStage, column: number, labels: LabelTable): readonly AxisLabel[] {
  const axis = connected.axes[column]!;
  const own = connected.matrix.axes.find(({ name }) => name === axis);
  if (own !== undefined) return own.labels.map(({ value }) => value);
  const present = new Set(inheritedIds(connected, column));
  return inheritedOrder(connected, axis)
    .filter((id) => present.has(id))
    .map((id) => labels.labelOf(axis, id));
}

/**
 * Ids of the labels of an axis in the order in which they are written, for stages that read this one. Rows of
 * `matrix.include` may add labels.
 */
export function labelOrder(connected: ConnectedStage, axis: string, labels: LabelTable): readonly number[] {
  const { matrix } = connected;
  const own = matrix.axes.find(({ name }) => name === axis);
  if (own === undefined) return inheritedOrder(connected, axis);
  const included = matrix.include.flatMap((row) => row.labels.get(axis) ?? []);
  return [...new Set([...own.labels, ...included].map(({ value }) => labels.idOf(axis, value)))];
}

function inheritedOrder({ variants }: ConnectedStage, axis: string): readonly number[] {
  const offers = variants.flatMap((variant) => variant.offers);
  const having = offers.filter(({ relation }) => relation.axes.includes(axis));
  return [...new Set(having.flatMap(({ labelsInOrder }) => labelsInOrder(axis)))];
}

function inheritedIds({ variants }: ConnectedStage, column: number): readonly number[] {
  return variants.flatMap(({ joined }) => joined.columns[column] ?? []);
}

/** The place of each label of an axis, by its id, in the order in which the labels are written. */
function ranksOf(connected: ConnectedStage, column: number, labels: LabelTable): ReadonlyMap<number, number> {
  const axis = connected.axes[column]!;
  const own = connected.matrix.axes.find(({ name }) => name === axis);
  const ids =
    own === undefined
      ? inheritedIds(connected, column)
      : own.labels.map(({ value }) => labels.idOf(axis, value));
  const ranks = new Map<number, number>();
  for (const id of ids) if (!ranks.has(id)) ranks.set(id, ranks.size);
  return ranks;
}

/** Rows of several variants in the order of the axes, as if they were one. */
function sorted(rows: Row[], ranks: readonly ReadonlyMap<number, number>[]): Row[] {
  return rows.sort((a, b) => {
    for (const [column, rank] of ranks.entries()) {
      const difference = (rank.get(a[2][column]!) ?? Infinity) - (rank.get(b[2][column]!) ?? Infinity);
      if (difference !== 0 && !Number.isNaN(difference)) return difference;
    }
    return 0;
  });
}
