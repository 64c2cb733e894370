import type { Json, JsonObject } from '../../values/json.ts';
import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import { sourceFile } from '../diagnostics/source.ts';
import { convert } from '../schema/convert.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { paramSchema, type ParamText } from '../schema/pipeline-schema.ts';
import { checkAgainst } from '../schema/validator.ts';
import {
  hasUnknown,
  isNull,
  type Located,
  type LocatedMap,
  plainOf,
  unknownValue,
  valueOf,
  withoutKeys,
} from '../text/located.ts';
import { parseDocument } from '../text/parse-document.ts';
import { parseNumber } from '../text/scalars.ts';
import { shellWord } from '../text/shell-word.ts';
import { interpolate, type Scope } from './interpolate.ts';
import { forbidAxes, type LoadContext } from './load-context.ts';

export interface Param {
  readonly name: string;
  readonly keyAt: SourceRange;
  readonly schema: JsonSchema;
  readonly value: Located | undefined;
}

export interface Params {
  readonly byName: Map<string, Param>;
  /** Whether a param may be declared in a part that was refused. */
  readonly partial: boolean;
}

/**
 * The declared params with their defaults. A map is the long form; any other value is the short form, which
 * gives the type too.
 */
export function declaredParams(section: LocatedMap | undefined, context: LoadContext): Params {
  const params = new Map<string, Param>();
  for (const [name, { key, value }] of section?.entries ?? []) {
    params.set(name, {
      name,
      keyAt: key.at,
      ...(value.kind === 'map' ? longForm(name, value, key.at, context) : shortForm(value)),
    });
  }
  return { byName: params, partial: section?.partial === true };
}

function longForm(
  name: string,
  value: LocatedMap,
  keyAt: SourceRange,
  context: LoadContext,
): Pick<Param, 'schema' | 'value'> {
  const text = checkAgainst(paramSchema as JsonSchema, value, subjectOf(name, keyAt), context.sink) as
    ParamText | undefined;
  const given = valueOf(value, 'default');
  // A declaration with an error limits nothing, and a value that may be in it is not missing.
  if (text === undefined || hasUnknown(withoutKeys(value, ['default']))) {
    return { schema: {}, value: given ?? unknownValue(value.at, '') };
  }
  return { schema: schemaOf(text, given), value: given };
}

function schemaOf(
  { type, minimum, maximum, enum: choices, description }: ParamText,
  given: Located | undefined,
): JsonSchema {
  const about = description === undefined ? {} : { description };
  if (choices !== undefined) return { enum: choices, ...about };
  const limits = { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) };
  const limited = minimum !== undefined || maximum !== undefined;
  if (type === undefined)
    return {
      ...(limited ? { type: 'number' } : given === undefined ? {} : inferred(given)),
      ...limits,
      ...about,
    };
  return { type: type === 'list' ? 'array' : type, ...limits, ...about };
}

function shortForm(value: Located): Pick<Param, 'schema' | 'value'> {
  return isNull(value) ? { schema: {}, value: undefined } : { schema: inferred(value), value };
}

function inferred(value: Located): JsonSchema {
  if (value.kind === 'sequence') return { type: 'array' };
  if (value.kind !== 'scalar') return {};
  if (typeof value.value === 'boolean') return { type: 'boolean' };
  const numeric =
    typeof value.value === 'number' ||
    (typeof value.value === 'string' && /[/_]/.test(value.text) && parseNumber(value.text) !== undefined);
  return { type: numeric ? 'number' : 'string' };
}

/** Puts the values of a profile in place of the defaults. */
export function applyProfileParams(
  { byName: params, partial }: Params,
  section: LocatedMap | undefined,
  { sink }: LoadContext,
): void {
  for (const [name, { key, value }] of section?.entries ?? []) {
    const param = params.get(name);
    if (param === undefined) {
      if (partial) continue;
      sink.error(
        'unknown-override',
        key.at,
        `the pipeline has no param '${name}'${didYouMean(name, params.keys(), 'params')}`,
      );
    } else {
      const given = value.kind === 'map' ? valueOf(value, 'default') : value;
      params.set(name, { ...param, value: given ?? param.value });
    }
  }
}

export const commandLine = '<command line>';

/**
 * `-S params.images=100`: each argument is a line of the source `<command line>`, its value a YAML scalar or
 * flow list.
 */
