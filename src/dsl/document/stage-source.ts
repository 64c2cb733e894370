import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { typeFor } from '../schema/other-names.ts';
import { settingKeys, stageSchema, typeDefaultsSchema } from '../schema/pipeline-schema.ts';
import { checkAgainst } from '../schema/validator.ts';
import {
  emptyMap,
  isNull,
  isUnknown,
  type LocatedMap,
  mergeMaps,
  partialMap,
  quote,
  valueOf,
  withoutKeys,
} from '../text/located.ts';
import type { LoadContext } from './load-context.ts';
import { type Body, Templates } from './templates.ts';

/** A stage as written, its templates merged in. */
export interface StageSource {
  readonly id: string;
  readonly keyAt: SourceRange;
  readonly body: LocatedMap;
}

/** Defaults for stage types: `attack/fgsm`, `attack/*`. */
export interface TypeDefaults {
  readonly pattern: string;
  readonly keyAt: SourceRange;
  readonly patch: LocatedMap;
}

const subject = (owner: string, missingAt: SourceRange) =>
  ({ owner, noun: 'key', unknownCode: 'unknown-key', missingCode: 'missing-key', missingAt }) as const;

/** The stages with what they extend. Templates are checked too, whether a stage uses them or not. */
export function stageSources(
  stages: LocatedMap | undefined,
  templates: LocatedMap | undefined,
  context: LoadContext,
): Map<string, StageSource> {
  const shared = checkedBodies(templates, 'a template', context);
  const own = checkedBodies(stages, 'a stage', context);
  const texts = new Map<string, StageSource>();
  const merging = new Templates(shared, templates?.partial === true, context);
  for (const [id, { keyAt, body }] of own) texts.set(id, { id, keyAt, body: merging.under(body) });
  merging.check();
  return texts;
}

function checkedBodies(
  section: LocatedMap | undefined,
  owner: string,
  context: LoadContext,
): Map<string, Body> {
  const bodies = new Map<string, Body>();
  for (const [id, { key, value }] of section?.entries ?? []) {
    if (value.kind !== 'map' && !isNull(value)) {
      if (!isUnknown(value)) {
        context.sink.error(
          'wrong-type',
          value.at,
          `'${id}' is ${owner} and takes a map of keys such as uses:, in: and with:, not ${quote(value)}`,
        );
      }
      // It is there under its name, but nothing in it is known.
      bodies.set(id, { keyAt: key.at, body: partialMap(value.at) });
      continue;
    }
    const map = value.kind === 'map' ? value : emptyMap(value.at);
    const body = withoutKeys(
      map,
      [...map.entries].filter(([, entry]) => isNull(entry.value)).map(([name]) => name),
    );
    // Settings are judged once for each stage, after all defaults, the seed for each cell, and published
    // files with the outputs of the stage type.
    checkAgainst(
      stageSchema as JsonSchema,
      withoutKeys(body, [...settingKeys, 'seed', 'publish']),
      subject(owner, key.at),
      context.sink,
    );
    bodies.set(id, { keyAt: key.at, body: onlyShaped(body) });
  }
  return bodies;
}

/**
 * Replaces parts of the wrong shape, whose errors are reported already, so that the rest can still be judged.
 */
export function onlyShaped(body: LocatedMap): LocatedMap {
  const entries = new Map(body.entries);
  for (const key of ['in', 'with', 'matrix']) {
    const entry = entries.get(key);
    if (entry !== undefined && entry.value.kind !== 'map')
      entries.set(key, { ...entry, value: partialMap(entry.value.at) });
  }
  return { ...body, entries };
}

