import type { JsonObject } from '../../values/json.ts';
import { didYouMean } from '../../values/nearest.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { LoadContext } from '../document/load-context.ts';
import type { StageSource } from '../document/stage-source.ts';
import type { AxisLabel, CellInput, StageSettings } from '../graph.ts';
import type { CellParams } from './cell-params.ts';
import { inputsCheck } from './check-inputs.ts';
import { connectInputs, type ConnectedVariant, judgeParamsAlone } from './connect-inputs.ts';
import type { ExpandedStage, Expansion } from './expansion.ts';
import { renameAxis } from './inner-axes.ts';
import type { Item } from './input-relation.ts';
import type { LabelTable } from './labels.ts';
import type { Matrix } from './matrix.ts';
import { type ConnectedStage, labelOrder, type Row, rowsOf } from './rows.ts';
import type { Variant } from './variants.ts';

/** A stage with its own axes and variants, before its inputs are connected. */
export interface PreparedStage {
  readonly stage: StageSource;
  readonly matrix: Matrix;
  readonly variants: readonly Variant[];
}

/** Adds the cells of a stage whose inputs are expanded. Undefined after an error here or in what it reads. */
export function expandStage(
  prepared: PreparedStage,
  settingsOf: (variant: Variant) => StageSettings | undefined,
  expansion: Expansion,
  context: LoadContext,
): ExpandedStage | undefined {
  const connected = connectStage(prepared, expansion, context);
  if (connected === undefined) {
    judgeParamsAlone(prepared.stage, prepared.variants, context);
    return undefined;
  }
  const rows = rowsOf(connected, expansion, context);
  if (rows === undefined) return undefined;
  return makeCells(connected, rows, settingsOf, expansion, context);
}

/** Connects the inputs of all variants and finds the axes that their cells have in common. */
function connectStage(
  { stage, matrix, variants }: PreparedStage,
  expansion: Expansion,
  context: LoadContext,
): ConnectedStage | undefined {
  const { sink } = context;
  const before = sink.errorCount;
  const attempts = variants.map((variant) => connectInputs(stage, variant, variants, expansion, context));
  const connected = attempts.filter((item) => item !== undefined);
  const [first] = connected;
  if (connected.length < attempts.length || first === undefined) return undefined;
  reportAxisClashes(stage, matrix, connected, sink);
  reportDifferingAxes(stage, connected, sink);
  const axes = [...first.joined.axes, ...matrix.axes.map(({ name }) => name)];
  reportUnknownAxes(stage, connected, axes, sink);
  reportInnerAxes(stage, matrix, connected, axes, sink);
  return sink.errorCount > before ? undefined : { stage, matrix, variants: connected, axes };
}

/** Reports axes of the matrix that an input has already. */
function reportAxisClashes(
  stage: StageSource,
  matrix: Matrix,
  variants: readonly ConnectedVariant[],
  sink: DiagnosticSink,
): void {
  for (const { offers } of variants) {
    for (const axis of matrix.axes) {
      const offer = offers.find(({ relation }) => relation.axes.includes(axis.name));
      if (offer === undefined) continue;
      sink.error(
        'axis-clash',
        axis.at,
        `'${stage.id}' already has the axis '${axis.name}' from its input '${offer.reference.stage}'`,
        {
          related: [{ message: 'the axis comes from here', at: offer.reference.at }],
          fix: `rename this axis, or read a list over the axis of the input with collect: [${axis.name}]`,
        },
      );
    }
  }
}

/**
 * Reports an axis that has the name of an axis of the rows inside the main output: `ravelin metrics` and all that reads the
 * scores would show both in one column.
 */
