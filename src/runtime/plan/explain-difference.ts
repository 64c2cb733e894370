import { canonicalJson, isJsonArray, isJsonObject } from '../../values/json.ts';
import type { Json, JsonObject } from '../../values/json.ts';
import { readableJson } from '../../values/readable-number.ts';
import { factsName } from './fingerprint.ts';

/**
 * Explains why a unit has another key than before, from the two pre-images: `with.bits 3 → 4`, `tensorflow →
 * wasm`, `defense/tvm version 1 → 2`, `input images changed (3 of 16 shards)`, `file weights.safetensors
 * changed`. `plugin` is the one that brought the stage.
 */
export function explainDifference(
  previous: JsonObject,
  next: JsonObject,
  plugin?: string,
): readonly string[] {
  const reasons: string[] = [];
  if (previous['uses'] !== next['uses']) reasons.push(`${show(previous['uses'])} → ${show(next['uses'])}`);
  else if (previous['version'] !== next['version']) {
    reasons.push(`${show(next['uses'])} version ${show(previous['version'])} → ${show(next['version'])}`);
  }
  explainTree('with', previous['with'], next['with'], reasons);
  explainInputs(previous['inputs'], next['inputs'], reasons);
  if (differs(previous['skip'], next['skip'])) reasons.push('shards of an input are cut differently');
  explainSeed(previous['seed'], next['seed'], reasons);
  explainShard(previous['shard'], next['shard'], reasons);
  if (differs(previous['chunk'], next['chunk'])) {
    reasons.push(`shard size ${show(previous['chunk'])} → ${show(next['chunk'])}`);
  }
  explainFiles(previous['files'], next['files'], reasons);
  explainNumerics(previous['numerics'], next['numerics'], reasons);
  explainPrinted(previous['printed'] ?? {}, next['printed'] ?? {}, reasons);
  explainLibraries(previous['libraries'] ?? {}, next['libraries'] ?? {}, plugin, reasons);
  if (previous['format'] !== next['format']) {
    reasons.push(`cache format ${show(previous['format'])} → ${show(next['format'])}`);
  }
  return reasons;
}

function explainTree(
  path: string,
  a: Json | undefined,
  b: Json | undefined,
  reasons: string[],
  joint = '.',
): void {
  if (!differs(a, b)) return;
  if (!isJsonObject(a) || !isJsonObject(b)) {
    reasons.push(`${path} ${show(a)} → ${show(b)}`);
    return;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    explainTree(`${path}${joint}${key}`, a[key], b[key], reasons);
  }
}

/** Compares the facts of the run that a report prints: `printed backend wasm → tensorflow`, `labels of defense changed`. */
function explainPrinted(a: Json, b: Json, reasons: string[]): void {
  if (!isJsonObject(a) || !isJsonObject(b)) return;
  if (differs(a['backend'], b['backend']))
    reasons.push(`printed backend ${show(a['backend'])} → ${show(b['backend'])}`);
  const [before, after] = [a['axes'] ?? {}, b['axes'] ?? {}];
  if (!isJsonObject(before) || !isJsonObject(after)) return;
  for (const axis of new Set([...Object.keys(before), ...Object.keys(after)]))
    if (differs(before[axis], after[axis])) reasons.push(`labels of ${axis} in the pipeline changed`);
}

function explainInputs(a: Json | undefined, b: Json | undefined, reasons: string[]): void {
  if (!isJsonObject(a) || !isJsonObject(b)) return;
  for (const port of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [before, after] = [a[port], b[port]];
    if (!differs(before, after)) continue;
    if (before === undefined) reasons.push(`input ${port} added`);
    else if (after === undefined) reasons.push(`input ${port} removed`);
    else if (isJsonArray(before) && isJsonArray(after))
      reasons.push(`input ${port} changed${countChanges(before, after)}`);
  }
}

