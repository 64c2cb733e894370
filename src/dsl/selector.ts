import { didYouMean, shortList } from '../values/nearest.ts';
import type { Checked, Diagnostic, SourceRange } from './diagnostics/diagnostic.ts';
import { DiagnosticSink, untilTooMany } from './diagnostics/sink.ts';
import { type SourceFile, sourceFile } from './diagnostics/source.ts';
import type { Cell, Graph } from './graph.ts';
import { nameProblem } from './text/names.ts';
import { parseNumber } from './text/scalars.ts';

/**
 * `defended[attack=fgsm,strength=*]`: a stage, and labels on some of its axes; the others may be anything.
 */
export interface Selector {
  /** Undefined for `*`, every stage. */
  readonly stage: string | undefined;
  readonly labels: readonly {
    readonly axis: string;
    readonly label: string;
    readonly axisAt: SourceRange;
    readonly labelAt: SourceRange;
  }[];
  readonly at: SourceRange;
}

/** Shown as the file of diagnostics about selections. */
export const selectorSource = '<selection>';

/**
 * Indexes of the cells that selections name, in the order of the graph and each once; all cells if there are
 * no selections. The diagnostics point into the selections, one a line, which `sources` holds.
 */
export function selectCells(
  graph: Pick<Graph, 'stages' | 'cells'>,
  selections: readonly string[],
): Checked<readonly number[]> & { readonly sources: readonly SourceFile[] } {
  const lines = selections.map((selection) => selection.replaceAll(/[\r\n]+/g, ' '));
  const source = sourceFile(selectorSource, lines.join('\n'));
  const sink = new DiagnosticSink();
  const chosen = new Set<number>();
  untilTooMany(() => {
    for (const [index, line] of lines.entries()) {
      const selector = parseSelector(line, source.lineStarts[index]!, sink);
      if (selector !== undefined) for (const cell of matching(selector, graph, sink)) chosen.add(cell);
    }
  });
  const diagnostics: readonly Diagnostic[] = sink.diagnostics;
  if (sink.failed) return { ok: false, diagnostics, sources: [source] };
  const all = lines.length === 0 ? graph.cells.map((_, index) => index) : [...chosen].sort((a, b) => a - b);
  return { ok: true, value: all, warnings: diagnostics, sources: [source] };
}

function parseSelector(text: string, offset: number, sink: DiagnosticSink): Selector | undefined {
  const range = (start: number, end: number): SourceRange => ({
    file: selectorSource,
    start: offset + start,
    end: offset + end,
  });
  const at = range(0, text.length);
  if (text === '*') return { stage: undefined, labels: [], at };
  const match = /^([A-Za-z_*][\w-]*)(?:\[(.*)\])?$/.exec(text);
  if (match === null) {
    sink.error('bad-selector', at, `'${text}' is not a selection${selectionProblem(text)}`, {
      fix: "write 'stage', 'stage[axis=label,axis=*]' or '*', in quotes for the shell",
    });
    return undefined;
  }
  const [, stage = '', inside] = match;
  const labels: Selector['labels'][number][] = [];
  let start = stage.length + 1;
  for (const part of inside === undefined || inside.trim() === '' ? [] : inside.split(',')) {
    const equals = part.indexOf('=');
    if (equals < 1) {
      sink.error('bad-selector', range(start, start + part.length), `'${part}' is not 'axis=label'`, {
        fix: `write ${stage}[axis=${part.trim() || 'label'}]`,
      });
      return undefined;
    }
    labels.push({
      axis: part.slice(0, equals).trim(),
      label: part.slice(equals + 1).trim(),
      axisAt: range(start, start + equals),
      labelAt: range(start + equals + 1, start + part.length),
    });
    start += part.length + 1;
  }
  return { stage: stage === '*' ? undefined : stage, labels, at };
}

/** The end of a sentence that says why a text is not a selection; empty if there is nothing special about it. */
function selectionProblem(text: string): string {
  if (text === '') return ': it is empty';
  const stage = /^[^[]*/.exec(text)![0];
  if (text.includes('[') && !text.includes(']')) return ": ']' is missing";
  if (text.includes('[') && !text.endsWith(']')) return ": nothing may follow the ']'";
  if (stage.includes('.')) return ': it selects cells, which have no port';
  const problem = nameProblem(stage);
  return problem === undefined ? '' : `: '${stage}' can't name a stage, because ${problem}`;
}

function matching(
  { stage, labels, at }: Selector,
  { stages, cells }: Pick<Graph, 'stages' | 'cells'>,
  sink: DiagnosticSink,
): readonly number[] {
  const candidates = stages.filter(({ id }) => stage === undefined || id === stage);
  if (stage !== undefined && candidates.length === 0) {
    const known = stages.map(({ id }) => id);
    sink.error(
      'unknown-stage',
      { ...at, end: at.start + stage.length },
      `there is no stage '${stage}'${didYouMean(stage, known, 'stages')}`,
    );
    return [];
  }
  const before = sink.errorCount;
  const having = candidates.filter(({ axes }) => labels.every(({ axis }) => axes.includes(axis)));
  for (const { axis, axisAt, label, labelAt } of labels) {
    const axes = [...new Set(candidates.flatMap((candidate) => candidate.axes))];
    if (!axes.includes(axis)) {
      const owner = stage === undefined ? 'no stage has' : `'${stage}' has no`;
      sink.error(
        'unknown-axis',
        axisAt,
        `${owner} axis '${axis}'${didYouMean(axis, axes, 'axes')}`.replace('has axis', 'has an axis'),
      );
      continue;
    }
    const present = new Set<string>();
    for (const { firstCell, cellCount } of having) {
      for (let index = firstCell; index < firstCell + cellCount; index++)
        present.add(String(cells[index]!.axes[axis]));
    }
    if (label === '*' || [...present].some((known) => sameLabel(known, label))) continue;
    sink.error(
      'unknown-label',
      labelAt,
      `the axis '${axis}' has no label '${label}'${didYouMean(label, present)}`,
      { fix: `choose one of its labels: ${shortList([...present])}` },
    );
  }
  if (sink.errorCount > before) return [];
  const found: number[] = [];
  for (const { firstCell, cellCount } of having) {
    for (let index = firstCell; index < firstCell + cellCount; index++)
      if (fits(cells[index]!, labels)) found.push(index);
  }
  if (found.length === 0) sink.error('no-match', at, 'no cell has this combination of labels');
  return found;
}

function fits({ axes }: Cell, labels: Selector['labels']): boolean {
  return labels.every(({ axis, label }) => label === '*' || sameLabel(String(axes[axis]), label));
}

/**
 * Labels are one if they are written alike or are the same number: `0.060` selects `0.06`, `16/510` does not
 * select `8/255`.
 */
function sameLabel(label: string, wanted: string): boolean {
  if (label === wanted) return true;
  if (label.includes('/') || wanted.includes('/')) return false;
  const number = parseNumber(wanted);
  return number !== undefined && parseNumber(label) === number;
}
