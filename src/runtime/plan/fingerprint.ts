import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJsonFile } from '../../files/read-json.ts';
import type { AxisLabel } from '../../dsl/graph.ts';
import { canonicalJson } from '../../values/json.ts';
import type { Json, JsonObject } from '../../values/json.ts';
import { sha256 } from '../digest.ts';
import type { Stage } from '../stage.ts';
import type { NumericIdentity } from './last-backends.ts';

/**
 * The pre-image of a key is canonical JSON of these fields. A field that does not apply is absent:
 *
 *   format     1; raised when this list or the meaning of a field changes
 *   uses       stage type, and its `version`
 *   with       parameters, defaults filled, without those that only say how many images there are
 *              (`stage.extent`) and those with a value that means their absence (`stage.unset`)
 *   inputs     port → digests of the objects that this unit reads, in order; for list ports
 *              [{axes, digests, skip?}] because a report prints the labels
 *   skip       port → images of the first object that come before this shard, if not 0
 *   seed       {pipeline, stage}: what keys the randomness of a stage that draws, together with `uses`
 *   shard      {first, count} of a sharded unit
 *   chunk      images in one object, for whole stages that make images or predictions
 *   files      [[name, digest], …], or {count, digest} if there are more than 128
 *   numerics   identity of the tensor backend, for stages that compute on it
 *   printed    {axes?, backend?}: facts of the run that a report prints (`stage.prints`)
 *   libraries  name → version, for packages that decide the numbers, and `source` → digest of the
 *              plugin that brought the stage
 *
 * It never has ids, labels of the cell itself, titles, formatting, executor,
 * resources, absolute paths, or times.
 */
export interface UnitRecipe {
  readonly constant: StageConstant;
  /** Canonical JSON of `with`, from `withText`. */
  readonly withText: string;
  readonly inputs: readonly RecipeInput[];
  readonly shard: { readonly first: number; readonly count: number } | null;
  readonly chunk: number | null;
  readonly filesText: string | null;
}

export type RecipeInput =
  | { readonly port: string; readonly one: RecipeValue }
  | {
      readonly port: string;
      readonly many: readonly (RecipeValue & { readonly axes: Readonly<Record<string, AxisLabel>> })[];
    };

export interface RecipeValue {
  readonly digests: readonly string[];
  readonly skip: number;
}

/** The parts of a pre-image that all units of a stage type and a seed share, as canonical JSON. */
export interface StageConstant {
  readonly libraries: string;
  readonly numerics: string;
  readonly printed: string;
  readonly seed: string;
  readonly usesAndVersion: string;
}

/** The seeds that key a cell's randomness: those of the pipeline and of its stage. */
export interface Seeds {
  readonly pipeline: number;
  readonly stage: number;
}

/**
 * The parts of a key that all units of a cell share. `seed` is null for a cell that draws no random numbers;
 * `printed` is canonical JSON, and empty for a cell that prints no facts of the run. `version` is that of the cell's parameters.
 */
export function stageConstant(
  stage: Stage,
  seed: Seeds | null,
  numerics: Json | null,
  printed = '',
  version = stage.version,
): StageConstant {
  return {
    libraries: librariesText(librariesOf(stage)),
    numerics: stage.device && numerics !== null ? `"numerics":${canonicalJson(numerics)},` : '',
    printed: printed === '' ? '' : `"printed":${printed},`,
    seed: seed === null ? '' : `"seed":{"pipeline":${seed.pipeline},"stage":${seed.stage}},`,
    usesAndVersion: `"uses":${JSON.stringify(stage.uses)},"version":${version}`,
  };
}

/**
 * The backend that a pre-image is of; null if it is of a stage that computes without one, or if the pipeline counts the results of
 * several as equal.
 */