/** The part of `defaults:` that is for stage types, checked against the known types. */
export function typeDefaults(section: LocatedMap | undefined, context: LoadContext): readonly TypeDefaults[] {
  const { registry, sink } = context;
  const result: TypeDefaults[] = [];
  for (const [pattern, { key, value }] of section?.entries ?? []) {
    if (settingKeys.includes(pattern)) continue;
    const types = [...registry.values()].filter(({ uses }) => matchesType(pattern, uses));
    if (types.length === 0) {
      result.push({ pattern: everyType, keyAt: key.at, patch: unknownDefaults(key.at) });
      const message =
        pattern.includes('/') || pattern.includes('*')
          ? `no stage type matches '${pattern}'${didYouMean(pattern, registry.keys())}`
          : `'${pattern}' is neither a setting nor a stage type${didYouMean(pattern, [...settingKeys, ...registry.keys()])}`;
      sink.error('unknown-stage-type', key.at, message, {
        fix: `defaults: takes ${settingKeys.join(', ')}, stage types (attack/fgsm) and patterns (attack/*)`,
      });
      continue;
    }
    checkAgainst(typeDefaultsSchema as JsonSchema, value, subject('a default', key.at), sink);
    if (value.kind !== 'map') {
      result.push({ pattern, keyAt: key.at, patch: unknownDefaults(value.at) });
      continue;
    }
    const parameters = valueOf(value, 'with');
    for (const [name, parameter] of parameters?.kind === 'map' ? parameters.entries : []) {
      const known = new Set(types.flatMap((type) => Object.keys(type.with.properties)));
      if (known.has(name) || pattern === types[0]?.uses) continue;
      sink.error(
        'unknown-param',
        parameter.key.at,
        `'${name}' is not a parameter of any ${pattern}${didYouMean(name, known)}`,
      );
    }
    result.push({ pattern, keyAt: key.at, patch: onlyShaped(value) });
  }
  if (section?.partial)
    result.push({ pattern: everyType, keyAt: section.at, patch: unknownDefaults(section.at) });
  return result;
}

const everyType = '*/*';

/** In the place of defaults that were refused, so that a parameter which they may give is not missing. */
function unknownDefaults(at: SourceRange): LocatedMap {
  const key = { kind: 'scalar', at, value: 'with', text: 'with' } as const;
  return { ...emptyMap(at), entries: new Map([['with', { key, value: partialMap(at) }]]) };
}

/**
 * The part of `defaults:` for one stage type. Exact names win over patterns. A pattern gives a type only the
 * parameters that it has, so that `attack/*: { with: { steps: 10 } }` leaves the attacks without steps alone.
 */
export function defaultsFor(
  uses: string,
  defaults: readonly TypeDefaults[],
  context: LoadContext,
): LocatedMap | undefined {
  const signature = context.registry.get(uses);
  const matching = defaults
    .filter(({ pattern }) => matchesType(pattern, uses))
    .sort(
      (a, b) =>
        Number(a.pattern === uses) - Number(b.pattern === uses) || a.pattern.length - b.pattern.length,
    )
    .map(({ pattern, patch }) =>
      pattern === uses || signature === undefined
        ? patch
        : onlyKnown(patch, Object.keys(signature.with.properties)),
    );
  const [first, ...rest] = matching;
  return first === undefined ? undefined : rest.reduce(mergeMaps, first);
}

function onlyKnown(patch: LocatedMap, known: readonly string[]): LocatedMap {
  const parameters = patch.entries.get('with');
  if (parameters?.value.kind !== 'map') return patch;
  const value = withoutKeys(
    parameters.value,
    [...parameters.value.entries.keys()].filter((name) => !known.includes(name)),
  );
  return { ...patch, entries: new Map(patch.entries).set('with', { key: parameters.key, value }) };
}

function matchesType(pattern: string, uses: string): boolean {
  const parts = pattern.split('/');
  const names = uses.split('/');
  return parts.length === names.length && parts.every((part, index) => matchesName(part, names[index]!));
}

/**
 * Matches a name with `*` for any letters. A regular expression would take time exponential in the number of
 * stars.
 */
function matchesName(pattern: string, name: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return pattern === name;
  if (!name.startsWith(start) || name.length < start.length + end.length || !name.endsWith(end)) return false;
  let at = start.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= name.length - end.length;
}

/** The error message for an unknown stage type. */
export function unknownType(uses: string, registry: LoadContext['registry']): string {
  const found = typeFor(uses, [...registry.keys()]);
  if (found !== undefined) return `there is no stage type '${uses}'; did you mean '${found}'?`;
  const [folder = '', name = ''] = uses.split('/');
  const here = [...registry.keys()].filter((type) => type.startsWith(`${folder}/`));
  const twin = [...registry.keys()].find((type) => type.endsWith(`/${name === '' ? folder : name}`));
  if (twin !== undefined) return `there is no stage type '${uses}'; did you mean '${twin}'?`;
  return here.length > 0
    ? `there is no stage type '${uses}'; the types in ${folder}/ are ${here.map((type) => type.slice(folder.length + 1)).join(', ')}`
    : `there is no stage type '${uses}'; run 'ravelin stages' for the list`;
}
