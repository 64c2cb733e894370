import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { AxisLabel, Cell, CellOutput } from '../graph.ts';
import { reportInnerClash } from './inner-axes.ts';
import type { Relation } from './join.ts';
import type { LabelTable } from './labels.ts';
import { findLabel, isPick } from './pick-labels.ts';
import type { Reference, Where } from './references.ts';
import type { ExpandedStage } from './expansion.ts';

export type Item = CellOutput & { readonly axes: Readonly<Record<string, AxisLabel>> };

/**
 * The relation that a reference offers the join: its axes, and behind each row the outputs that the row
 * stands for.
 */
export interface Offer {
  readonly reference: Reference;
  readonly relation: Relation;
  readonly items: readonly (readonly Item[])[];
  /** Gives the labels of an axis in the order in which they are written. */
  readonly labelsInOrder: ExpandedStage['labelsInOrder'];
}

/** The input that reads a reference. */
interface Consumer {
  readonly port: string;
  readonly kind: string;
  readonly uses: string;
}

/** Selects and groups the cells that a reference names. Undefined after an error. */
export function offerOf(
  reference: Reference,
  source: ExpandedStage,
  consumer: Consumer,
  cells: readonly Cell[],
  labels: LabelTable,
  sink: DiagnosticSink,
): Offer | undefined {
  const before = sink.errorCount;
  const rows = selected(reference.where, source, labels, sink);
  const collected = collectedAxes(reference, source, sink);
  if (sink.errorCount > before) return undefined;
  const ports = checkPorts(reference, rows, source, consumer, sink);
  if (ports === undefined) return undefined;
  if (!outputsAreThere(reference, rows, ports, source, cells, sink)) return undefined;
  const clash = Object.keys(reference.labels).find((axis) => source.columns.has(axis));
  if (clash !== undefined) {
    sink.error('axis-clash', reference.labelsAt!, `'${source.id}' already has the axis '${clash}'`, {
      fix: 'label: adds an axis, so give it another name',
    });
    return undefined;
  }
  const isLabelled = Object.keys(reference.labels).length > 0;
  const items = rows.map((row): Item => {
    const cell = source.firstCell + row;
    const { axes: own } = cells[cell]!;
    const labelled = isLabelled ? { ...reference.labels, ...own } : own;
    return { cell, port: ports[source.variantOf[row]!]!, axes: labelled };
  });
  if (reportInnerClash(reference, items, ports, source, sink)) return undefined;
  const dropped = new Set(reference.where.filter(({ single }) => single).map(({ axis }) => axis));
  const axes = source.axes.filter((axis) => !dropped.has(axis) && !collected.has(axis));
  const columns = axes.map((axis) => {
    const column = source.columns.get(axis)!;
    return rows.map((row) => column[row]!);
  });
  if (reference.collect === undefined) {
    return {
      reference,
      relation: { axes, columns, count: rows.length },
      items: items.map((item) => [item]),
      labelsInOrder: source.labelsInOrder,
    };
  }
  return { ...grouped(axes, columns, items), reference, labelsInOrder: source.labelsInOrder };
}

/**
 * Returns false, after an error, if a cell lacks the output: an optional output needs the input of the same
 * name.
 */
function outputsAreThere(
  reference: Reference,
  rows: readonly number[],
  ports: readonly string[],
  source: ExpandedStage,
  cells: readonly Cell[],
  sink: DiagnosticSink,
): boolean {
  const absent = rows.find((row) => {
    const port = ports[source.variantOf[row]!]!;
    const output = source.variants[source.variantOf[row]!]!.signature!.out[port]!;
    return output.optional === true && cells[source.firstCell + row]!.inputs[port] === undefined;
  });
  if (absent === undefined) return true;
  const port = ports[source.variantOf[absent]!]!;
  sink.error(
    'missing-input',
    reference.at,
    `'${source.id}' has no output '${port}', because its input '${port}' is not connected`,
    {
      same: `${source.id} ${port}`,
      related: [{ message: `'${source.id}' is defined here`, at: source.keyAt }],
      fix: `add 'in: { ${port}: STAGE }' to '${source.id}'`,
    },
  );
  return false;
}

function grouped(
  axes: readonly string[],
  columns: readonly (readonly number[])[],
  items: readonly Item[],
): Pick<Offer, 'relation' | 'items'> {
  const groups = new Map<string, { first: number; items: Item[] }>();
  for (const [row, item] of items.entries()) {
    const key = columns.map((column) => column[row]!).join(',');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: row, items: [item] });
    else group.items.push(item);
  }
  const list = [...groups.values()];
  const relation = {
    axes,
    columns: columns.map((column) => list.map(({ first }) => column[first]!)),
    count: list.length,
  };
  return { relation, items: list.map((group) => group.items) };
}

