import { resolve } from 'node:path';
import { readTextFile } from '../files/read-text.ts';
import { resolveGraph } from './cells/resolve.ts';
import type { Checked } from './diagnostics/diagnostic.ts';
import { sortDiagnostics } from './diagnostics/render.ts';
import { DiagnosticSink, untilTooMany } from './diagnostics/sink.ts';
import type { SourceFile } from './diagnostics/source.ts';
import { type CodeProblem, type LoadContext, mostValues } from './document/load-context.ts';
import { validate } from './document/pipeline.ts';
import { readPipelineFiles } from './document/read-files.ts';
import type { Graph } from './graph.ts';
import { projectRoot } from './project-root.ts';
import type { SignatureRegistry } from './signature.ts';
import { warnOfInvisibleCharacter } from './text/invisible-characters.ts';

export interface LoadOptions {
  /** Path of the pipeline file, from the working directory. */
  readonly file: string;
  readonly registry: SignatureRegistry;
  /** Project root instead of the one that `projectRoot` finds. */
  readonly root?: string | undefined;
  /** `-S` arguments: `params.images=100`. */
  readonly overrides?: readonly string[] | undefined;
  readonly profile?: string | readonly string[] | undefined;
  /** Instead of the seed in the file. */
  readonly seed?: number | undefined;
  /** 100,000 unless given. */
  readonly maxCells?: number | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Flags for sbatch that the project allows, beside those that every pipeline may give. */
  readonly allowedFlags?: readonly string[] | undefined;
  /** Absolute paths of files and folders outside of the project that the user lets its stages read. */
  readonly allowedPaths?: readonly string[] | undefined;
  /** Throws if the file can't be read. */
  readonly readFile?: ((absolutePath: string) => string) | undefined;
  /** The remedy for a pipeline file that does not exist; undefined if none is known. */
  readonly remedyOfMissing?: ((absolutePath: string) => string | undefined) | undefined;
  /** Whether a file or folder exists, to warn of those that do not. No file is looked for without it. */
  readonly exists?: ((absolutePath: string) => boolean) | undefined;
  /** Why a file of code, as the pipeline names it, may not run, to warn of it; null if it may. Nothing is said of code without it. */
  readonly codeProblem?: ((path: string) => CodeProblem | null) | undefined;
  /** Reads a small file that a parameter names, or the first `most` bytes of any, to check what is in it; null if it cannot be read. No file is looked at without it. */
  readonly readData?: ((absolutePath: string, most?: number) => Uint8Array | null) | undefined;
}

export interface Loaded {
  readonly graph: Graph;
  /** All files that were read, and the `-S` arguments as `<command line>`. */
  readonly sources: readonly SourceFile[];
}

export const mostCells = 100_000;
/**
 * The most characters of the parameters of all cells as JSON: a file of 1 MiB, copied into each cell, would
 * be gigabytes.
 */
const mostCharacters = 2 ** 25;

/**
 * Text → graph: parse, validate, resolve. It never throws for the content of a file. With `ok: false` all
 * errors are reported at once; `renderDiagnostics` needs `sources` to show them.
 */
export function loadPipeline(
  options: LoadOptions,
): Checked<Loaded> & { readonly sources: readonly SourceFile[] } {
  const file = resolve(options.file);
  const sink = new DiagnosticSink();
  const context: LoadContext = {
    registry: options.registry,
    sink,
    sources: new Map(),
    reads: new Set(),
    root: resolve(options.root ?? projectRoot(file)),
    file,
    maxCells: options.maxCells ?? mostCells,
    budget: {
      characters: mostCharacters * Math.max(1, (options.maxCells ?? 0) / mostCells),
      values: mostValues,
    },
    env: options.env ?? process.env,
    readFile: options.readFile ?? readTextFile,
    remedyOfMissing: options.remedyOfMissing,
    allowedFlags: options.allowedFlags ?? [],
    allowedPaths: options.allowedPaths ?? [],
    exists: options.exists && remembered(options.exists),
    codeProblem: options.codeProblem,
    readData: options.readData && remembered(options.readData),
  };
  const graph = untilTooMany(() => load(options, context));
  const sources = [...context.sources.values()];
  if (sink.failed) for (const source of sources) warnOfInvisibleCharacter(source, sink);
  const diagnostics = sortDiagnostics(sink.diagnostics, context.sources);
  if (graph === undefined || sink.failed) return { ok: false, diagnostics, sources };
  return { ok: true, value: { graph, sources }, warnings: diagnostics, sources };
}

function load({ profile = [], overrides = [], seed }: LoadOptions, context: LoadContext): Graph | undefined {
  const document = readPipelineFiles(context);
  if (document === undefined) return undefined;
  const profiles = typeof profile === 'string' ? [profile] : profile;
  return resolveGraph(validate(document, { profiles, overrides, seed }, context), context);
}

/** Looks at each path once, because the cells of a stage often share one. */
function remembered<T>(look: (path: string, most?: number) => T): (path: string, most?: number) => T {
  const known = new Map<string, T>();
  return (path, most) => {
    const key = `${most ?? ''} ${path}`;
    if (!known.has(key)) known.set(key, look(path, most));
    return known.get(key)!;
  };
}

export { projectRoot } from './project-root.ts';
export { profilesOf } from './document/profiles-of.ts';
export { pluginsOf } from './document/plugins.ts';
