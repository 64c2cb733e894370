import type { CodePermission } from '../runtime/plan/resolve-path.ts';
import { codePermission } from './plugins/trust.ts';
import { isAbsolute, resolve } from 'node:path';
import type { Graph } from '../dsl/graph.ts';
import { allowTf32 } from './tf32.ts';
import { openBackendMemory, type BackendMemory, type LastBackends } from '../runtime/plan/last-backends.ts';
import { addParts, withParts } from '../runtime/plan/parts.ts';
import {
  type GraphCache,
  type GraphRequest,
  readCachedGraph,
  writeCachedGraph,
} from '../runtime/plan/graph-cache.ts';
import { sha256 } from '../runtime/digest.ts';
import type { StageRegistry } from '../runtime/stage.ts';
import { openStore, type Store } from '../runtime/store/store.ts';
import { stages } from '../stages/index.ts';
import { allowedPaths } from './allowed-paths.ts';
import { chooseBackend, type ChosenBackend } from './backend.ts';
import { cacheFolderOf } from './cache-folder.ts';
import { projectRoot } from '../dsl/project-root.ts';
import { machineKey } from './machine-key.ts';
import { complain } from './output.ts';
import { remedyOfMissingPipeline } from './shipped-pipelines.ts';
import { isTrackedByGit } from './tracked-cache.ts';

export interface PipelineOptions {
  readonly set?: readonly string[];
  readonly profile?: readonly string[];
  readonly seed?: number;
  readonly maxCells?: number;
  readonly backend?: string;
  readonly cache?: string;
}

/** A pipeline file with everything that a command needs to plan or run it. */
export interface OpenPipeline {
  readonly file: string;
  /** Absolute paths of the pipeline file and all its includes. */
  readonly sources: readonly string[];
  /** The graph with the parts of its cells: what is planned and run. */
  readonly graph: Graph;
  readonly registry: StageRegistry;
  readonly store: Store;
  readonly cacheFolder: string;
  /** The code of the project that may run and is not JavaScript. */
  readonly code: CodePermission;
  readonly backend: string;
  readonly numerics: ChosenBackend['numerics'];
  readonly because: ChosenBackend['because'];
  /** The backends that computed the pipeline before, and how this one comes to be remembered. */
  readonly last: LastBackends;
  readonly remember: BackendMemory['remember'];
}

/**
 * Reads, checks and resolves a pipeline, or takes it from the graph cache if its files are unchanged. Throws
 * `DiagnosticsError` for a pipeline with errors.
 */
export async function openPipeline(file: string, options: PipelineOptions): Promise<OpenPipeline> {
  const path = resolve(file);
  const cacheFolder = cacheFolderOf(path, options.cache);
  warnOfTrackedCache(cacheFolder);
  const loaded = await loadGraph(path, cacheFolder, options);
  const { sources } = loaded;
  const registry = withParts(loaded.registry);
  const graph = addParts(loaded.graph, registry);
  const store = openStore(cacheFolder, (message) => complain(`warning: ${message}`));
  const memory = openBackendMemory(store, graph, registry, options.profile ?? []);
  const last = memory.read();
  allowTf32(graph.allowsTf32 === true);
  const { numerics, because } = chooseBackend(options.backend, graph, last);
  return {
    file: path,
    sources,
    graph,
    registry,
    store,
    cacheFolder,
    code: codePermission(graph),
    backend: numerics.backend,
    numerics,
    because,
    last,
    remember: memory.remember,
  };
}

/**
 * The graph of a pipeline as it is written, for commands that need no backend. With `remember: false` nothing is
 * written into the cache.
 */
export async function openGraph(
  file: string,
  options: PipelineOptions,
  loading: Loading = {},
): Promise<Graph> {
  const path = resolve(file);
  return (await loadGraph(path, cacheFolderOf(path, options.cache), options, loading)).graph;
}

interface Loading {
  /** Whether the resolved pipeline is kept in the cache; it is if absent. */
  readonly remember?: boolean;
  /** Whether warnings are shown; they are if absent. */
  readonly warn?: boolean;
}

function warnOfTrackedCache(cacheFolder: string): void {
  if (isTrackedByGit(cacheFolder))
    complain(
      `warning: git tracks files in the cache ${cacheFolder}, so results may come from whoever changed the repository\n  fix: git rm -r --cached ${cacheFolder}, add .ravelin/ to .gitignore, and remove the folder if you did not make it`,
    );
}

async function loadGraph(
  file: string,
  cacheFolder: string,
  options: PipelineOptions,
  { remember = true, warn = true }: Loading = {},
): Promise<Pick<OpenPipeline, 'graph' | 'registry' | 'sources'>> {
  const root = projectRoot(file);
  const allowed = allowedPaths(root);
  const request: GraphRequest = {
    file,
    root,
    version: process.env.RAVELIN_VERSION ?? 'development',
    stages: process.env.RAVELIN_BUILD ?? 'development',
    overrides: {
      set: options.set ?? [],
      profile: options.profile ?? [],
      seed: options.seed ?? null,
      maxCells: options.maxCells ?? null,
      allowedPaths: allowed,
    },
  };
  const key = remember ? machineKey() : null;
  const cache: GraphCache | null = key === null ? null : { folder: cacheFolder, key };
  // Changes of plugins and of what a project allows go unnoticed, so their pipelines are resolved every time.
  const cached = cache === null ? null : readCachedGraph(cache, request);
  if (cached !== null) return { graph: cached.graph, registry: stages, sources: cached.files };
  const [
    { loadPipeline },
    { DiagnosticsError, showDiagnostics },
    { pipelineRegistry },
    { allowedSlurmFlags },
  ] = await Promise.all([
    import('../dsl/load.ts'),
    import('./diagnostics.ts'),
    import('./plugins/pipeline-registry.ts'),
    import('./plugins/trust.ts'),
  ]);
  const registry = await pipelineRegistry(file);
  const allowedFlags = allowedSlurmFlags(request.root);
  const env = recordReads(process.env);
  const loaded = loadPipeline({
    file,
    registry,
    overrides: options.set,
    profile: options.profile,
    seed: options.seed,
    maxCells: options.maxCells,
    env: env.variables,
    remedyOfMissing: remedyOfMissingPipeline,
    allowedFlags,
    allowedPaths: allowed,
  });
  const { sources } = loaded;
  if (!loaded.ok) throw new DiagnosticsError(loaded.diagnostics, sources);
  const { graph } = loaded.value;
  const read = sources.filter(({ absolute }) => isAbsolute(absolute));
  if (loaded.warnings.length > 0) {
    // This is not cached, so that the warnings are shown again.
    if (warn) showDiagnostics(new DiagnosticsError(loaded.warnings, sources));
  } else if (graph.plugins.length === 0 && allowedFlags.length === 0 && cache !== null) {
    const files = read.map(({ absolute, text }) => [absolute, sha256(text)] as const);
    writeCachedGraph(cache, request, { files: Object.fromEntries(files), env: env.read() }, graph);
  }
  return { graph, registry, sources: read.map(({ absolute }) => absolute) };
}

/** Wraps environment variables to record which ones are read. */
function recordReads(variables: NodeJS.ProcessEnv): {
  readonly variables: NodeJS.ProcessEnv;
  readonly read: () => Record<string, string | null>;
} {
  const names = new Set<string>();
  return {
    variables: new Proxy(variables, {
      get(target, name: string) {
        names.add(name);
        return target[name];
      },
    }),
    read: () => Object.fromEntries([...names].map((name) => [name, variables[name] ?? null])),
  };
}
