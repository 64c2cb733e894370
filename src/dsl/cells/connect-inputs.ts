import { didYouMean, nearest, shortList } from '../../values/nearest.ts';
import type { LoadContext } from '../document/load-context.ts';
import type { StageSource } from '../document/stage-source.ts';
import type { Cell } from '../graph.ts';
import { emptyMap, entryOf, mapOf } from '../text/located.ts';
import { cellParams, type CellParams } from './cell-params.ts';
import { type ExpandedStage, type Offer, relate } from './input-relation.ts';
import { join, type Joined } from './join.ts';
import type { LabelTable } from './labels.ts';
import { mostAxes } from './matrix.ts';
import type { Variant } from './variants.ts';

/** What grows while the stages are expanded one after the other. */
export interface Expansion {
  readonly cells: Cell[];
  readonly stages: Map<string, ExpandedStage>;
  /** Ids of all stages as written, for suggestions. */
  readonly known: readonly string[];
  readonly labels: LabelTable;
}

export interface Bound {
  readonly port: string;
  readonly list: boolean;
  /** Indexes of its offers in those of the variant. */
  readonly offers: readonly number[];
}

export interface BoundVariant {
  readonly variant: Variant;
  readonly params: CellParams | undefined;
  readonly offers: readonly Offer[];
  readonly bound: readonly Bound[];
  readonly joined: Joined;
}

/** The parameters, where nobody knows the cells: mistakes in them are told all the same. */
export function judgeParamsAlone(
  stage: StageSource,
  variants: readonly Variant[],
  context: LoadContext,
): void {
  for (const variant of variants) paramsOf(stage, variant, context)?.forCell(() => undefined, stage.id);
}

function paramsOf(
  stage: StageSource,
  { body, signature }: Variant,
  context: LoadContext,
): CellParams | undefined {
  if (signature === undefined) return undefined;
  const entry = entryOf(body, 'with');
  return cellParams(
    mapOf(body, 'with') ?? emptyMap(stage.keyAt),
    signature,
    entry?.key.at ?? stage.keyAt,
    context,
  );
}

