import { didYouMean, shortList } from '../../values/nearest.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { LoadContext } from '../document/load-context.ts';
import type { StageSource } from '../document/stage-source.ts';
import type { InputPort, StageSignature } from '../signature.ts';
import { seedSchema } from '../schema/pipeline-schema.ts';
import { emptyMap, entryOf, isNull, isUnknown, sectionOf } from '../text/located.ts';
import { CellParams } from './cell-params.ts';
import type { Expansion } from './expansion.ts';
import { type Offer, offerOf } from './input-relation.ts';
import { join, type Joined, type JoinResult } from './join.ts';
import type { LabelTable } from './labels.ts';
import { mostAxes } from './matrix.ts';
import type { Binding } from './references.ts';
import type { Variant } from './variants.ts';

const seedSignature = { uses: 'a stage', with: seedSchema };

export interface ConnectedInput {
  readonly port: string;
  readonly list: boolean;
  /** Indexes of its offers in those of the variant. */
  readonly offers: readonly number[];
}

/** A variant whose inputs are connected to the cells that they read. */
export interface ConnectedVariant {
  readonly variant: Variant;
  readonly params: CellParams;
  /** The value of `seed:`; undefined if the stage has no seed of its own. */
  readonly seed: CellParams | undefined;
  readonly offers: readonly Offer[];
  readonly inputs: readonly ConnectedInput[];
  readonly joined: Joined;
}

/**
 * Validates the parameters of a stage whose cells could not be determined, so that errors in them are still
 * reported.
 */
export function judgeParamsAlone(
  stage: StageSource,
  variants: readonly Variant[],
  context: LoadContext,
): void {
  for (const variant of variants) {
    if (variant.signature === undefined) continue;
    paramsOf(stage, variant, variant.signature, variants, context).forCell(() => undefined, stage.id);
    seedOf(stage, variant, context)?.forCell(() => undefined, stage.id);
  }
}

function paramsOf(
  stage: StageSource,
  { body }: Variant,
  signature: StageSignature,
  variants: readonly Variant[],
  context: LoadContext,
): CellParams {
  const given = sectionOf(body, 'with') ?? emptyMap(stage.keyAt);
  const known = body.partial ? { ...given, partial: true as const } : given;
  const missingAt = entryOf(body, 'with')?.key.at ?? stage.keyAt;
  return new CellParams(known, signature, missingAt, context, variants);
}

/** `seed:` is a value of a cell like a parameter: `$(axes.x)` may stand in it. */
function seedOf(stage: StageSource, { body }: Variant, context: LoadContext): CellParams | undefined {
  const entry = entryOf(body, 'seed');
  if (entry === undefined || isNull(entry.value) || isUnknown(entry.value)) return undefined;
  const given = { ...body, entries: new Map([['seed', entry]]) };
  return new CellParams(given, seedSignature, stage.keyAt, context);
}

/**
 * Connects every input of a variant and joins them. Undefined after an error here or in what the variant
 * reads.
 */
export function connectInputs(
  stage: StageSource,
  variant: Variant,
  variants: readonly Variant[],
  expansion: Expansion,
  context: LoadContext,
): ConnectedVariant | undefined {
  const { sink } = context;
  const { signature } = variant;
  const offers: Offer[] = [];
  const inputs: ConnectedInput[] = [];
  let fine = true;
  for (const binding of variant.bindings) {
    if (!expansion.mayHaveMore) reportUnknownStages(binding, expansion.known, sink);
    if (signature === undefined) continue;
    const spec = inputPort(binding, signature, sink);
    const found = spec && offersFor(binding, spec, signature, expansion, sink);
    if (spec === undefined || found === undefined) {
      fine = false;
      continue;
    }
    const indexes = found.map((offer) => offers.push(offer) - 1);
    inputs.push({ port: binding.port, list: spec.list, offers: indexes });
  }
  if (signature === undefined) return undefined;
  fine = requiredInputsAreThere(stage, variant, signature, sink) && fine;
  const joined = fine ? joinOffers(offers, stage, expansion.labels, context) : undefined;
  if (joined === undefined) return undefined;
  return {
    variant,
    params: paramsOf(stage, variant, signature, variants, context),
    seed: seedOf(stage, variant, context),
    offers,
    inputs,
    joined,
  };
}

function reportUnknownStages({ references }: Binding, known: readonly string[], sink: DiagnosticSink): void {
  for (const { stage, stageAt } of references) {
    if (known.includes(stage)) continue;
    sink.error('unknown-stage', stageAt, `there is no stage '${stage}'${didYouMean(stage, known, 'stages')}`);
  }
}

/**
 * The declaration of the port that a binding names, if the port exists and takes as many values as it is
 * given.
 */
function inputPort(
  { port, keyAt, list, references, broken }: Binding,
  { uses, in: ports }: StageSignature,
  sink: DiagnosticSink,
): InputPort | undefined {
  const spec = Object.hasOwn(ports, port) ? ports[port] : undefined;
  if (spec === undefined) {
    sink.error(
      'unknown-input',
      keyAt,
      `'${port}' is not an input of ${uses}${didYouMean(port, Object.keys(ports), 'its inputs')}`,
      { same: port },
    );
    return undefined;
  }
  const labelled = spec.list ? undefined : references.find(({ labelsAt }) => labelsAt !== undefined);
  if (labelled !== undefined) {
    const message = `label: is for items of a list, and the input '${port}' of ${uses} takes one value`;
    sink.error('bad-reference', labelled.labelsAt!, message, { same: port, fix: 'remove label:' });
    return undefined;
  }
  const many = list || references.some(({ collect }) => collect !== undefined);
  if (!many || spec.list || broken) return spec;
  sink.error(
    'list-to-single',
    references[0]?.at ?? keyAt,
    `the input '${port}' of ${uses} takes one value, not a list`,
    {
      same: port,
      fix: list
        ? 'name one stage; to run once for each of them, let labels of a matrix change in:'
        : 'remove collect:, so that each cell of the source gets its own cell here',
    },
  );
  return undefined;
}

