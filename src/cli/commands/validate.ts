import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Diagnostic } from '../../dsl/diagnostics/diagnostic.ts';
import { loadPipeline, pluginsOf, projectRoot } from '../../dsl/load.ts';
import { diagnosticsJson } from '../../dsl/diagnostics/render.ts';
import { DiagnosticsError, showDiagnostics } from '../diagnostics.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { print, printJson } from '../output.ts';
import type { PipelineOptions } from '../pipeline.ts';
import { loadRegistry } from '../plugins/load-registry.ts';

export async function validate(
  files: readonly string[],
  options: PipelineOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  let valid = true;
  const all: unknown[] = [];
  for (const file of files) {
    const path = resolve(file);
    const registry = await loadRegistry(pluginsOf(path), projectRoot(path), dirname(path));
    const loaded = loadPipeline({
      file: path,
      registry,
      overrides: options.set,
      profile: options.profile,
      maxCells: options.maxCells,
      env: process.env,
      exists,
    });
    valid &&= loaded.ok;
    const diagnostics: readonly Diagnostic[] = loaded.ok ? loaded.warnings : loaded.diagnostics;
    const { sources } = loaded;
    if (options.json) all.push(...diagnosticsJson(diagnostics, sources));
    else if (diagnostics.length > 0) showDiagnostics(new DiagnosticsError(diagnostics, sources));
    if (loaded.ok && !options.json) {
      const { graph } = loaded.value;
      print(`${file}: ok, ${graph.stages.length} stages, ${graph.cells.length} cells`);
    }
  }
  if (options.json) printJson(all);
  return valid ? exitCodes.ok : exitCodes.usage;
}

/** A file that may not be looked at counts as existing, because nothing is known of it. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