function reportInnerAxes(
  stage: StageSource,
  matrix: Matrix,
  variants: readonly ConnectedVariant[],
  axes: readonly string[],
  sink: DiagnosticSink,
): void {
  for (const { variant, offers } of variants) {
    const { signature } = variant;
    const axis = signature?.out[signature.defaultOutput]?.axes?.find((name) => axes.includes(name));
    if (signature === undefined || axis === undefined) continue;
    const own = matrix.axes.find(({ name }) => name === axis)?.at;
    const offer = offers.find(({ relation }) => relation.axes.includes(axis));
    const origin = offer === undefined ? '' : ` from its input '${offer.reference.stage}'`;
    sink.error(
      'axis-clash',
      own ?? offer?.reference.at ?? stage.keyAt,
      `'${stage.id}' has the axis '${axis}'${origin}, and so have the rows inside its output '${signature.defaultOutput}'`,
      {
        same: `${stage.id} ${axis}`,
        related: [{ message: `${signature.uses} makes these rows`, at: variant.usesAt }],
        fix: renameAxis(axis),
      },
    );
  }
}

/** Reports variants whose inputs have other axes than those of the first variant. */
function reportDifferingAxes(
  stage: StageSource,
  variants: readonly ConnectedVariant[],
  sink: DiagnosticSink,
): void {
  const [first, ...others] = variants;
  const inherited = first?.joined.axes ?? [];
  for (const { joined, offers, variant } of others) {
    const more = joined.axes.filter((axis) => !inherited.includes(axis));
    const fewer = inherited.filter((axis) => !joined.axes.includes(axis));
    if (more.length + fewer.length === 0) continue;
    const [odd] = [...more, ...fewer];
    const offer = [...offers, ...(first?.offers ?? [])].find(({ relation }) => relation.axes.includes(odd!));
    const parts = [onlyWith(more, variant), onlyWith(fewer, first!.variant)].filter((part) => part !== '');
    sink.error(
      'axes-differ',
      offer?.reference.at ?? stage.keyAt,
      `all cells of '${stage.id}' must have the same axes, but ${parts.join(', and ')}`,
      {
        same: stage.id,
        fix: 'select a label with where: { axis: label }, which drops the axis; or make two stages and let one list read both: [{ from: a, collect: all, label: { source: a } }, { from: b, … }]',
      },
    );
  }
}

/** `only attack=cw has 'lambda' and 'steps'`; empty for no axes. */
function onlyWith(axes: readonly string[], { says }: Variant): string {
  if (axes.length === 0) return '';
  const names = axes.map((axis) => `'${axis}'`);
  const last = names.pop()!;
  const all = names.length === 0 ? last : `${names.join(', ')} and ${last}`;
  return `only ${/^ \(with (.*)\)$/.exec(says)?.[1] ?? 'one of its variants'} has ${all}`;
}

/** Reports each `$(axes.x)` in parameters and seeds of cells that have no axis x. */
function reportUnknownAxes(
  stage: StageSource,
  variants: readonly ConnectedVariant[],
  axes: readonly string[],
  sink: DiagnosticSink,
): void {
  for (const { params, seed } of variants) {
    for (const { axis, at } of [...params.axes, ...(seed?.axes ?? [])]) {
      if (axes.includes(axis)) continue;
      sink.error(
        'unknown-axis',
        at,
        `'${stage.id}' has no axis '${axis}'${didYouMean(axis, axes, 'its axes')}`,
        {
          fix: 'add it to the matrix; a stage has the axes of its matrix and those of its inputs',
        },
      );
    }
  }
}

