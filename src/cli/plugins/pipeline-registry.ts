import { dirname } from 'node:path';
import type { Diagnostic, SourceRange } from '../../dsl/diagnostics/diagnostic.ts';
import { type SourceFile, sourceFile } from '../../dsl/diagnostics/source.ts';
import { shownPath } from '../../dsl/document/load-context.ts';
import { pluginsOf, projectRoot } from '../../dsl/load.ts';
import { readTextFile } from '../../files/read-text.ts';
import type { StageRegistry } from '../../runtime/stage.ts';
import { DiagnosticsError } from '../diagnostics.ts';
import { allowedEntry, type BrokenPlugin, withPlugins } from './load-registry.ts';
import { readPermissions } from './permissions.ts';
import { type FilePlace, PluginError } from './plugin-error.ts';

/**
 * The built-in stages and those of a pipeline's `plugins:`. Throws `DiagnosticsError` with an error at each
 * entry that is not allowed or cannot be used, and `UsageError` if package.json cannot be read.
 */
export async function pipelineRegistry(file: string): Promise<StageRegistry> {
  const { plugins, source } = pluginsOf(file);
  const root = projectRoot(file);
  const allowed = plugins.length === 0 ? [] : readPermissions(root).plugins;
  const places = new Map<string, SourceRange>();
  const refused: BrokenPlugin[] = [];
  for (const { name, at } of plugins) {
    try {
      const entry = allowedEntry(name, dirname(file), root, allowed);
      if (!places.has(entry)) places.set(entry, at);
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      places.set(name, at);
      refused.push({ entry: name, error });
    }
  }
  const entries = [...places.keys()].filter((entry) => !refused.some((other) => other.entry === entry));
  const { registry, broken } = await withPlugins(entries, root, { examples: true });
  // What is wrong with the whole project is reported once.
  const all = [...refused, ...broken].filter(
    ({ error }, index, list) => list.findIndex((other) => other.error.message === error.message) === index,
  );
  if (all.length === 0 || source === null) return registry;
  const sources = new Map([[source.path, source]]);
  const diagnostics = all.map(({ entry, error }) => diagnosticOf(error, places.get(entry)!, sources));
  throw new DiagnosticsError(diagnostics, [...sources.values()]);
}

/** Adds the source of the plugin to `sources` if its place is known. */
function diagnosticOf(
  { reason, fix, at: place }: PluginError,
  at: SourceRange,
  sources: Map<string, SourceFile>,
): Diagnostic {
  const there = place === undefined ? undefined : rangeOf(place, sources);
  return {
    code: 'bad-plugin',
    severity: 'error',
    message: reason,
    at,
    ...(there !== undefined && { related: [{ message: 'here is the cause', at: there }] }),
    ...(fix !== undefined && { fix }),
  };
}

function rangeOf(
  { file, line, column }: FilePlace,
  sources: Map<string, SourceFile>,
): SourceRange | undefined {
  const path = shownPath(file);
  try {
    const source = sourceFile(path, readTextFile(file), file);
    const start = (source.lineStarts[line - 1] ?? 0) + column - 1;
    sources.set(path, source);
    return { file: path, start, end: start + (/^\w+/.exec(source.text.slice(start))?.[0].length ?? 1) };
  } catch {
    return undefined;
  }
}
