import { readTextFile } from '../../files/read-text.ts';
import type { Graph } from '../../dsl/graph.ts';
import type { JsonObject } from '../../values/json.ts';
import { canonicalJson } from '../../values/json.ts';
import { sha256 } from '../digest.ts';
import { readSignedMemory, type Seal, sign, writeSignedMemory } from '../store/signed-memory.ts';

/** Everything but the files and the environment that decides how a pipeline resolves. */
export interface GraphRequest {
  /** Absolute path of the pipeline file. */
  readonly file: string;
  /** Absolute path of the project root. */
  readonly root: string;
  readonly version: string;
  /** Digest of the signatures of all known stages, or of the build that contains them. */
  readonly stages: string;
  /** `-S`, `-p`, `--seed`, `--max-cells` …: whatever the command line adds, as plain data. */
  readonly overrides: JsonObject;
}

/** The sources that were read to resolve the graph. */
export interface GraphSources {
  /** The pipeline file and all its includes: absolute path → SHA-256 of the text. */
  readonly files: Readonly<Record<string, string>>;
  /** Values of the variables listed under `env:`; null for one that is not set. They are not written down. */
  readonly env: Readonly<Record<string, string | null>>;
}

/** The graphs of a cache folder. `key` is a secret of this machine. */
export interface GraphCache {
  readonly folder: string;
  readonly key: Uint8Array;
}

/** The first line of a file is the signature of the rest, which begins with a line of this. */
interface Head {
  readonly format: 2;
  readonly files: Readonly<Record<string, string>>;
  /** By the name of a variable a keyed digest of its value, because that may be a password. */
  readonly env: Readonly<Record<string, string | null>>;
}

/**
 * Returns the graph that this request gave the last time, if no file and no variable that it depends on has
 * changed: a second run then loads neither the YAML parser nor the validator. `files` are the absolute paths
 * that it was read from. Whatever is wrong with the cached file counts as a miss; so does one that this machine has
 * not written for this request, because a graph decides which files are written.
 */
export function readCachedGraph(
  cache: GraphCache,
  request: GraphRequest,
  env: NodeJS.ProcessEnv = process.env,
): { readonly graph: Graph; readonly files: readonly string[] } | null {
  try {
    const signed = readSignedMemory(cachePath(cache, request), sealOf(cache, request));
    if (signed === null) return null;
    const lineEnd = signed.indexOf('\n');
    const head = JSON.parse(signed.slice(0, lineEnd)) as Head;
    for (const [path, digest] of Object.entries(head.files))
      if (sha256(readTextFile(path)) !== digest) return null;
    for (const [name, digest] of Object.entries(head.env))
      if (variableDigest(cache, name, env[name] ?? null) !== digest) return null;
    return { graph: JSON.parse(signed.slice(lineEnd + 1)) as Graph, files: Object.keys(head.files) };
  } catch {
    return null;
  }
}

/**
 * Remembers a graph. It is not a failure if the cache cannot be written. Only this user may read the file, as
 * the values of variables can be part of the graph.
 */
export function writeCachedGraph(
  cache: GraphCache,
  request: GraphRequest,
  sources: GraphSources,
  graph: Graph,
): void {
  const env = Object.entries(sources.env).map(([name, value]) => [name, variableDigest(cache, name, value)]);
  const head: Head = {
    format: 2,
    files: sources.files,
    env: Object.fromEntries(env) as Head['env'],
  };
  const text = `${JSON.stringify(head)}\n${JSON.stringify(graph)}`;
  writeSignedMemory(cachePath(cache, request), sealOf(cache, request), text, 0o600);
}

function sealOf({ key }: GraphCache, request: GraphRequest): Seal {
  return { key, purpose: `graph 2\n${requestText(request)}` };
}

function variableDigest({ key }: GraphCache, name: string, value: string | null): string | null {
  return value === null ? null : sign(key, `variable 2\n${name}`, value);
}

function requestText({ file, root, version, stages, overrides }: GraphRequest): string {
  return canonicalJson({ file, root, version, stages, overrides });
}

function cachePath({ folder }: GraphCache, request: GraphRequest): string {
  return `${folder}/graphs/${sha256(requestText(request)).slice(0, 32)}.json`;
}
