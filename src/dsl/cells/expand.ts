import { didYouMean, shortList } from '../../values/nearest.ts';
import type { LoadContext } from '../document/load-context.ts';
import type { StageSource } from '../document/stage-source.ts';
import type { AxisLabel, CellInput, StageSettings } from '../graph.ts';
import type { CellParams } from './cell-params.ts';
import { bind, type BoundVariant, type Expansion, judgeParamsAlone } from './connect-inputs.ts';
import type { ExpandedStage, Item } from './input-relation.ts';
import type { LabelTable } from './labels.ts';
import type { Matrix } from './matrix.ts';
import type { Variant } from './variants.ts';

/** Adds the cells of a stage whose inputs are expanded. Undefined after a mistake here or in what it reads. */
export function expandStage(
  stage: StageSource,
  matrix: Matrix,
  variants: readonly Variant[],
  settingsOf: (variant: Variant) => StageSettings | undefined,
  expansion: Expansion,
  context: LoadContext,
): ExpandedStage | undefined {
  const { sink } = context;
  const before = sink.errorCount;
  const bound = variants.map((variant) => bind(stage, variant, expansion, context));
  const whole = bound.filter((item) => item !== undefined);
  const first = whole[0];
  if (whole.length < bound.length || first === undefined) {
    judgeParamsAlone(stage, variants, context);
    return undefined;
  }
  const inherited = first.joined.axes;
  checkAxes(stage, matrix, whole, inherited, sink);
  const axes = [...inherited, ...matrix.axes.map(({ name }) => name)];
  for (const { params } of whole) {
    for (const { axis, at } of params?.axes ?? []) {
      if (axes.includes(axis)) continue;
      sink.error('unknown-axis', at, `'${stage.id}' has no axis '${axis}'${didYouMean(axis, axes, 'axes')}`, {
        fix: `a stage has the axes of its inputs and those of its matrix`,
      });
    }
  }
  if (sink.errorCount > before) {
    judgeParamsAlone(stage, variants, context);
    return undefined;
  }
  const rows = orderedRows(whole, matrix, axes, expansion, stage, context);
  return rows === undefined ? undefined : makeCells(stage, whole, rows, axes, settingsOf, expansion, context);
}

function checkAxes(
  stage: StageSource,
  matrix: Matrix,
  bound: readonly BoundVariant[],
  inherited: readonly string[],
  sink: LoadContext['sink'],
): void {
  for (const { offers } of bound) {
    for (const axis of matrix.axes) {
      const offer = offers.find(({ relation }) => relation.axes.includes(axis.name));
      if (offer === undefined) continue;
      sink.error(
        'axis-clash',
        axis.at,
        `'${stage.id}' has the axis '${axis.name}' from its input '${offer.reference.stage}' already`,
        {
          related: [{ message: 'the axis comes from here', at: offer.reference.at }],
          fix: 'rename this axis, or fan the input in with collect:',
        },
      );
    }
  }
  const [first, ...others] = bound;
  for (const { joined, offers, variant } of others) {
    const odd = [
      ...joined.axes.filter((axis) => !inherited.includes(axis)),
      ...inherited.filter((axis) => !joined.axes.includes(axis)),
    ];
    if (odd.length === 0) continue;
    const at =
      [...offers, ...(first?.offers ?? [])].find(({ relation }) => relation.axes.includes(odd[0]!))?.reference
        .at ?? stage.keyAt;
    sink.error(
      'axes-differ',
      at,
      `all cells of '${stage.id}' must have the same axes, but '${odd.join("', '")}' is only in some of them${variant.says}`,
      {
        same: stage.id,
        fix: 'select a label with where: { axis: label }, which drops the axis, or fan in with collect:',
      },
    );
  }
}

/** Comparisons of a cell with an exclusion, of one stage. */
const mostExclusions = 10_000_000;

/** A cell to be: its variant, the row of the variant's join, and its labels in the order of the axes. */
type Row = readonly [variant: number, joined: number, labels: readonly number[]];

