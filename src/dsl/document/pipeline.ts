import { basename } from 'node:path';
import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { Graph, StageSettings } from '../graph.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { profileSchema } from '../schema/pipeline-schema.ts';
import { checkAgainst } from '../schema/validator.ts';
import {
  emptyMap,
  isNull,
  isUnknown,
  type Located,
  type LocatedEntry,
  type LocatedMap,
  type LocatedScalar,
  mapOf,
  mergeMaps,
  sectionOf,
  valueOf,
} from '../text/located.ts';
import { nameProblem } from '../text/names.ts';
import { executorOf } from './executor.ts';
import { type EnvironmentVariable, interpolate, type Scope } from './interpolate.ts';
import type { LoadContext } from './load-context.ts';
import { applyOverrides, applyProfileParams, declaredParams, resolveParams } from './params.ts';
import { checkedPlugins } from './plugins.ts';
import { settingsPart, resolveSettings } from './settings.ts';
import { type StageSource, stageSources, type TypeDefaults, typeDefaults } from './stage-source.ts';

/** A checked pipeline before its stages are expanded: profiles and params applied, templates merged. */
export interface Pipeline {
  readonly head: Pick<
    Graph,
    | 'pipeline'
    | 'description'
    | 'seed'
    | 'params'
    | 'executor'
    | 'backend'
    | 'sharedNumerics'
    | 'allowsTf32'
    | 'plugins'
  >;
  readonly stages: ReadonlyMap<string, StageSource>;
  /** Whether there may be more stages, in a part of the document that was refused. */
  readonly mayHaveMoreStages: boolean;
  /** Settings of all stages, from the most general to the most special. */
  readonly settings: readonly LocatedMap[];
  readonly defaults: readonly TypeDefaults[];
}

export interface Choices {
  readonly profiles: readonly string[];
  readonly overrides: readonly string[];
  readonly seed: number | undefined;
}

/** Applies profiles and params to a document and judges everything but the cells. */
export function validate(written: LocatedMap, choices: Choices, context: LoadContext): Pipeline {
  const { sink, sources, budget } = context;
  const profiles = chosenProfiles(written, choices.profiles, context);
  const document = profiles.reduce((merged, profile) => applyProfile(merged, profile, context), written);
  const name = nameOf(document, context);
  const params = declaredParams(sectionOf(document, 'params'), context);
  for (const profile of profiles) applyProfileParams(params, mapOf(profile, 'params'), context);
  applyOverrides(params, choices.overrides, context);
  const scope = { name, env: environmentOf(valueOf(document, 'env'), context), sources, sink, budget };
  const resolved = resolveParams(params, scope, context);
  const full: Scope = { ...scope, params: { byName: resolved.located, partial: params.partial } };
  const section = (key: string): LocatedMap | undefined => {
    const map = sectionOf(document, key);
    return map === undefined ? undefined : (interpolate(map, full) as LocatedMap);
  };
  const defaults = section('defaults');
  const top = settingsPart(document);
  const settings = [top, ...(defaults === undefined ? [] : [settingsPart(defaults)])];
  resolveSettings(settings, context);
  const stages = section('stages');
  // After another error the stages may be there under a wrong name, or in a part that could not be read.
  if ((stages === undefined || stages.entries.size === 0) && !sink.failed) {
    const at = document.entries.get('stages')?.key.at ?? { ...document.at, end: document.at.start };
    sink.error('missing-key', at, 'the pipeline has no stages', {
      fix: "add 'stages:' with at least one stage",
    });
  }
  return {
    head: {
      pipeline: name.text,
      description: textOf(document, 'description'),
      seed: choices.seed ?? integerOf(document, 'seed'),
      params: resolved.plain,
      executor: executorOf(document, full, context),
      backend: textOf(document, 'backend') || 'auto',
      sharedNumerics: textOf(document, 'numerics') === 'shared',
      ...(textOf(document, 'numerics') === 'tf32' && { allowsTf32: true }),
      plugins: checkedPlugins(document, context),
    },
    stages: stageSources(stages, section('templates'), context),
    mayHaveMoreStages: stages?.partial === true,
    settings,
    defaults: typeDefaults(defaults, context),
  };
}

function nameOf(document: LocatedMap, { file }: LoadContext): LocatedScalar {
  const given = valueOf(document, 'name');
  if (given?.kind === 'scalar') return given;
  const text = basename(file).replace(/(\.pipeline)?\.ya?ml$/i, '');
  return { kind: 'scalar', at: { ...document.at, end: document.at.start }, value: text, text };
}

function textOf(document: LocatedMap, key: string): string {
  const value = valueOf(document, key);
  return value?.kind === 'scalar' ? String(value.value) : '';
}

function integerOf(document: LocatedMap, key: string): number {
  const value = valueOf(document, key);
  return value?.kind === 'scalar' && typeof value.value === 'number'
    ? value.value
    : Number(textOf(document, key).replaceAll('_', '')) || 0;
}