function countChanges(before: readonly Json[], after: readonly Json[]): string {
  const unit = isJsonObject(after[0]) ? 'values' : 'shards';
  if (before.length !== after.length) return ` (${before.length} → ${after.length} ${unit})`;
  if (after.length === 1) return '';
  const changed = after.filter((item, index) => differs(item, before[index])).length;
  return ` (${changed} of ${after.length} ${unit})`;
}

function explainSeed(a: Json | undefined, b: Json | undefined, reasons: string[]): void {
  if (isJsonObject(a) && isJsonObject(b)) {
    if (differs(a['pipeline'], b['pipeline']))
      reasons.push(`seed of the pipeline ${show(a['pipeline'])} → ${show(b['pipeline'])}`);
    if (differs(a['stage'], b['stage'])) reasons.push(`seed ${show(a['stage'])} → ${show(b['stage'])}`);
  } else if (b === undefined && a !== undefined) reasons.push('no longer draws random numbers');
  else if (a === undefined && b !== undefined) reasons.push('now draws random numbers');
  else if (differs(a, b)) reasons.push('its random numbers no longer depend on the name of the stage');
}

function explainShard(a: Json | undefined, b: Json | undefined, reasons: string[]): void {
  if (!differs(a, b)) return;
  if (!isJsonObject(a) || !isJsonObject(b))
    reasons.push(b === undefined ? 'no longer sharded' : 'now sharded');
  else reasons.push(`images ${range(a)} → ${range(b)}`);
}

function range(shard: JsonObject): string {
  if (shard['count'] === 0) return 'none';
  const first = Number(shard['first']);
  return `${first}–${first + Number(shard['count']) - 1}`;
}

function explainFiles(a: Json | undefined, b: Json | undefined, reasons: string[]): void {
  if (!differs(a, b)) return;
  if (a === undefined || b === undefined || !isJsonArray(a) || !isJsonArray(b)) {
    const [before, after] = [fileCount(a), fileCount(b)];
    reasons.push(
      before === after ? `some of ${after} files changed` : `files changed (${before} → ${after})`,
    );
    return;
  }
  const [before, after] = [fileMap(a), fileMap(b)];
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  for (const name of names.slice(0, 3)) {
    if (name === factsName) {
      reasons.push('the classes, labels or ids of the images changed');
      continue;
    }
    reasons.push(
      `file ${name} ${before.has(name) ? (after.has(name) ? 'changed' : 'is no longer read') : 'is new'}`,
    );
  }
  if (names.length > 3) reasons.push(`and ${names.length - 3} more files`);
}

function fileMap(files: readonly Json[]): Map<string, string> {
  return new Map(files.map((entry) => (isJsonArray(entry) ? [show(entry[0]), show(entry[1])] : ['', ''])));
}

function fileCount(files: Json | undefined): number {
  if (files === undefined) return 0;
  if (isJsonArray(files)) return files.length;
  return isJsonObject(files) ? Number(files['count']) : 0;
}

function explainNumerics(a: Json | undefined, b: Json | undefined, reasons: string[]): void {
  if (!differs(a, b)) return;
  if (isJsonObject(a) && isJsonObject(b)) {
    if (differs(a['backend'], b['backend'])) reasons.push(`${show(a['backend'])} → ${show(b['backend'])}`);
    else explainTree(show(b['backend']), a, b, reasons, ' ');
  } else reasons.push(`numerics ${show(a)} → ${show(b)}`);
}

/**
 * Versions of packages differ by name. The source of a plugin is a digest, which would mean nothing to a
 * reader.
 */
function explainLibraries(a: Json, b: Json, plugin: string | undefined, reasons: string[]): void {
  if (!isJsonObject(a) || !isJsonObject(b)) return;
  const [{ source: before, ...others }, { source: after, ...next }] = [a, b];
  if (differs(before, after))
    reasons.push(`the source of the plugin ${plugin === undefined ? '' : `${plugin} `}changed`);
  explainTree('library', others, next, reasons, ' ');
}

function differs(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a !== b;
  return canonicalJson(a) !== canonicalJson(b);
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'unset';
  if (typeof value === 'string') return value;
  const text = readableJson(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
