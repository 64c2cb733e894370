import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { forbidAxes, type LoadContext } from '../document/load-context.ts';
import { defaultsFor, type StageSource, type TypeDefaults, unknownType } from '../document/stage-source.ts';
import type { StageSignature } from '../signature.ts';
import {
  emptyMap,
  isUnknown,
  type LocatedMap,
  mapOf,
  mergeMaps,
  valueOf,
  withoutKeys,
} from '../text/located.ts';
import type { LabelTable } from './labels.ts';
import type { Axis, Label, Matrix } from './matrix.ts';
import { type Binding, readBindings } from './references.ts';

/**
 * A stage under one combination of the labels that change it. Its cells differ only in what `$(axes.x)` puts
 * in.
 */
export interface Variant {
  readonly body: LocatedMap;
  readonly uses: string;
  readonly usesAt: SourceRange;
  /** Undefined if the type is not known. The error is reported already. */
  readonly signature: StageSignature | undefined;
  readonly bindings: readonly Binding[];
  /** Rows over the stage's own axes: ids of labels, in the order of the axes. */
  readonly rows: readonly (readonly number[])[];
  /** ` (with attack=fgsm)` if the stage has several variants; otherwise empty. */
  readonly says: string;
}

/** The variants of a stage; undefined, after an error, if they would have more rows than can be planned. */
export function variantsOf(
  stage: StageSource,
  matrix: Matrix,
  defaults: readonly TypeDefaults[],
  labels: LabelTable,
  context: LoadContext,
): readonly Variant[] | undefined {
  if (!isOfPlannableSize(stage, matrix, context)) return undefined;
  const parts = [...combinations(stage, matrix, labels), ...includedRows(stage, matrix, labels)];
  const variants = parts.map((part) => variantOf(stage, part, defaults, context));
  reportRepeatedRows(matrix, variants, context);
  return variants;
}

function isOfPlannableSize(
  stage: StageSource,
  { axes, include }: Matrix,
  { sink, maxCells }: LoadContext,
): boolean {
  const count = axes.reduce((product, axis) => product * axis.labels.length, 1) + include.length;
  if (count <= maxCells) return true;
  const shape = axes.map(({ name, labels: { length } }) => `${name} (${length})`).join(' × ');
  sink.error(
    'too-many-cells',
    axes[0]?.at ?? stage.keyAt,
    `'${stage.id}' would have ${count} cells: ${shape}; at most ${maxCells} are allowed`,
    {
      fix: 'shorten an axis, exclude combinations, or allow more with --max-cells',
    },
  );
  return false;
}

/** The stage under some labels of its matrix, with their patches merged in. */
type Part = Pick<Variant, 'body' | 'rows' | 'says'>;

/** One part for each combination of labels on the axes that patch the stage. */
function combinations(stage: StageSource, { axes }: Matrix, labels: LabelTable): readonly Part[] {
  if (axes.some((axis) => axis.labels.length === 0)) return [];
  const base = withoutKeys(stage.body, ['matrix']);
  const ids = axes.map((axis) => axis.labels.map((label) => labels.idOf(axis.name, label.value)));
  const patching = axes.filter((axis) => axis.labels.some(({ patch }) => patch !== undefined));
  return product(patching.map((axis) => axis.labels)).map((chosen) => {
    const columns = axes.map((axis, index) => {
      const label = chosen[patching.indexOf(axis)];
      return label === undefined ? ids[index]! : [labels.idOf(axis.name, label.value)];
    });
    return {
      body: chosen.reduce(
        (merged, { patch }) => (patch === undefined ? merged : mergeMaps(merged, patch)),
        base,
      ),
      rows: product(columns),
      says: saysOf(patching, chosen),
    };
  });
}

/** One part for each row of `matrix.include`: the patches of its labels, then its own. */
function includedRows(stage: StageSource, { axes, include }: Matrix, labels: LabelTable): readonly Part[] {
  const base = withoutKeys(stage.body, ['matrix']);
  return include.map(({ labels: chosen, patch }) => {
    const patches = axes.map((axis) => chosen.get(axis.name)?.patch ?? emptyMap(patch.at));
    return {
      body: [...patches, patch].reduce(mergeMaps, base),
      rows: [axes.map((axis) => labels.idOf(axis.name, chosen.get(axis.name)?.value ?? ''))],
      says: saysOf(
        axes,
        axes.map((axis) => chosen.get(axis.name)!),
      ),
    };
  });
}

function saysOf(axes: readonly Axis[], chosen: readonly Label[]): string {
  return axes.length === 0
    ? ''
    : ` (with ${axes.map(({ name }, index) => `${name}=${String(chosen[index]?.value)}`).join(', ')})`;
}

function variantOf(
  stage: StageSource,
  { body: own, rows, says }: Part,
  defaults: readonly TypeDefaults[],
  context: LoadContext,
): Variant {
  const { sink, registry } = context;
  const uses = valueOf(own, 'uses');
  const name = uses?.kind === 'scalar' && typeof uses.value === 'string' ? uses.value : '';
  const usesAt = uses?.at ?? stage.keyAt;
  const patch = name === '' ? undefined : defaultsFor(name, defaults, context);
  const body = patch === undefined ? own : mergeMaps({ ...patch, at: own.at }, own);
  const bindings = readBindings(mapOf(body, 'in'), context);
  const signature = registry.get(name);
  if (uses === undefined) {
    // After `use:` for `uses:`, or an unknown template, this would be a second error for one cause.
    if (!body.partial && !sink.hasErrorIn(stage.body.at)) {
      sink.error('missing-uses', stage.keyAt, `the stage '${stage.id}' has no stage type${says}`, {
        same: stage.id,
        fix: "add 'uses: folder/name', in the stage or in each label of its matrix; 'ravelin stages' lists the types",
      });
    }
  } else if (uses.kind === 'template') {
    if (!isUnknown(uses))
      forbidAxes(
        uses,
        'uses:',
        sink,
        'let the labels of the axis change it: matrix: { axis: { label: { uses: … } } }',
      );
  } else if (signature === undefined && name !== '') {
    sink.error('unknown-stage-type', usesAt, unknownType(name, registry));
  }
  return { body, uses: name, usesAt, signature, bindings, rows, says };
}

/**
 * All ways to take one item of each list; the last list varies fastest. For no lists there is one empty way.
 */
export function product<T>(lists: readonly (readonly T[])[]): T[][] {
  let rows: T[][] = [[]];
  for (const list of lists) rows = rows.flatMap((row) => list.map((item) => [...row, item]));
  return rows;
}

function reportRepeatedRows(matrix: Matrix, variants: readonly Variant[], { sink }: LoadContext): void {
  if (matrix.include.length === 0) return;
  const seen = new Set<string>();
  const included = variants.length - matrix.include.length;
  for (const [index, { rows, says }] of variants.entries()) {
    for (const row of rows) {
      const key = row.join(',');
      const at = matrix.include[index - included]?.at;
      if (seen.has(key) && at !== undefined) {
        sink.error('duplicate-label', at, `the matrix already has this row${says}`, {
          fix: 'remove this row; to replace the other one, exclude it first',
        });
      }
      seen.add(key);
    }
  }
}