/**
 * The rows that `where:` selects. Labels are found first, whatever the order in which they are written, and
 * the words that pick a label pick among the rows that the labels leave.
 */
function selected(
  where: readonly Where[],
  source: ExpandedStage,
  labels: LabelTable,
  sink: DiagnosticSink,
): readonly number[] {
  let rows: readonly number[] = Array.from({ length: source.count }, (_, row) => row);
  const labelsIn = (axis: string, column: readonly number[]): readonly AxisLabel[] => {
    const present = new Set(rows.map((row) => column[row]!));
    return source
      .labelsInOrder(axis)
      .filter((id) => present.has(id))
      .map((id) => labels.labelOf(axis, id));
  };
  const entries = where.flatMap((entry) => {
    const column = source.columns.get(entry.axis);
    if (column === undefined) {
      reportUnknownAxis(entry.axis, entry.axisAt, source, sink);
      return [];
    }
    const known = labelsIn(entry.axis, column);
    const picks = entry.labels.some((label) => isPick(label, known));
    return [{ ...entry, column, picks, known }];
  });
  for (const { axis, labels: wanted, column, picks, known } of [
    ...entries.filter((entry) => !entry.picks),
    ...entries.filter((entry) => entry.picks),
  ]) {
    const candidates = picks ? labelsIn(axis, column) : known;
    if (candidates.length === 0) return rows;
    const ids = new Set<number>();
    for (const label of wanted) {
      const found = findLabel(label, candidates, `the axis '${axis}' of '${source.id}'`);
      if (found.ok) ids.add(labels.idOf(axis, found.label));
      else sink.error('unknown-label', label.at, found.message, { fix: found.fix });
    }
    rows = rows.filter((row) => ids.has(column[row]!));
  }
  return rows;
}

function collectedAxes({ collect }: Reference, source: ExpandedStage, sink: DiagnosticSink): Set<string> {
  if (collect === undefined) return new Set();
  if (collect === 'all') return new Set(source.axes);
  for (const { axis, at } of collect)
    if (!source.columns.has(axis)) reportUnknownAxis(axis, at, source, sink);
  return new Set(collect.map(({ axis }) => axis));
}

function reportUnknownAxis(axis: string, at: SourceRange, source: ExpandedStage, sink: DiagnosticSink): void {
  sink.error(
    'unknown-axis',
    at,
    `'${source.id}' has no axis '${axis}'${didYouMean(axis, source.axes, 'its axes')}`,
    {
      related: [{ message: `'${source.id}' is defined here`, at: source.keyAt }],
    },
  );
}

/** The output port by variant of the source. Each must exist and be of the kind that the input takes. */
function checkPorts(
  reference: Reference,
  rows: readonly number[],
  source: ExpandedStage,
  consumer: Consumer,
  sink: DiagnosticSink,
): readonly string[] | undefined {
  const ports: string[] = [];
  let fine = true;
  for (const index of new Set(rows.map((row) => source.variantOf[row]!))) {
    const { signature, usesAt } = source.variants[index]!;
    if (signature === undefined) return undefined;
    const port = reference.port ?? signature.defaultOutput;
    const output = Object.hasOwn(signature.out, port) ? signature.out[port] : undefined;
    ports[index] = port;
    const here = { message: `'${source.id}' uses ${signature.uses} here`, at: usesAt };
    if (output === undefined) {
      const names = Object.keys(signature.out);
      sink.error(
        'unknown-output',
        reference.portAt,
        `${signature.uses} has no output '${port}'${didYouMean(port, names, 'its outputs')}`,
        {
          same: port,
          related: [here],
        },
      );
      fine = false;
    } else if (consumer.kind !== 'any' && output.kind !== consumer.kind) {
      const others = Object.entries(signature.out).filter(([, other]) => other.kind === consumer.kind);
      const sourceName = reference.port === undefined ? `'${source.id}'` : `'${source.id}.${port}'`;
      sink.error(
        'kind-mismatch',
        reference.at,
        `${sourceName} is of kind '${output.kind}', but the input '${consumer.port}' of ${consumer.uses} takes kind '${consumer.kind}'`,
        {
          same: `${consumer.port} ${output.kind}`,
          related: [here],
          fix: others[0] === undefined ? undefined : `write '${source.id}.${others[0][0]}'`,
        },
      );
      fine = false;
    }
  }
  return fine ? ports : undefined;
}
