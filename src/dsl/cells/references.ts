import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { forbidAxes, type LoadContext } from '../document/load-context.ts';
import type { AxisLabel } from '../graph.ts';
import {
  hasUnknown,
  isNull,
  isUnknown,
  type Located,
  type LocatedMap,
  type LocatedScalar,
  quote,
  valueOf,
} from '../text/located.ts';
import { nameProblem } from '../text/names.ts';
import { labelOf } from './matrix.ts';

export interface Where {
  readonly axis: string;
  readonly axisAt: SourceRange;
  readonly labels: readonly LocatedScalar[];
  /** True for one label, false for a list. One label drops the axis, as an index drops a dimension. */
  readonly single: boolean;
}

/** One source of an input: `stage`, `stage.output` or `{ from, where, collect }`. */
export interface Reference {
  readonly at: SourceRange;
  readonly stage: string;
  readonly stageAt: SourceRange;
  readonly port: string | undefined;
  readonly portAt: SourceRange;
  readonly where: readonly Where[];
  /** Labels that `label:` adds to the items of a list, so that a report can distinguish its sources. */
  readonly labels: Readonly<Record<string, AxisLabel>>;
  readonly labelsAt: SourceRange | undefined;
  readonly collect: 'all' | readonly { readonly axis: string; readonly at: SourceRange }[] | undefined;
}

export interface Binding {
  readonly port: string;
  readonly keyAt: SourceRange;
  /** Whether it is written as a list of references. */
  readonly list: boolean;
  readonly references: readonly Reference[];
  /** Whether a reference was wrong. The error is reported already. */
  readonly broken: boolean;
}

const parsed = new WeakMap<Located, Pick<Binding, 'list' | 'references' | 'broken'>>();

/** The inputs of a stage, as written. */
export function readBindings(inputs: LocatedMap | undefined, context: LoadContext): Binding[] {
  const bindings: Binding[] = [];
  for (const [port, { key, value }] of inputs?.entries ?? []) {
    let known = parsed.get(value);
    if (known === undefined) {
      known = readInput(value, context);
      parsed.set(value, known);
    }
    bindings.push({ port, keyAt: key.at, ...known });
  }
  return bindings;
}

function readInput(value: Located, context: LoadContext): Pick<Binding, 'list' | 'references' | 'broken'> {
  const list = value.kind === 'sequence';
  const items = list ? value.items : [value];
  const references = items.map((item) => readReference(item, context));
  return {
    list,
    references: references.filter((item) => item !== undefined),
    broken: references.includes(undefined),
  };
}

function readReference(value: Located, context: LoadContext): Reference | undefined {
  const { sink } = context;
  if (isUnknown(value)) return undefined;
  if (
    forbidAxes(
      value,
      'a reference',
      sink,
      'axes of one name are joined by themselves; select labels with where:',
    )
  )
    return undefined;
  if (value.kind === 'scalar' && typeof value.value === 'string')
    return parseName(value, [], undefined, sink);
  if (value.kind !== 'map') {
    const fix = isNull(value) ? 'write the name of a stage' : undefined;
    sink.error(
      'bad-reference',
      value.at,
      `an input is 'stage', 'stage.output' or { from, where, collect }, not ${quote(value)}`,
      { fix },
    );
    return undefined;
  }
  return readLongForm(value, context);
}

function readLongForm(value: LocatedMap, context: LoadContext): Reference | undefined {
  const { sink } = context;
  const before = sink.errorCount;
  for (const [key, entry] of value.entries) {
    if (referenceKeys.includes(key)) continue;
    const hint = didYouMean(key, referenceKeys, 'its keys');
    sink.error('unknown-key', entry.key.at, `'${key}' is not a key of a reference${hint}`);
  }
  const from = valueOf(value, 'from');
  if (hasUnknown(value) || (from === undefined && sink.errorCount > before)) return undefined;
  if (from?.kind !== 'scalar' || typeof from.value !== 'string') {
    const at = from?.at ?? { ...value.at, end: value.at.start + 1 };
    const message =
      from === undefined
        ? 'this reference does not say which stage it reads'
        : `from: takes the name of a stage or 'stage.output', not ${quote(from)}`;
    sink.error('bad-reference', at, message, { fix: "write 'from: stage' or 'from: stage.output'" });
    return undefined;
  }
  const where = readWhere(valueOf(value, 'where'), sink);
  const collect = readCollect(valueOf(value, 'collect'), sink);
  const label = valueOf(value, 'label');
  const labels = readAddedLabels(label, context);
  const reference = parseName(from, where, collect, sink);
  if (reference === undefined || sink.errorCount > before) return undefined;
  return { ...reference, labels, labelsAt: label?.at };
}