function orderedRows(
  bound: readonly BoundVariant[],
  matrix: Matrix,
  axes: readonly string[],
  { cells, labels }: Expansion,
  stage: StageSource,
  { sink, maxCells }: LoadContext,
): readonly Row[] | undefined {
  const count = bound.reduce((sum, { joined, variant }) => sum + joined.count * variant.rows.length, 0);
  if (cells.length + count > maxCells) {
    const so = cells.length === 0 ? '' : ` after the ${cells.length} of the stages before it`;
    sink.error(
      'too-many-cells',
      stage.keyAt,
      `'${stage.id}' would have ${count} cells${so}; at most ${maxCells} are planned`,
      {
        fix: 'select with where:, exclude combinations, fan in with collect:, or allow more with --max-cells',
      },
    );
    return undefined;
  }
  const comparisons = count * matrix.exclude.length;
  if (comparisons > mostExclusions) {
    sink.error(
      'too-large',
      matrix.exclude[0]!.axes[0]?.at ?? stage.keyAt,
      `${count} cells of '${stage.id}' times ${matrix.exclude.length} exclusions are more than ${mostExclusions}`,
      { fix: 'exclude several labels at once: { axis: [a, b] }' },
    );
    return undefined;
  }
  const fromInclude = bound.length - matrix.include.length;
  const exclusions = exclusionTests(matrix, axes, bound, labels, stage, sink);
  const rows: Row[] = [];
  for (const [index, { joined, variant }] of bound.entries()) {
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
    sink.error('no-cells', stage.keyAt, `'${stage.id}' has no cells: matrix.exclude removes all of them`);
    return undefined;
  }
  return bound.length > 1 ? sorted(rows, matrix, axes, bound, labels) : rows;
}

function exclusionTests(
  matrix: Matrix,
  axes: readonly string[],
  bound: readonly BoundVariant[],
  labels: LabelTable,
  stage: StageSource,
  sink: LoadContext['sink'],
): readonly ((row: readonly number[]) => boolean)[] {
  const knownByAxis = new Map<string, ReadonlySet<string>>();
  const knownLabels = (name: string, column: number): ReadonlySet<string> => {
    let known = knownByAxis.get(name);
    if (known === undefined) {
      const own = matrix.axes.find((axis) => axis.name === name)?.labels.map(({ value }) => value);
      const ids = own === undefined ? bound.flatMap(({ joined }) => joined.columns[column] ?? []) : [];
      known = new Set((own ?? [...new Set(ids)].map((id) => labels.labelOf(name, id))).map(String));
      knownByAxis.set(name, known);
    }
    return known;
  };
  return matrix.exclude.map(({ axes: conditions }) => {
    const tests = conditions.flatMap(({ name, at, labels: wanted }) => {
      const column = axes.indexOf(name);
      if (column === -1) {
        sink.error(
          'unknown-axis',
          at,
          `'${stage.id}' has no axis '${name}'${didYouMean(name, axes, 'its axes')}`,
        );
        return [];
      }
      const known = knownLabels(name, column);
      for (const label of wanted) {
        if (known.has(String(label.value))) continue;
        sink.error(
          'unknown-label',
          label.at,
          `the axis '${name}' of '${stage.id}' has no label '${label.value}'${didYouMean(String(label.value), known)}`,
          {
            fix: `its labels: ${shortList([...known])}`,
          },
        );
      }
      const ids = new Set(wanted.map((label) => labels.idOf(name, label.value)));
      return [(row: readonly number[]) => ids.has(row[column]!)];
    });
    return (row) => tests.length > 0 && tests.every((test) => test(row));
  });
}

