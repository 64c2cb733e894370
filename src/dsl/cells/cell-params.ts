import type { Json, JsonObject } from '../../values/json.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { LoadContext } from '../document/load-context.ts';
import { convert, convertScalar } from '../schema/convert.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { reportSchemaErrors, siteAt, type Subject } from '../schema/schema-errors.ts';
import { errorsOf } from '../schema/validator.ts';
import type { ParameterProblem, StageSignature, WarningCode } from '../signature.ts';
import { hasUnknown, type LocatedMap } from '../text/located.ts';
import { checkPaths, hasPaths } from './check-paths.ts';
import { fill, filled, type LabelOf, lengthOf, put, type Slot, slotsOf } from './fill-templates.ts';

/** The owner of the parameters, which messages name, with their schema. */
type ParameterOwner = Pick<StageSignature, 'uses' | 'with' | 'check'>;

interface StageVariant {
  readonly uses: string;
  readonly signature: ParameterOwner | undefined;
}

/**
 * The parameters of cells that differ in labels only. `with:` is read once; each further cell costs a copy of
 * its values and one validation.
 */
export class CellParams {
  /** Axes that the parameters depend on, in the order in which they appear. */
  readonly axes: readonly { readonly axis: string; readonly at: SourceRange }[];
  readonly #given: LocatedMap;
  readonly #signature: ParameterOwner;
  readonly #variants: readonly StageVariant[];
  readonly #schema: JsonSchema;
  /** The place that is reported for a missing parameter. */
  readonly #missingAt: SourceRange;
  readonly #context: LoadContext;
  /** The plain values, with the text of each template in the place of its value. */
  readonly #base: JsonObject;
  readonly #characters: number;
  readonly #slots: readonly Slot[];
  readonly #hasPaths: boolean;
  /** Whether a parameter was refused, so that the others are judged each by itself only. */
  readonly #partial: boolean;