const profileSubject = (missingAt: SourceRange) =>
  ({
    owner: 'a profile',
    noun: 'key',
    unknownCode: 'unknown-key',
    missingCode: 'missing-key',
    missingAt,
  }) as const;

/** Checks all profiles and returns the chosen ones in the order of the choice. */
function chosenProfiles(
  document: LocatedMap,
  chosen: readonly string[],
  context: LoadContext,
): readonly LocatedMap[] {
  const { sink } = context;
  const section = sectionOf(document, 'profiles');
  for (const { key, value } of section?.entries.values() ?? []) {
    if (isNull(value)) continue;
    checkAgainst(profileSchema as JsonSchema, value, profileSubject(key.at), sink);
    for (const [id, stage] of mapOf(value, 'stages')?.entries ?? []) {
      const section = sectionOf(document, 'stages');
      const stages = section?.entries;
      if (stages?.has(id) === true || section?.partial) continue;
      sink.error(
        'unknown-stage',
        stage.key.at,
        `the pipeline has no stage '${id}' to change${didYouMean(id, stages?.keys() ?? [], 'stages')}`,
      );
    }
    const declared = sectionOf(document, 'params');
    const params = declared?.entries;
    for (const [id, param] of mapOf(value, 'params')?.entries ?? []) {
      if (params?.has(id) === true || declared?.partial) continue;
      sink.error(
        'unknown-override',
        param.key.at,
        `the pipeline has no param '${id}'${didYouMean(id, params?.keys() ?? [], 'params')}`,
      );
    }
  }
  return chosen.flatMap((name) => {
    const profile = section?.entries.get(name)?.value;
    if (profile === undefined && !section?.partial) {
      const at = document.entries.get('profiles')?.key.at ?? { ...document.at, end: document.at.start };
      sink.error(
        'unknown-profile',
        at,
        `the pipeline has no profile '${name}'${didYouMean(name, section?.entries.keys() ?? [], 'profiles')}`,
      );
    }
    return profile?.kind === 'map' ? [profile] : [];
  });
}

/** Everything of a profile but its params, over the document. */
function applyProfile(document: LocatedMap, profile: LocatedMap, _context: LoadContext): LocatedMap {
  const stages = mapOf(document, 'stages');
  const entries = new Map<string, LocatedEntry>();
  for (const [key, entry] of profile.entries) {
    if (key === 'params' || key === 'description' || isNull(entry.value)) continue;
    if (key === 'stages' && entry.value.kind === 'map') {
      const known = new Map([...entry.value.entries].filter(([id]) => stages?.entries.has(id) === true));
      entries.set(key, { ...entry, value: { ...entry.value, entries: known } });
    } else {
      entries.set(key, entry);
    }
  }
  return mergeMaps(document, { ...emptyMap(profile.at), entries });
}

function environmentOf(value: Located | undefined, { env, sink }: LoadContext): Scope['env'] {
  const listed = new Map<string, EnvironmentVariable>();
  const add = (key: LocatedScalar, otherwise: Located | undefined): void => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key.text)) {
      const problem =
        nameProblem(key.text) ?? "it contains '-', and such a name consists of letters, digits and _";
      sink.error('bad-id', key.at, `'${key.text}' can't be the name of an environment variable: ${problem}`);
      return;
    }
    const refused = otherwise !== undefined && otherwise.kind !== 'scalar';
    if (refused && !isUnknown(otherwise)) {
      sink.error(
        'wrong-type',
        otherwise.at,
        `the default of '${key.text}' is a text, a number, true or false`,
      );
    }
    const fallback = otherwise?.kind === 'scalar' && otherwise.value !== null ? otherwise.text : undefined;
    const given = env[key.text];
    listed.set(key.text, {
      value: given ?? fallback,
      at: key.at,
      unknown: refused && given === undefined,
    });
  };
  let partial = value !== undefined && value.kind !== 'sequence' && value.kind !== 'map';
  if (value?.kind === 'map') {
    partial ||= value.partial === true;
    for (const entry of value.entries.values()) add(entry.key, entry.value);
  }
  if (value?.kind === 'sequence') {
    for (const item of value.items) {
      if (item.kind === 'scalar') add(item, undefined);
      else partial = true;
    }
  }
  return { byName: listed, partial };
}

/** The settings of a stage, or those of a variant if `forType` gives defaults for its type. */
export function settingsOf(
  stage: StageSource,
  pipeline: Pipeline,
  forType: LocatedMap | undefined,
  context: LoadContext,
): StageSettings {
  const layers = [
    ...pipeline.settings,
    ...(forType === undefined ? [] : [settingsPart(forType)]),
    settingsPart(stage.body),
  ];
  return resolveSettings(layers, context);
}