/** Rows of several variants in the order of the axes, as if they were one: labels in the order in which they are written. */
function sorted(
  rows: Row[],
  matrix: Matrix,
  axes: readonly string[],
  bound: readonly BoundVariant[],
  labels: LabelTable,
): Row[] {
  const ranks = axes.map((name, column) => {
    const own = matrix.axes.find((axis) => axis.name === name);
    const rank = new Map<number, number>();
    const ids =
      own === undefined
        ? bound.flatMap(({ joined }) => joined.columns[column] ?? [])
        : own.labels.map(({ value }) => labels.idOf(name, value));
    for (const id of ids) if (!rank.has(id)) rank.set(id, rank.size);
    return rank;
  });
  return rows.sort((a, b) => {
    for (const [column, rank] of ranks.entries()) {
      const difference = (rank.get(a[2][column]!) ?? Infinity) - (rank.get(b[2][column]!) ?? Infinity);
      if (difference !== 0 && !Number.isNaN(difference)) return difference;
    }
    return 0;
  });
}

function makeCells(
  stage: StageSource,
  bound: readonly BoundVariant[],
  rows: readonly Row[],
  axes: readonly string[],
  settingsOf: (variant: Variant) => StageSettings | undefined,
  { cells, stages, labels }: Expansion,
  context: LoadContext,
): ExpandedStage | undefined {
  const before = context.sink.errorCount;
  const firstCell = cells.length;
  const inputs = bound.map(inputsOf);
  const settings = bound.map(({ variant }) => settingsOf(variant));
  const memos = bound.map(() => new Map<string, ReturnType<CellParams['forCell']>>());
  const waits = bound.map(({ params }) => (params?.axes ?? []).map(({ axis }) => axes.indexOf(axis)));
  for (const [index, row, ids] of rows) {
    const { variant, params } = bound[index]!;
    const labelled: Record<string, AxisLabel> = {};
    let text = '';
    for (const [column, axis] of axes.entries()) {
      labelled[axis] = labels.labelOf(axis, ids[column]!);
      text += `${column === 0 ? '' : ','}${labels.textOf(axis, ids[column]!)}`;
    }
    const id = axes.length === 0 ? stage.id : `${stage.id}[${text}]`;
    const key = waits[index]!.map((column) => ids[column]!).join(',');
    const memo = memos[index]!;
    let values = memo.get(key);
    if (values === undefined && !memo.has(key)) {
      values = params?.forCell((axis) => labelled[axis], id);
      memo.set(key, values);
    }
    const own = settings[index];
    cells.push({
      id,
      stage: stage.id,
      uses: variant.uses,
      axes: labelled,
      params: values ?? {},
      inputs: inputs[index]!(row),
      ...(own !== undefined && { settings: own }),
    });
  }
  if (context.sink.errorCount > before) {
    cells.length = firstCell;
    return undefined;
  }
  const columns = new Map(axes.map((axis, column) => [axis, rows.map(([, , ids]) => ids[column]!)]));
  const variantOf = rows.map(([index]) => index);
  const variants = bound.map(({ variant }) => variant);
  const expanded = {
    id: stage.id,
    keyAt: stage.keyAt,
    axes,
    columns,
    firstCell,
    count: rows.length,
    variants,
    variantOf,
  };
  stages.set(stage.id, expanded);
  return expanded;
}

/** Inputs of a row of the join. What rows share is one object. */
function inputsOf({
  bound,
  offers,
  joined,
}: BoundVariant): (row: number) => Readonly<Record<string, CellInput>> {
  const singles = offers.map(({ items }) =>
    items.map((list): CellInput => ({ one: { cell: list[0]!.cell, port: list[0]!.port } })),
  );
  const lists = offers.map(({ items }) => items.map((list): CellInput => ({ many: list })));
  const merged = (indexes: readonly number[], row: number): readonly Item[] =>
    indexes.flatMap((index) => offers[index]!.items[joined.rows[index]![row]!]!);
  return (row) => {
    const inputs: Record<string, CellInput> = {};
    for (const { port, list, offers: indexes } of bound) {
      const [only] = indexes;
      const single =
        indexes.length === 1 && only !== undefined
          ? (list ? lists : singles)[only]![joined.rows[only]![row]!]!
          : undefined;
      inputs[port] = single ?? { many: merged(indexes, row) };
    }
    return inputs;
  };
}