export function applyOverrides(
  { byName: params, partial }: Params,
  overrides: readonly string[],
  context: LoadContext,
): void {
  const { sink, sources } = context;
  if (overrides.length === 0) return;
  const lines = overrides.map((override) => override.replaceAll(/[\r\n]+/g, ' '));
  sources.set(commandLine, sourceFile(commandLine, lines.join('\n')));
  let offset = 0;
  for (const line of lines) {
    const at = (start: number, end: number): SourceRange => ({
      file: commandLine,
      start: offset + start,
      end: offset + end,
    });
    const equals = line.indexOf('=');
    const target = equals === -1 ? line : line.slice(0, equals);
    const name = target.startsWith('params.') ? target.slice('params.'.length) : undefined;
    if (equals === -1) {
      sink.error('bad-override', at(0, line.length), `'-S ${line}' has no value`, {
        fix: 'write -S params.NAME=VALUE',
      });
    } else if (name === undefined) {
      const hint = params.has(target) ? `; did you mean 'params.${target}'?` : '';
      const hasOption = target === 'seed' || target === 'backend' || target === 'executor';
      sink.error('bad-override', at(0, equals), `-S sets params only, not '${target}'${hint}`, {
        fix: hasOption ? `write --${target} ${line.slice(equals + 1)}` : 'write -S params.NAME=VALUE',
      });
    } else if (!params.has(name)) {
      if (!partial)
        sink.error(
          'unknown-override',
          at('params.'.length, equals),
          `the pipeline has no param '${name}'${didYouMean(name, params.keys(), 'params')}`,
        );
    } else {
      const param = params.get(name)!;
      const value = overrideValue(line.slice(equals + 1), param, at(equals + 1, line.length), sink);
      if (value !== undefined) params.set(name, { ...param, value });
    }
    offset += line.length + 1;
  }
}

/** The first characters of YAML that is more than words. */
const quotedOrFlow = /^\s*(?:$|['"[{&*!|>%@`])/;

/**
 * The value of an argument of `-S`. For a param that takes a text, words are that text as they are, with `#`, `:` and digits in it.
 * Anything else is YAML in one line, in which a comment is an error, because nobody would see what it takes away.
 */
function overrideValue(
  text: string,
  { name, schema }: Param,
  at: SourceRange,
  sink: DiagnosticSink,
): Located | undefined {
  // Spaces before the value give its parts their place in the line.
  const parse = (yaml: string, start: number): Located | undefined =>
    parseDocument(sourceFile(commandLine, ' '.repeat(start) + (yaml || "''")), sink);
  if (schema.type === 'string' && !quotedOrFlow.test(text))
    return parse(`'${text.trim().replaceAll("'", "''")}'`, at.start);
  const reportComment = (start: number): void => {
    sink.error(
      'bad-override',
      { ...at, start },
      `YAML reads '${text.slice(start - at.start)}' as a comment, so it would not be part of the value`,
      {
        fix:
          quotedOrFlow.test(text) || schema.type !== undefined
            ? 'remove it'
            : `remove it, or put the value in quotes: -S ${shellWord(`params.${name}=${JSON.stringify(text)}`)}`,
      },
    );
  };
  const value = /^\s*#/.test(text) ? undefined : parse(text, at.start);
  const end = value?.at.end ?? at.start;
  const rest = text.slice(end - at.start).trimStart();
  if (!rest.startsWith('#')) return value;
  reportComment(at.end - rest.length);
  return undefined;
}

/**
 * The values that `$(params.x)` gives, and the plain values for the graph. Reports missing and wrong values.
 */
export function resolveParams(
  { byName: params }: Params,
  scope: Omit<Scope, 'params'>,
  context: LoadContext,
): { located: Map<string, Located>; plain: JsonObject } {
  const located = new Map<string, Located>();
  const plain: Record<string, Json> = {};
  for (const { name, keyAt, schema, value: given } of params.values()) {
    if (given === undefined) {
      context.sink.error('missing-value', keyAt, `the param '${name}' has no default and is not set`, {
        fix: `run with -S params.${name}=…, or give it a default`,
      });
      located.set(name, unknownValue(keyAt, `$(params.${name})`));
      continue;
    }
    const value = interpolate(given, { ...scope, params: undefined });
    located.set(name, value);
    if (forbidAxes(value, 'a param', context.sink)) continue;
    const before = context.sink.errorCount;
    checkAgainst(sharedSchema(schema), value, { ...subjectOf(name, keyAt), root: name }, context.sink);
    // A wrong value is reported here, and not again wherever it is used.
    if (context.sink.errorCount > before) located.set(name, unknownValue(value.at, `$(params.${name})`));
    plain[name] = schema.type === 'array' ? plainOf(value) : convert(value, schema);
  }
  return { located, plain };
}

const sharedSchemas = new Map<string, JsonSchema>();

/** One object for all schemas that say the same, as a validator is compiled for each object. */
function sharedSchema({ description: _, ...schema }: JsonSchema): JsonSchema {
  const key = JSON.stringify(schema);
  const known = sharedSchemas.get(key);
  if (known === undefined) sharedSchemas.set(key, schema);
  return known ?? schema;
}

/** How messages name a param and its parts. */
function subjectOf(name: string, keyAt: SourceRange) {
  return {
    owner: `the param '${name}'`,
    noun: 'key',
    unknownCode: 'unknown-key',
    missingCode: 'missing-key',
    missingAt: keyAt,
  } as const;
}
