import { dirname, resolve } from 'node:path';
import type { Json, JsonObject } from '../../values/json.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { isInside, type LoadContext, outsideMessage } from '../document/load-context.ts';
import type { AxisLabel } from '../graph.ts';
import { convert, convertScalar } from '../schema/convert.ts';
import { itemSchema, type JsonSchema, memberSchema } from '../schema/json-schema-types.ts';
import { reportSchemaErrors, siteAt, type Subject } from '../schema/schema-errors.ts';
import { errorsOf } from '../schema/validator.ts';
import type { ParameterProblem, StageSignature } from '../signature.ts';
import { type Located, type LocatedMap, type LocatedScalar, type LocatedTemplate } from '../text/located.ts';
import { parseNumber } from '../text/scalars.ts';

/** A place in the parameters that waits for the labels of a cell. */
interface Slot {
  readonly path: readonly string[];
  readonly template: LocatedTemplate;
  readonly schema: JsonSchema | undefined;
}

/** Parameters of the cells of a stage that differ in labels only. */
export interface CellParams {
  /** Axes that the parameters depend on, in the order in which they appear. */
  readonly axes: readonly { readonly axis: string; readonly at: SourceRange }[];
  /**
   * Parameters for a cell. `labelOf` gives undefined where nobody knows the label: what depends on it is then not judged.
   * Undefined after a mistake, which is told with the name of the cell.
   */
  readonly forCell: (
    labelOf: (axis: string) => AxisLabel | undefined,
    cell: string,
  ) => JsonObject | undefined;
}

/** Reads a `with:` once; cells then cost a copy of its values and one validation. */
export function cellParams(
  given: LocatedMap,
  signature: StageSignature,
  missingAt: SourceRange,
  context: LoadContext,
): CellParams {
  const schema = signature.with as JsonSchema;
  const base = convert(given, schema) as JsonObject;
  const slots = slotsOf(given, schema, []);
  const axes = new Map<string, SourceRange>();
  for (const { template } of slots) {
    for (const part of template.parts)
      if (typeof part !== 'string' && !axes.has(part.axis)) axes.set(part.axis, part.at);
  }
  const paths = hasPaths(schema);
  const size = JSON.stringify(base).length;
  return {
    axes: [...axes].map(([axis, at]) => ({ axis, at })),
    forCell(labelOf, cell) {
      if (!spend(size + lengthOf(slots, labelOf), missingAt, context)) return undefined;
      const values = slots.length === 0 ? base : copy(base);
      const unknown: Slot[] = [];
      for (const slot of slots) {
        const scalar = filled(slot.template, labelOf);
        if (scalar === undefined) unknown.push(slot);
        put(values, slot.path, scalar === undefined ? null : convertScalar(scalar, slot.schema));
      }
      const params = slots.length === 0 ? copy(base) : values;
      const errors = errorsOf(schema, params);
      // Everything below is for mistakes and for the few stages with paths: the common cell ends here.
      if (errors.length === 0 && !paths && signature.check === undefined)
        return unknown.length === 0 ? params : undefined;
      const located = slots.length === 0 ? given : (fill(given, labelOf) as LocatedMap);
      const subject: Subject = {
        owner: signature.uses,
        noun: 'parameter',
        unknownCode: 'unknown-param',
        missingCode: 'missing-param',
        missingAt,
        ...(slots.length > 0 && { suffix: ` (in ${cell})` }),
      };
      const before = context.sink.errorCount;
      const waits = unknown.map(({ path }) => `/${path.join('/')}`);
      reportSchemaErrors(
        errors.filter(({ instancePath }) => !waits.some((path) => instancePath.startsWith(path))),
        located,
        subject,
        context.sink,
      );
      if (errors.length > 0 || unknown.length > 0) return undefined;
      if (paths) checkPaths(params, located, schema, context);
      for (const problem of signature.check?.(params as never) ?? [])
        reportProblem(problem, located, subject, context);
      return context.sink.errorCount > before ? undefined : params;
    },
  };
}

/** Takes from the budget of all cells; false, told once, where there is not enough of it. */
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

/** Characters that the templates become, counted without making them. */
function lengthOf(slots: readonly Slot[], labelOf: (axis: string) => AxisLabel | undefined): number {
  let length = 0;
  for (const { template } of slots) {
    for (const part of template.parts)
      length += typeof part === 'string' ? part.length : String(labelOf(part.axis) ?? '').length;
  }
  return length;
}

