import { readFileSync } from 'node:fs';
import { readTextFile } from '../../files/read-text.ts';
import type { Graph } from '../../dsl/graph.ts';
import type { JsonObject } from '../../values/json.ts';
import { canonicalJson } from '../../values/json.ts';
import { sha256 } from '../digest.ts';
import { writeAtomic } from '../store/durable.ts';

/** Everything but the files and the environment that decides how a pipeline resolves. */
export interface GraphRequest {
  /** Absolute path of the pipeline file. */
  readonly file: string;
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
  /** Values of the variables listed under `env:`; null for one that is not set. */
  readonly env: Readonly<Record<string, string | null>>;
}

/**
 * Returns the graph that this request gave the last time, if no file and no variable that it depends on has
 * changed: a second run then loads neither the YAML parser nor the validator. `files` are the absolute paths
 * that it was read from. Whatever is wrong with the cached file counts as a miss.
 */
export function readCachedGraph(
  cacheFolder: string,
  request: GraphRequest,
  env: NodeJS.ProcessEnv = process.env,
): { readonly graph: Graph; readonly files: readonly string[] } | null {
  try {
    const text = readFileSync(cachePath(cacheFolder, request), 'utf8');
    const lineEnd = text.indexOf('\n');
    const head = JSON.parse(text.slice(0, lineEnd)) as GraphSources & { format: number; check: string };
    if (head.format !== 1) return null;
    for (const [path, digest] of Object.entries(head.files))
      if (sha256(readTextFile(path)) !== digest) return null;
    for (const [name, value] of Object.entries(head.env)) if ((env[name] ?? null) !== value) return null;
    const body = text.slice(lineEnd + 1);
    if (sha256(body) !== head.check) return null;
    return { graph: JSON.parse(body) as Graph, files: Object.keys(head.files) };
  } catch {
    return null;
  }
}

/** Remembers a graph. It is not a failure if the cache cannot be written. */
export function writeCachedGraph(
  cacheFolder: string,
  request: GraphRequest,
  sources: GraphSources,
  graph: Graph,
): void {
  try {
    const body = JSON.stringify(graph);
    const head = JSON.stringify({ format: 1, check: sha256(body), ...sources });
    writeAtomic(cachePath(cacheFolder, request), `${head}\n${body}`);
  } catch {
    // The next run will resolve the pipeline again.
  }
}

function cachePath(cacheFolder: string, request: GraphRequest): string {
  const { file, version, stages, overrides } = request;
  return `${cacheFolder}/graphs/${sha256(canonicalJson({ file, version, stages, overrides })).slice(0, 32)}.json`;
}