const referenceKeys: readonly string[] = ['from', 'where', 'collect', 'label'];

function readAddedLabels(value: Located | undefined, context: LoadContext): Reference['labels'] {
  if (value === undefined) return {};
  const { sink } = context;
  if (value.kind !== 'map') {
    const message = `label: takes a map such as { attack: deepfool }, not ${quote(value)}`;
    sink.error('bad-reference', value.at, message);
    return {};
  }
  const labels: Record<string, AxisLabel> = {};
  for (const [axis, { key, value: given }] of value.entries) {
    const problem = nameProblem(axis);
    if (problem !== undefined) sink.error('bad-id', key.at, `'${axis}' can't name an axis: ${problem}`);
    const label = labelOf(given, undefined, context);
    if (label !== undefined && problem === undefined) labels[axis] = label.value;
  }
  return labels;
}

function readWhere(value: Located | undefined, sink: LoadContext['sink']): Where[] {
  if (value === undefined) return [];
  if (value.kind !== 'map') {
    sink.error('bad-reference', value.at, `where: takes a map such as { attack: fgsm }, not ${quote(value)}`);
    return [];
  }
  return [...value.entries].flatMap(([axis, { key, value: labels }]): Where[] => {
    const items = labels.kind === 'sequence' ? labels.items : [labels];
    const scalars = items.filter(
      (item): item is LocatedScalar => item.kind === 'scalar' && item.value !== null,
    );
    if (scalars.length === items.length && items.length > 0) {
      return [{ axis, axisAt: key.at, labels: scalars, single: labels.kind !== 'sequence' }];
    }
    const wrong = items.find((item) => item.kind !== 'scalar' || item.value === null);
    const given = wrong === undefined ? 'an empty list' : quote(wrong);
    sink.error(
      'bad-reference',
      labels.at,
      `where: takes a label or a list of labels for '${axis}', not ${given}`,
    );
    return [];
  });
}

function readCollect(value: Located | undefined, sink: LoadContext['sink']): Reference['collect'] {
  if (value === undefined) return undefined;
  if (value.kind === 'scalar' && value.value === 'all') return 'all';
  const items = value.kind === 'sequence' ? value.items : [value];
  const axes = items.filter(
    (item): item is LocatedScalar => item.kind === 'scalar' && typeof item.value === 'string',
  );
  if (axes.length < items.length || items.length === 0) {
    const wrong = items.find((item) => item.kind !== 'scalar' || typeof item.value !== 'string');
    const given = wrong === undefined ? 'an empty list' : quote(wrong);
    sink.error(
      'bad-reference',
      wrong?.at ?? value.at,
      `collect: takes 'all' or a list of axes, not ${given}`,
    );
    return undefined;
  }
  return axes.map(({ text, at }) => ({ axis: text, at }));
}

function parseName(
  from: LocatedScalar,
  where: readonly Where[],
  collect: Reference['collect'],
  sink: LoadContext['sink'],
): Reference | undefined {
  const { text, at } = from;
  const match = /^([A-Za-z_][A-Za-z0-9_-]*)(?:\.([A-Za-z_][A-Za-z0-9_-]*))?$/.exec(text);
  if (match === null) {
    const selects = text.includes('[');
    sink.error('bad-reference', at, `${quote(from)} is neither 'stage' nor 'stage.output'`, {
      fix: selects
        ? `write { from: ${text.split('[')[0] ?? ''}, where: { axis: label } } to select cells`
        : 'write the name of a stage, such as digits, or of one of its outputs, such as defended.transform',
    });
    return undefined;
  }
  const [, stage = '', port] = match;
  const exact = from.origin === undefined && at.end - at.start === text.length;
  return {
    at,
    stage,
    stageAt: exact ? { ...at, end: at.start + stage.length } : at,
    port,
    portAt: exact && port !== undefined ? { ...at, start: at.end - port.length } : at,
    where,
    labels: {},
    labelsAt: undefined,
    collect,
  };
}
