import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { countCells, plural } from '../../dashboard/format.ts';
import type { Diagnostic } from '../../dsl/diagnostics/diagnostic.ts';
import { loadPipeline, projectRoot } from '../../dsl/load.ts';
import { diagnosticsJson } from '../../dsl/diagnostics/render.ts';
import { allowedPaths } from '../allowed-paths.ts';
import { fileFirst } from '../command-words.ts';
import { DiagnosticsError, showDiagnostics } from '../diagnostics.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { print, printJson } from '../output.ts';
import type { PipelineOptions } from '../pipeline.ts';
import { pipelineRegistry } from '../plugins/pipeline-registry.ts';
import { addParts, withParts } from '../../runtime/plan/parts.ts';
import { resolveCode } from '../../runtime/plan/resolve-path.ts';
import { StageError, type StageRegistry } from '../../runtime/stage.ts';
import { readPermissions } from '../plugins/permissions.ts';
import { allowedSlurmFlags, isTrusted } from '../plugins/trust.ts';

export async function validate(
  named: readonly string[],
  options: PipelineOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const files = named.length > 0 ? named : [fileFirst([]).file];
  let valid = true;
  const all: unknown[] = [];
  for (const file of files) {
    const path = resolve(file);
    const { loaded, registry } = await load(path, options);
    valid &&= loaded.ok;
    const diagnostics: readonly Diagnostic[] = loaded.ok ? loaded.warnings : loaded.diagnostics;
    const { sources } = loaded;
    if (options.json) all.push(...diagnosticsJson(diagnostics, sources));
    else if (diagnostics.length > 0) showDiagnostics(new DiagnosticsError(diagnostics, sources));
    if (loaded.ok && !options.json) {
      const { stages, cells } = loaded.value.graph;
      const divided = addParts(loaded.value.graph, withParts(registry));
      const counts = { cells: divided.cells.length, parts: divided.cells.length - cells.length };
      print(`${file}: ok, ${plural(stages.length, 'stage')}, ${countCells(counts)}`);
    }
  }
  if (options.json) printJson(all);
  return valid ? exitCodes.ok : exitCodes.usage;
}

/** The pipeline, or the errors of the first phase that has some: those of its plugins, then its own. */
async function load(
  file: string,
  options: PipelineOptions,
): Promise<{ readonly loaded: ReturnType<typeof loadPipeline>; readonly registry: StageRegistry }> {
  try {
    const registry = await pipelineRegistry(file);
    const loaded = loadPipeline({
      file,
      registry,
      overrides: options.set,
      profile: options.profile,
      maxCells: options.maxCells,
      env: process.env,
      allowedFlags: allowedSlurmFlags(projectRoot(file)),
      allowedPaths: allowedPaths(projectRoot(file)),
      exists,
      codeProblem: (path) => codeProblem(file, path),
      readData,
    });
    return { loaded, registry };
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    const { diagnostics, sources } = error;
    return { loaded: { ok: false, diagnostics, sources }, registry: new Map() };
  }
}

/** A file that may not be looked at counts as existing, because nothing is known of it. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** Why a module of Python that the pipeline names may not run; null if it may, or if another error says more. */
function codeProblem(file: string, path: string): { message: string; fix: string | undefined } | null {
  const root = projectRoot(file);
  const { python: modules } = readPermissions(root);
  try {
    const code = { modules, isTrusted: modules.length > 0 && isTrusted(root), programs: [''] };
    resolveCode(code, { root, folder: dirname(file) }, path, '');
    return null;
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    const { message, fix } = error;
    return { message, fix };
  }
}

/** A larger file is not read before a run. */
const mostBytes = 2 ** 24;

/** The bytes of a regular file, or the first `most` of them; null for anything else, which cannot be checked before the run. */
function readData(path: string, most?: number): Uint8Array | null {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return null;
    if (most !== undefined) return readHead(path, Math.min(most, stats.size, mostBytes));
    return stats.size <= mostBytes ? readFileSync(path) : null;
  } catch {
    return null;
  }
}

function readHead(path: string, bytes: number): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const head = new Uint8Array(bytes);
    return head.subarray(0, readSync(file, head, 0, bytes, 0));
  } finally {
    closeSync(file);
  }
}
