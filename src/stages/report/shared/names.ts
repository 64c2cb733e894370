import { meanNames } from '../../../report/mean-over.ts';
import type { Caveat, KnownInputs, ParameterProblem } from '../../../runtime/stage.ts';
import type { JsonObject } from '../../../values/json.ts';
import { didYouMean, shortList } from '../../../values/nearest.ts';
import { listOf } from './columns.ts';

/** Says which names a parameter of a report holds: one name or a list of names. */
export interface NameRule<P extends string = string> {
  readonly names: 'axis' | 'number' | 'axis or number';
  /** The input, or the inputs together, that must have the names. */
  readonly of: P | readonly P[];
  /** The axes that it names are averaged over, as `meanOver` does, before other parameters name anything. */
  readonly averages?: true;
}

export interface NameRules {
  /** By parameter. */
  readonly names: Readonly<Record<string, NameRule>>;
  /**
   * Parameters whose axes together are the place of a value in the report. If the first names axes, two values
   * that differ in other axes only are an error.
   */
  readonly places: readonly string[];
  /** The kind of each input. */
  readonly kinds: Readonly<Record<string, string>>;
  /** Parameters that take a list of names. */
  readonly lists: readonly string[];
}

type KnownValue = KnownInputs[string][number];
type Labels = KnownValue['axes'];

/** The inputs that a rule is about; undefined where only a run shows the names. */
interface Known {
  /** `scores`, `images`, `predictions`: for messages. */
  readonly noun: string;
  readonly axes: readonly string[] | undefined;
  readonly numbers: readonly string[] | undefined;
  /** The labels of each value. */
  readonly labels: readonly Labels[];
  /** Whether no value has axes inside. */
  readonly isPlain: boolean;
  /** The axes on which two values with one place differ, by place and axes that are averaged over. */
  readonly clashes: Map<string, readonly string[]>;
  readonly values: readonly KnownValue[];
  /** The first caveat that a value has about each number. */
  readonly caveats: Map<string, Caveat | undefined>;
}

const remembered = new WeakMap<KnownInputs, Map<string, Known>>();

/**
 * Judges the names in the parameters of a report by what the graph knows of its inputs. What it does not know
 * is not judged, so that no report is refused that could be drawn.
 */
export function judgeNames(
  rules: NameRules,
  params: JsonObject,
  inputs: KnownInputs,
): readonly ParameterProblem[] {
  const entries = Object.entries(rules.names);
  const averagedIn = entries.filter(([, { averages }]) => averages === true).map(([param]) => param);
  const averaged = averagedIn.flatMap((param) => namesIn(params, param));
  const problems = entries.flatMap(([param, rule]) => {
    const known = knownOf(rule.of, inputs, rules);
    if (known.labels.length === 0) return [];
    const seen = rule.averages === true ? known : afterMeans(known, averaged);
    return namesIn(params, param).flatMap((name, index): readonly ParameterProblem[] => {
      const path = Array.isArray(params[param]) ? [param, String(index)] : [param];
      if (rule.averages !== true && averaged.includes(name) && !isKnown(name, seen, rule))
        return [averagedProblem(name, path, averagedIn)];
      return isKnown(name, seen, rule) ? [] : [unknownName(name, path, seen, rule)];
    });
  });
  if (problems.length > 0) return problems;
  return [...clashProblems(rules, params, inputs, averaged), ...caveatsOf(rules, params, inputs)];
}

/** The caveats of the numbers that the report shows. */
function caveatsOf(rules: NameRules, params: JsonObject, inputs: KnownInputs): readonly ParameterProblem[] {
  return Object.entries(rules.names).flatMap(([param, { of, names }]) => {
    if (names === 'axis') return [];
    const { values, caveats } = knownOf(of, inputs, rules);
    return namesIn(params, param).flatMap((name, index) => {
      if (!caveats.has(name))
        caveats.set(
          name,
          values.map((value) => value.caveats()[name]).find((caveat) => caveat !== undefined),
        );
      const caveat = caveats.get(name);
      if (caveat === undefined) return [];
      const path = Array.isArray(params[param]) ? [param, String(index)] : [param];
      return [{ code: 'other-classifier' as const, ...caveat, path }];
    });
  });
}

function namesIn(params: JsonObject, param: string): readonly string[] {
  return listOf(params[param] as string | readonly string[] | undefined);
}

function knownOf(of: NameRule['of'], inputs: KnownInputs, { kinds }: NameRules): Known {
  const ports = listOf(of);
  const memo = remembered.get(inputs) ?? new Map<string, Known>();
  remembered.set(inputs, memo);
  let known = memo.get(ports.join(' '));
  if (known === undefined) {
    known = describe(ports, inputs, kinds);
    memo.set(ports.join(' '), known);
  }
  return known;
}