/** The relation that each reference of an input offers; undefined if one of them offers nothing. */
function offersFor(
  { port, references, broken }: Binding,
  spec: InputPort,
  { uses }: StageSignature,
  { stages, cells, labels }: Expansion,
  sink: DiagnosticSink,
): readonly Offer[] | undefined {
  const offers = references.map((reference) => {
    const source = stages.get(reference.stage);
    return source && offerOf(reference, source, { port, kind: spec.kind, uses }, cells, labels, sink);
  });
  const found = offers.filter((offer) => offer !== undefined);
  return broken || found.length < offers.length ? undefined : found;
}

/** Whether every input that the stage type needs is connected, and of two alternatives only one. */
function requiredInputsAreThere(
  stage: StageSource,
  { bindings, body }: Variant,
  { uses, in: ports }: StageSignature,
  sink: DiagnosticSink,
): boolean {
  // An input that is unknown is reported, so the input that was meant is not reported as missing too.
  const misspelt = bindings.some(({ port }) => !Object.hasOwn(ports, port));
  const connected = (port: string): boolean => bindings.some((binding) => binding.port === port);
  const partial = body.partial === true || sectionOf(body, 'in')?.partial === true;
  let fine = !partial;
  for (const [port, { optional, unless, kind, description }] of Object.entries(ports)) {
    if (unless !== undefined && connected(port) && connected(unless)) {
      const { keyAt } = bindings.find((binding) => binding.port === port)!;
      sink.error('param-conflict', keyAt, `'${stage.id}' has both '${port}' and '${unless}' of ${uses}`, {
        same: `${stage.id} ${port}`,
        fix: 'remove one of them',
      });
      fine = false;
    }
    if (connected(port) || (unless === undefined ? optional : connected(unless))) continue;
    fine = false;
    if (partial || misspelt) continue;
    const about = description === '' ? '' : `: ${description}`;
    sink.error(
      'missing-input',
      entryOf(body, 'in')?.key.at ?? stage.keyAt,
      `'${stage.id}' needs the input '${port}' of ${uses} (${kind === 'any' ? 'any kind' : `kind '${kind}'`})${about}`,
      {
        same: `${stage.id} ${port}`,
        fix: `add 'in: { ${port}: STAGE }'${unless === undefined ? '' : ` or 'in: { ${unless}: [STAGE, …] }'`}`,
      },
    );
  }
  return fine;
}

function joinOffers(
  offers: readonly Offer[],
  stage: StageSource,
  labels: LabelTable,
  context: LoadContext,
): Joined | undefined {
  const axes = new Set(offers.flatMap(({ relation }) => relation.axes));
  if (axes.size > mostAxes) {
    context.sink.error(
      'too-large',
      stage.keyAt,
      `the inputs of '${stage.id}' have ${axes.size} axes; at most ${mostAxes} can be joined`,
      {
        fix: 'select labels with where: { axis: label }, which drops the axis, or read a list with collect:',
      },
    );
    return undefined;
  }
  const relations = offers.map(({ relation }) => relation);
  const result = join(relations, context.maxCells);
  if (result.ok) return result.joined;
  if (result.why === 'empty') reportEmptyJoin(result, offers, stage, labels, context.sink);
  else reportTooMany(offers[result.index]!, stage, context);
  return undefined;
}

function reportTooMany({ reference }: Offer, stage: StageSource, { sink, maxCells }: LoadContext): void {
  sink.error(
    'too-many-cells',
    reference.at,
    `the inputs of '${stage.id}' have too many combinations; at most ${maxCells} are allowed`,
    {
      fix: 'select with where:, read a list with collect:, or allow more with --max-cells',
    },
  );
}

function reportEmptyJoin(
  { index, axes }: Extract<JoinResult, { readonly why: 'empty' }>,
  offers: readonly Offer[],
  stage: StageSource,
  labels: LabelTable,
  sink: DiagnosticSink,
): void {
  const { reference, relation } = offers[index]!;
  const labelsOf = ({ axes: names, columns }: Offer['relation'], axis: string): string =>
    shortList([...new Set(columns[names.indexOf(axis)])].map((id) => labels.labelOf(axis, id)));
  const [axis = ''] = axes;
  const other = offers.slice(0, index).find((offer) => offer.relation.axes.includes(axis));
  const together = axes.map((name) => `'${name}'`).join(', ');
  sink.error(
    'empty-join',
    reference.at,
    axis === ''
      ? `'${reference.stage}' has no cells here`
      : `the inputs of '${stage.id}' have no label in common on ${together}: '${reference.stage}' has ${labelsOf(relation, axis)}`,
    {
      related:
        other === undefined
          ? []
          : [
              {
                message: `'${other.reference.stage}' has ${labelsOf(other.relation, axis)}`,
                at: other.reference.at,
              },
            ],
      fix: 'use the same labels on both sides, or select one with where: { axis: label }, which drops the axis',
    },
  );
}