  /** `variants` are those of the stage: another one may have a parameter that this one lacks. */
  constructor(
    given: LocatedMap,
    signature: ParameterOwner,
    missingAt: SourceRange,
    context: LoadContext,
    variants: readonly StageVariant[] = [],
  ) {
    this.#variants = variants;
    this.#given = given;
    this.#signature = signature;
    this.#schema = signature.with as JsonSchema;
    this.#missingAt = missingAt;
    this.#context = context;
    this.#base = convert(given, this.#schema) as JsonObject;
    this.#characters = JSON.stringify(this.#base).length;
    this.#slots = slotsOf(given, this.#schema, []);
    this.#hasPaths = hasPaths(this.#schema);
    this.#partial = hasUnknown(given);
    this.axes = axesOf(this.#slots);
  }

  /**
   * The parameters of a cell. Undefined after an error, which is reported with the name of the cell, and if
   * `labelOf` does not know a label that they need: what depends on it is not judged.
   */
  forCell(labelOf: LabelOf, cell: string): JsonObject | undefined {
    const characters = this.#characters + lengthOf(this.#slots, labelOf);
    if (!spend(characters, this.#missingAt, this.#context)) return undefined;
    const params = copy(this.#base);
    const unknown: Slot[] = [];
    for (const slot of this.#slots) {
      const scalar = filled(slot.template, labelOf);
      if (scalar === undefined) unknown.push(slot);
      put(params, slot.path, scalar === undefined ? null : convertScalar(scalar, slot.schema));
    }
    const errors = errorsOf(this.#schema, params);
    const fine = errors.length === 0 && unknown.length === 0 && !this.#partial;
    // The common cell ends here: the rest is for errors and for the few stage types with paths or a check.
    if (errors.length === 0 && !this.#hasPaths && this.#signature.check === undefined)
      return fine ? params : undefined;
    const located = this.#locatedFor(labelOf);
    const subject = this.#subject(cell);
    const before = this.#context.sink.errorCount;
    const waiting = unknown.map(({ path }) => `/${path.join('/')}`);
    const known = errors.filter(({ instancePath }) => !waiting.some((path) => instancePath.startsWith(path)));
    reportSchemaErrors(known, located, subject, this.#context.sink);
    if (!fine) return undefined;
    this.#checkBeyondSchema(params, located, subject);
    return this.#context.sink.errorCount > before ? undefined : params;
  }

  /**
   * Judges what a schema can't say: that paths stay inside the project, and the `check` of the stage type.
   */
  #checkBeyondSchema(params: JsonObject, located: LocatedMap, subject: Subject): void {
    if (this.#hasPaths) checkPaths(params, located, this.#schema, this.#context);
    for (const problem of this.#signature.check?.(params as never) ?? [])
      reportProblem(problem, located, subject, this.#context);
  }

  /** Reports problems in the parameters of a cell that passed `forCell`. */
  report(
    problems: readonly ParameterProblem[],
    labelOf: LabelOf,
    cell: string,
    placeOf: (problem: ParameterProblem) => SourceRange | undefined,
  ): void {
    const located = this.#locatedFor(labelOf);
    for (const problem of problems)
      reportProblem(problem, located, this.#subject(cell), this.#context, placeOf(problem));
  }

  #locatedFor(labelOf: LabelOf): LocatedMap {
    return this.#slots.length === 0 ? this.#given : (fill(this.#given, labelOf) as LocatedMap);
  }

  #subject(cell: string): Subject {
    return {
      owner: this.#signature.uses,
      noun: 'parameter',
      unknownCode: 'unknown-param',
      missingCode: 'missing-param',
      missingAt: this.#missingAt,
      ownersOf: (key) => [
        ...new Set(
          this.#variants
            .filter(({ signature }) => (signature?.with as JsonSchema | undefined)?.properties?.[key])
            .map(({ uses }) => uses),
        ),
      ],
      ...(this.#slots.length > 0 && { suffix: ` (in ${cell})` }),
    };
  }
}

function axesOf(slots: readonly Slot[]): CellParams['axes'] {
  const axes = new Map<string, SourceRange>();
  for (const { template } of slots) {
    for (const part of template.parts)
      if (typeof part !== 'string' && !axes.has(part.axis)) axes.set(part.axis, part.at);
  }
  return [...axes].map(([axis, at]) => ({ axis, at }));
}

/**
 * Takes characters from the budget of all cells. Returns false if too few are left, and reports that once.
 */
function spend(characters: number, at: SourceRange, { budget, sink }: LoadContext): boolean {
  if (budget.characters < 0) return false;
  budget.characters -= characters;
  if (budget.characters >= 0) return true;
  sink.error(
    'too-many-cells',
    at,
    'the parameters of all cells together are too long: more than 32 Mi characters for 100,000 cells',
    {
      fix: 'plan fewer cells, or give each shorter parameters',
    },
  );
  return false;
}

const warningCodes: ReadonlySet<string> = new Set<WarningCode>([
  'other-classifier',
  'stops-early',
  'untrained-model',
  'other-shape',
  'other-classes',
  'small-radius',
]);

/** Reports a problem at its parameter, or at a place elsewhere. */
function reportProblem(
  problem: ParameterProblem,
  located: LocatedMap,
  subject: Subject,
  { sink, readData }: LoadContext,
  elsewhere?: SourceRange,
): void {
  const { code = 'param-conflict', path, message, fix } = problem;
  const isWarning = warningCodes.has(code);
  if (elsewhere !== undefined) {
    // A run shows these itself, when it comes to the stage.
    if (readData === undefined) return;
    // One place is reported once, although each cell that reads it has the problem.
    sink[isWarning ? 'warn' : 'error'](code, elsewhere, message, { same: 'inputs', ifSound: true, fix });
    return;
  }
  const { value, keyAt, name } = siteAt(located, path);
  // A value by itself is right if it conflicts with another, so the key is shown; a wrong word is shown itself.
  const isKeyShown =
    value.kind === 'scalar' && code !== 'unknown-name' && code !== 'bad-file' && !name.endsWith(']');
  const at = name === '' ? subject.missingAt : isKeyShown ? (keyAt ?? value.at) : value.at;
  const origin = value.kind === 'template' || name === '' ? undefined : value.origin;
  sink[isWarning ? 'warn' : 'error'](code, at, `${message}${isWarning ? '' : (subject.suffix ?? '')}`, {
    same: `${path.join('.')} check`,
    ifSound: isWarning,
    related: origin === undefined ? [] : [{ message: 'the value comes from here', at: origin }],
    fix,
  });
}

function copy<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => copy(item)) as unknown as T;
  const result: Record<string, Json> = {};
  for (const [key, member] of Object.entries(value)) result[key] = copy(member);
  return result as T;
}