function makeCells(
  connectedStage: ConnectedStage,
  rows: readonly Row[],
  settingsOf: (variant: Variant) => StageSettings | undefined,
  expansion: Expansion,
  context: LoadContext,
): ExpandedStage | undefined {
  const { cells, stages, labels } = expansion;
  const { stage, axes, variants } = connectedStage;
  const before = context.sink.errorCount;
  const firstCell = cells.length;
  const parts = variants.map((connected) => ({
    uses: connected.variant.uses,
    inputs: inputsByRow(connected),
    params: paramsByLabels(connected.params, axes),
    seed: connected.seed && paramsByLabels(connected.seed, axes),
    settings: settingsOf(connected.variant),
    check: inputsCheck(connected, expansion, context),
  }));
  for (const [index, row, ids] of rows) {
    const { uses, inputs, params, seed, settings, check } = parts[index]!;
    const labelled = labelsOf(axes, ids, labels);
    const id = cellId(stage.id, axes, ids, labels);
    const own = seed?.(ids, labelled, id)?.['seed'];
    const [given, read] = [params(ids, labelled, id), inputs(row)];
    if (given !== undefined) check?.(given, read, (axis) => labelled[axis], id);
    cells.push({
      id,
      stage: stage.id,
      uses,
      axes: labelled,
      params: given ?? {},
      ...(typeof own === 'number' && own !== 0 && { seed: own }),
      inputs: read,
      ...(settings !== undefined && { settings }),
    });
  }
  if (context.sink.errorCount > before) {
    cells.length = firstCell;
    return undefined;
  }
  const expanded: ExpandedStage = {
    id: stage.id,
    keyAt: stage.keyAt,
    axes,
    columns: new Map(axes.map((axis, column) => [axis, rows.map(([, , ids]) => ids[column]!)])),
    labelsInOrder: (axis) => labelOrder(connectedStage, axis, labels),
    firstCell,
    count: rows.length,
    variants: variants.map(({ variant }) => variant),
    variantOf: rows.map(([index]) => index),
  };
  stages.set(stage.id, expanded);
  return expanded;
}

type Labelled = Readonly<Record<string, AxisLabel>>;

function labelsOf(axes: readonly string[], ids: readonly number[], labels: LabelTable): Labelled {
  const labelled: Record<string, AxisLabel> = {};
  for (const [column, axis] of axes.entries()) labelled[axis] = labels.labelOf(axis, ids[column]!);
  return labelled;
}

/** `defended[attack=fgsm,strength=0.06]`, or the bare name of a stage without axes. */
function cellId(stage: string, axes: readonly string[], ids: readonly number[], labels: LabelTable): string {
  if (axes.length === 0) return stage;
  let text = '';
  for (const [column, axis] of axes.entries())
    text += `${column === 0 ? '' : ','}${labels.textOf(axis, ids[column]!)}`;
  return `${stage}[${text}]`;
}

/**
 * The parameters of a cell, one object for all cells with the same labels on the axes that the parameters
 * depend on.
 */
function paramsByLabels(
  params: CellParams,
  axes: readonly string[],
): (ids: readonly number[], labelled: Labelled, cell: string) => JsonObject | undefined {
  const columns = params.axes.map(({ axis }) => axes.indexOf(axis));
  const memo = new Map<string, JsonObject | undefined>();
  return (ids, labelled, cell) => {
    const key = columns.map((column) => ids[column]!).join(',');
    if (!memo.has(key))
      memo.set(
        key,
        params.forCell((axis) => labelled[axis], cell),
      );
    return memo.get(key);
  };
}

/** The inputs of a row of the join. What rows share is one object. */
function inputsByRow({
  inputs,
  offers,
  joined,
}: ConnectedVariant): (row: number) => Readonly<Record<string, CellInput>> {
  const singles = offers.map(({ items }) =>
    items.map((list): CellInput => ({ one: { cell: list[0]!.cell, port: list[0]!.port } })),
  );
  const lists = offers.map(({ items }) => items.map((list): CellInput => ({ many: list })));
  const merged = (indexes: readonly number[], row: number): readonly Item[] =>
    indexes.flatMap((index) => offers[index]!.items[joined.rows[index]![row]!]!);
  return (row) => {
    const found: Record<string, CellInput> = {};
    for (const { port, list, offers: indexes } of inputs) {
      const [only] = indexes;
      const single =
        indexes.length === 1 && only !== undefined
          ? (list ? lists : singles)[only]![joined.rows[only]![row]!]!
          : undefined;
      found[port] = single ?? { many: merged(indexes, row) };
    }
    return found;
  };
}