function reportProblem(
  problem: ParameterProblem,
  located: LocatedMap,
  subject: Subject,
  { sink }: LoadContext,
): void {
  const { value, keyAt, name } = siteAt(located, problem.path);
  const at =
    problem.path.length === 0 || name === ''
      ? subject.missingAt
      : value.kind === 'scalar'
        ? (keyAt ?? value.at)
        : value.at;
  sink.error('param-conflict', at, `${problem.message}${subject.suffix ?? ''}`, {
    same: `${problem.path.join('.')} check`,
    fix: problem.fix,
  });
}

function slotsOf(located: Located, schema: JsonSchema | undefined, path: readonly string[]): Slot[] {
  switch (located.kind) {
    case 'scalar':
      return [];
    case 'template':
      return [{ path, template: located, schema }];
    case 'sequence':
      return located.items.flatMap((item, index) =>
        slotsOf(item, itemSchema(schema, index), [...path, String(index)]),
      );
    case 'map':
      return [...located.entries].flatMap(([key, { value }]) =>
        slotsOf(value, memberSchema(schema, key), [...path, key]),
      );
  }
}

/** The scalar that a template becomes; one that is only `$(axes.x)` keeps the type of the label. */
function filled(
  template: LocatedTemplate,
  labelOf: (axis: string) => AxisLabel | undefined,
): LocatedScalar | undefined {
  if (template.unknown === true) return undefined;
  const values: AxisLabel[] = [];
  for (const part of template.parts) {
    const value = typeof part === 'string' ? part : labelOf(part.axis);
    if (value === undefined) return undefined;
    values.push(value);
  }
  const [only] = values;
  const text = values.length === 1 ? String(only) : values.join('');
  // `-$(axes.x)` is a number again if it reads as one: nobody could write it otherwise.
  const value =
    values.length === 1
      ? only!
      : /^[-+.\d]/.test(text) && !text.includes('/')
        ? (parseNumber(text) ?? text)
        : text;
  return { kind: 'scalar', at: template.at, value, text };
}

function fill(located: Located, labelOf: (axis: string) => AxisLabel | undefined): Located {
  switch (located.kind) {
    case 'scalar':
      return located;
    case 'template':
      return filled(located, labelOf) ?? located;
    case 'sequence':
      return { ...located, items: located.items.map((item) => fill(item, labelOf)) };
    case 'map': {
      const entries = [...located.entries].map(
        ([key, entry]) => [key, { ...entry, value: fill(entry.value, labelOf) }] as const,
      );
      return { ...located, entries: new Map(entries) };
    }
  }
}

function copy<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => copy(item)) as unknown as T;
  const result: Record<string, Json> = {};
  for (const [key, member] of Object.entries(value)) result[key] = copy(member);
  return result as T;
}

function put(root: Json, path: readonly string[], value: Json): void {
  let target = root as Record<string, Json>;
  for (const step of path.slice(0, -1)) target = target[step] as Record<string, Json>;
  target[path.at(-1)!] = value;
}

const withPaths = new WeakMap<object, boolean>();

function hasPaths(schema: JsonSchema): boolean {
  let found = withPaths.get(schema);
  if (found === undefined) {
    found = JSON.stringify(schema).includes('"format":"path"');
    withPaths.set(schema, found);
  }
  return found;
}

/** Paths are relative to the pipeline file and stay inside the project. */
function checkPaths(
  value: Json,
  located: Located,
  schema: JsonSchema | undefined,
  context: LoadContext,
): void {
  if (located.kind === 'map') {
    for (const [key, entry] of located.entries) {
      checkPaths((value as JsonObject)[key] ?? null, entry.value, memberSchema(schema, key), context);
    }
  } else if (located.kind === 'sequence') {
    for (const [index, item] of located.items.entries()) {
      checkPaths((value as readonly Json[])[index] ?? null, item, itemSchema(schema, index), context);
    }
  } else if (
    typeof value === 'string' &&
    (schema?.format === 'path' || schema?.anyOf?.some(({ format }) => format === 'path') === true)
  ) {
    checkPath(value, located.at, context);
  }
}

/** True if the path stays inside the project. */
export function checkPath(path: string, at: SourceRange, { sink, root, file }: LoadContext): boolean {
  if (!path.includes('\0') && isInside(root, resolve(dirname(file), path))) return true;
  sink.error('outside-root', at, outsideMessage(path, { root, file }), {
    fix: 'move or link the data into the project; paths are relative to the pipeline file',
  });
  return false;
}