export function bind(
  stage: StageSource,
  variant: Variant,
  expansion: Expansion,
  context: LoadContext,
): BoundVariant | undefined {
  const { sink } = context;
  const { signature, bindings, uses, usesAt } = variant;
  const offers: Offer[] = [];
  const bound: Bound[] = [];
  let fine = true;
  for (const binding of bindings) {
    for (const { stage: id, stageAt } of binding.references) {
      if (expansion.known.includes(id)) continue;
      sink.error(
        'unknown-stage',
        stageAt,
        `there is no stage '${id}'${didYouMean(id, expansion.known, 'stages')}`,
      );
    }
    if (signature === undefined) continue;
    const { port, keyAt } = binding;
    const spec = Object.hasOwn(signature.in, port) ? signature.in[port] : undefined;
    if (spec === undefined) {
      sink.error(
        'unknown-input',
        keyAt,
        `'${port}' is not an input of ${uses}${didYouMean(port, Object.keys(signature.in), 'its inputs')}`,
        { same: port },
      );
      fine = false;
      continue;
    }
    const many = binding.list || binding.references.some(({ collect }) => collect !== undefined);
    if (many && !spec.list) {
      const at = binding.references[0]?.at ?? keyAt;
      sink.error('list-to-single', at, `the input '${port}' of ${uses} takes one value, not a list`, {
        same: port,
        fix: binding.list
          ? 'name one stage'
          : 'remove collect:, so that each cell of the source gets its own cell here',
      });
      fine = false;
      continue;
    }
    const indexes: number[] = [];
    for (const reference of binding.references) {
      const source = expansion.stages.get(reference.stage);
      const offer =
        source &&
        relate(
          reference,
          source,
          { port, spec, binding, uses, usesAt },
          expansion.cells,
          expansion.labels,
          sink,
        );
      if (offer === undefined) fine = false;
      else indexes.push(offers.push(offer) - 1);
    }
    fine &&= !binding.broken;
    bound.push({ port, list: spec.list, offers: indexes });
  }
  if (signature === undefined) return undefined;
  // A misspelt input is told as such, not as missing too.
  const meant = bindings
    .filter(({ port }) => !Object.hasOwn(signature.in, port))
    .map(({ port }) => nearest(port, Object.keys(signature.in)));
  const connected = (port: string): boolean => bindings.some((binding) => binding.port === port);
  for (const [port, { optional, unless, kind, description }] of Object.entries(signature.in)) {
    if (meant.includes(port)) continue;
    if (unless !== undefined && connected(port) && connected(unless)) {
      const { keyAt } = bindings.find((binding) => binding.port === port)!;
      sink.error('param-conflict', keyAt, `'${stage.id}' has both '${port}' and '${unless}' of ${uses}`, {
        same: `${stage.id} ${port}`,
        fix: 'remove one of them',
      });
      fine = false;
    }
    if (connected(port) || (unless === undefined ? optional : connected(unless))) continue;
    const at = entryOf(variant.body, 'in')?.key.at ?? stage.keyAt;
    const about = description === '' ? '' : ` (${description})`;
    sink.error(
      'missing-input',
      at,
      `'${stage.id}' needs the input '${port}' of ${uses}: ${kind === 'any' ? 'any value' : kind}${about}`,
      {
        same: `${stage.id} ${port}`,
        fix: `add 'in: { ${port}: STAGE }'${unless === undefined ? '' : ` or 'in: { ${unless}: [STAGE, …] }'`}`,
      },
    );
    fine = false;
  }
  if (!fine) return undefined;
  const axes = new Set(offers.flatMap(({ relation }) => relation.axes));
  if (axes.size > mostAxes) {
    sink.error(
      'too-large',
      stage.keyAt,
      `the inputs of '${stage.id}' have ${axes.size} axes; at most ${mostAxes} are joined`,
      {
        fix: 'select labels with where: { axis: label }, which drops the axis, or fan in with collect:',
      },
    );
    return undefined;
  }
  const result = join(
    offers.map(({ relation }) => relation),
    context.maxCells,
  );
  if (result.ok)
    return { variant, params: paramsOf(stage, variant, context), offers, bound, joined: result.joined };
  reportJoin(result, offers, stage, expansion.labels, context);
  return undefined;
}

function reportJoin(
  result:
    | { readonly why: 'empty'; readonly index: number; readonly axes: readonly string[] }
    | { readonly why: 'too-many'; readonly index: number },
  offers: readonly Offer[],
  stage: StageSource,
  labels: LabelTable,
  { sink, maxCells }: LoadContext,
): void {
  const offer = offers[result.index]!;
  const { reference, relation } = offer;
  if (result.why === 'too-many') {
    sink.error(
      'too-many-cells',
      reference.at,
      `the inputs of '${stage.id}' have more than ${maxCells} combinations, the most that are planned`,
      {
        fix: 'select with where:, fan in with collect:, or allow more with --max-cells',
      },
    );
    return;
  }
  const namesOf = ({ axes, columns }: Offer['relation'], axis: string): string =>
    shortList([...new Set(columns[axes.indexOf(axis)])].map((id) => labels.labelOf(axis, id)));
  const [axis = ''] = result.axes;
  const other = offers.slice(0, result.index).find(({ relation: { axes } }) => axes.includes(axis));
  const together = result.axes.map((name) => `'${name}'`).join(', ');
  sink.error(
    'empty-join',
    reference.at,
    axis === ''
      ? `'${reference.stage}' has no cells here`
      : `the inputs of '${stage.id}' have no label in common on ${together}: '${reference.stage}' has ${namesOf(relation, axis)}`,
    {
      related:
        other === undefined
          ? []
          : [
              {
                message: `'${other.reference.stage}' has ${namesOf(other.relation, axis)}`,
                at: other.reference.at,
              },
            ],
      fix: 'use the same labels on both sides, or select one with where: { axis: label }, which drops the axis',
    },
  );
}