export function numericsOf(preimage: string): NumericIdentity | null {
  const [, backend, version] =
    /[{,]"numerics":\{"backend":"([^"\\]*)","version":"([^"\\]*)"\}/.exec(preimage) ?? [];
  return backend === undefined ? null : { backend, version: version! };
}

/**
 * Versions of the packages that decide the numbers of a stage, and as `source` the digest of the plugin that
 * brought it.
 */
export function librariesOf({ libraries, source }: Stage): Readonly<Record<string, string>> {
  const versions = Object.fromEntries(libraries.map((name) => [name, libraryVersion(name)]));
  return source === undefined ? versions : { ...versions, source };
}

function librariesText(libraries: Readonly<Record<string, string>>): string {
  return Object.keys(libraries).length === 0 ? '' : `"libraries":${canonicalJson(libraries)},`;
}

/**
 * Canonical JSON of the parameters that enter the key: all but those of `extent`, and those with the value in `unset`, which
 * means the same as their absence.
 */
export function withText(
  params: JsonObject,
  extent: readonly string[] = [],
  unset: Readonly<Record<string, Json>> = {},
): string {
  const enters = (name: string, value: Json): boolean =>
    !extent.includes(name) && !(Object.hasOwn(unset, name) && unset[name] === value);
  const entries = Object.entries(params);
  const kept = entries.filter(([name, value]) => enters(name, value));
  return canonicalJson(kept.length === entries.length ? params : Object.fromEntries(kept));
}

/**
 * Canonical JSON of the pre-image, whose SHA-256 is the key. It is put together by hand in one pass, because
 * this is most of the cost of a plan. It equals `canonicalJson` of the object, as a test checks.
 */
export function preimageText(recipe: UnitRecipe): string {
  const { constant, shard } = recipe;
  let text = recipe.chunk === null ? '{' : `{"chunk":${recipe.chunk},`;
  if (recipe.filesText !== null) text += `"files":${recipe.filesText},`;
  text += `"format":1,"inputs":${inputsText(recipe.inputs)},${constant.libraries}${constant.numerics}${constant.printed}${constant.seed}`;
  if (shard !== null) text += `"shard":{"count":${shard.count},"first":${shard.first}},`;
  const skip = skipText(recipe.inputs);
  if (skip !== '') text += `"skip":{${skip}},`;
  return `${text}${constant.usesAndVersion},"with":${recipe.withText}}`;
}

function inputsText(inputs: readonly RecipeInput[]): string {
  if (inputs.length === 0) return '{}';
  const sorted = inputs.length === 1 ? inputs : [...inputs].sort((a, b) => (a.port < b.port ? -1 : 1));
  let text = '{';
  for (const input of sorted) {
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(input.port)}:`;
    if ('one' in input) text += digestsText(input.one.digests);
    else {
      const items = input.many.map(
        (item) =>
          `{"axes":${canonicalJson(item.axes)},"digests":${digestsText(item.digests)}${item.skip === 0 ? '' : `,"skip":${item.skip}`}}`,
      );
      text += `[${items.join(',')}]`;
    }
  }
  return `${text}}`;
}

function digestsText(digests: readonly string[]): string {
  return digests.length === 1 ? `["${digests[0]!}"]` : `["${digests.join('","')}"]`;
}

function skipText(inputs: readonly RecipeInput[]): string {
  const entries: [string, number][] = [];
  for (const input of inputs)
    if ('one' in input && input.one.skip !== 0) entries.push([input.port, input.one.skip]);
  if (entries.length === 0) return '';
  return canonicalJson(Object.fromEntries(entries)).slice(1, -1);
}

/** Stands for the facts of a survey among the files; no file has this name, as it would not be relative. */
export const factsName = '/facts';

/** Canonical JSON of the `files` field. */
export function filesText(files: readonly (readonly [name: string, digest: string])[]): string | null {
  if (files.length === 0) return null;
  const text = canonicalJson(files);
  return files.length <= 128 ? text : canonicalJson({ count: files.length, digest: sha256(text) });
}

const versions = new Map<string, string>();

/**
 * Version of an installed package, found as Node would find it from here; `absent` if it is not installed.
 */
function libraryVersion(name: string): string {
  const known = versions.get(name);
  if (known !== undefined) return known;
  let version = 'absent';
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, 'node_modules', name, 'package.json');
    if (existsSync(manifest)) {
      version = (readJsonFile(manifest) as { version: string }).version;
      break;
    }
    if (dirname(folder) === folder) break;
  }
  versions.set(name, version);
  return version;
}