function describe(ports: readonly string[], inputs: KnownInputs, kinds: NameRules['kinds']): Known {
  const all = ports.flatMap((port) => {
    // Only metrics have axes inside.
    const isPlain = kinds[port] !== 'metrics' && kinds[port] !== 'any';
    return (inputs[port] ?? []).map((value) => (isPlain ? { ...value, innerAxes: [] } : value));
  });
  const axes = new Set<string>();
  const inner = new Set<string>();
  const numbers = new Set<string>();
  for (const value of all) {
    for (const axis of Object.keys(value.axes)) axes.add(axis);
    for (const axis of value.innerAxes ?? []) inner.add(axis);
    for (const name of value.values ?? []) numbers.add(name);
  }
  return {
    noun: kinds[ports[0] ?? ''] === 'metrics' ? 'scores' : (kinds[ports[0] ?? ''] ?? 'values'),
    axes: all.some(({ innerAxes }) => innerAxes === undefined)
      ? undefined
      : [...new Set([...axes, ...inner])],
    numbers: all.some(({ values }) => values === undefined) ? undefined : [...numbers],
    labels: all.map((value) => value.axes),
    isPlain: all.every(({ innerAxes }) => innerAxes?.length === 0),
    clashes: new Map(),
    values: all,
    caveats: new Map(),
  };
}

function afterMeans(known: Known, averaged: readonly string[]): Known {
  if (averaged.length === 0) return known;
  return {
    ...known,
    axes: known.axes?.filter((axis) => !averaged.includes(axis)),
    numbers: known.numbers && meanNames(known.numbers),
  };
}

function isKnown(name: string, { axes, numbers }: Known, { names }: NameRule): boolean {
  const among = (list: readonly string[] | undefined): boolean => list?.includes(name) ?? true;
  return (names !== 'number' && among(axes)) || (names !== 'axis' && among(numbers));
}

function unknownName(
  name: string,
  path: readonly string[],
  { noun, axes = [], numbers = [] }: Known,
  { names }: NameRule,
): ParameterProblem {
  const isNot = {
    axis: 'not an axis',
    number: 'not a number',
    'axis or number': 'neither an axis nor a number',
  };
  const lists = [
    ...(names === 'number' ? [] : [`the axes are ${listed(axes)}`]),
    ...(names === 'axis' ? [] : [`the numbers are ${listed(withoutSpreads(numbers))}`]),
  ];
  const known = [...(names === 'number' ? [] : axes), ...(names === 'axis' ? [] : numbers)];
  return {
    code: 'unknown-name',
    path,
    message: `'${name}' (${path[0]!}) is ${isNot[names]} of the ${noun}${didYouMean(name, known)}`,
    fix: `choose another name: ${lists.join('; ')}`,
  };
}

function averagedProblem(
  name: string,
  path: readonly string[],
  averagedIn: readonly string[],
): ParameterProblem {
  const by = averagedIn.join(' and ');
  return {
    code: 'unknown-name',
    path,
    message: `'${name}' (${path[0]!}) is averaged over by ${by}, so the means do not have this axis`,
    fix: `take '${name}' out of ${by} or out of ${path[0]!}`,
  };
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : shortList(names, 16);
}

/** The numbers without the ends of their intervals and their deviations, which would hide the others. */
function withoutSpreads(numbers: readonly string[]): readonly string[] {
  const known = new Set(numbers);
  return numbers.filter((name) => {
    const base = name.replace(/(Low|High|Deviation)$/, '');
    return base === name || !known.has(base);
  });
}

/** The problem if two values would have one place in the report. */
function clashProblems(
  rules: NameRules,
  params: JsonObject,
  inputs: KnownInputs,
  averaged: readonly string[],
): readonly ParameterProblem[] {
  const { names, places, lists } = rules;
  const [first] = places;
  const rule = first === undefined ? undefined : names[first];
  if (first === undefined || rule === undefined) return [];
  const known = knownOf(rule.of, inputs, rules);
  const isAxis = (name: string): boolean => known.axes?.includes(name) === true && !averaged.includes(name);
  if (!known.isPlain || params[first] === undefined || !namesIn(params, first).every(isAxis)) return [];
  const placed = places.flatMap((param) => namesIn(params, param));
  const key = JSON.stringify([placed, averaged]);
  const differing = known.clashes.get(key) ?? firstClash(known.labels, placed, averaged);
  known.clashes.set(key, differing);
  if (differing.length === 0) return [];
  const axes = differing.map((axis) => `'${axis}'`).join(', ');
  const open = places.filter((param) => lists.includes(param));
  const adds = open.length === 0 ? '' : `add ${axes} to ${open.join(' or ')}, `;
  const means = Object.keys(names).filter((param) => names[param]!.averages === true);
  const averages = means.length === 0 ? '' : `average over it with ${means.join(' or ')}, `;
  const others = adds + averages === '' ? '' : `${adds}${averages}or `;
  return [
    {
      code: 'unplaced-axis',
      path: [first],
      message: `several ${known.noun} would stand at the same place, because they differ only in ${axes}`,
      fix: `${others}select one label with where: { ${differing[0]!}: … }`,
    },
  ];
}

/** The axes on which the first two values differ that have one place; none if every place has one value. */
function firstClash(
  labels: readonly Labels[],
  placed: readonly string[],
  averaged: readonly string[],
): readonly string[] {
  const found = new Map<string, { readonly axes: Labels; readonly rest: string }>();
  for (const axes of labels) {
    const kept = Object.keys(axes)
      .filter((axis) => !averaged.includes(axis))
      .sort();
    const place = JSON.stringify(placed.map((axis) => axes[axis] ?? null));
    const rest = JSON.stringify(kept.map((axis) => [axis, axes[axis]]));
    const other = found.get(place);
    if (other === undefined) found.set(place, { axes, rest });
    else if (other.rest !== rest) {
      const either = [...new Set([...Object.keys(other.axes), ...kept])];
      return either.filter((axis) => !averaged.includes(axis) && axes[axis] !== other.axes[axis]);
    }
  }
  return [];
}
