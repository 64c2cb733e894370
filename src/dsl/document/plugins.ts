import { dirname, isAbsolute, resolve } from 'node:path';
import { readTextFile } from '../../files/read-text.ts';
import type { Json } from '../../values/json.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { DiagnosticSink, untilTooMany } from '../diagnostics/sink.ts';
import { type SourceFile, sourceFile } from '../diagnostics/source.ts';
import { type LocatedMap, valueOf } from '../text/located.ts';
import { parseDocument } from '../text/parse-document.ts';
import { isInside, type LoadContext, outsideMessage, shownPath } from './load-context.ts';

/** The `plugins:` of a file, each with its place, and the file; null if it cannot be read. */
export interface PluginList {
  readonly plugins: readonly { readonly name: string; readonly at: SourceRange }[];
  readonly source: SourceFile | null;
}

const noPlugins: PluginList = { plugins: [], source: null };

/**
 * Reads the `plugins:` list of a file before anything is checked, because plugins bring the stage types that
 * the check needs. A name that can be no plugin's is left to that check.
 */
export function pluginsOf(file: string, readFile: (path: string) => string = readTextFile): PluginList {
  let text: string;
  try {
    text = readFile(resolve(file));
  } catch {
    return noPlugins;
  }
  if (!text.includes('plugins')) return noPlugins;
  const sink = new DiagnosticSink();
  const source = sourceFile(shownPath(resolve(file)), text, resolve(file));
  const plugins = valueOf(
    untilTooMany(() => parseDocument(source, sink)),
    'plugins',
  );
  if (sink.failed || plugins?.kind !== 'sequence') return noPlugins;
  const named = plugins.items.flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' && (isLocal(item.value) || isPackage(item.value))
      ? [{ name: item.value, at: item.at }]
      : [],
  );
  return { plugins: named, source };
}

/**
 * Checks the `plugins:` of a document: each is the name of a package, or a module of the project as a
 * relative path.
 */
export function checkedPlugins(document: LocatedMap, { sink, root, file }: LoadContext): readonly string[] {
  const value = valueOf(document, 'plugins');
  return (value?.kind === 'sequence' ? value.items : []).flatMap((item) => {
    const name: Json = item.kind === 'scalar' ? item.value : null;
    if (typeof name !== 'string') return [];
    const problem = pluginProblem(name, root, file);
    if (problem === undefined) return [name];
    sink.error('bad-plugin', item.at, problem, {
      fix: "write a package name such as 'ravelin-extra-attacks', or './stages/my-attack.js'",
    });
    return [];
  });
}

/** Says why a text names no plugin; undefined for one that does. */
function pluginProblem(name: string, root: string, file: string): string | undefined {
  if (isLocal(name)) {
    return isInside(root, resolve(dirname(file), name)) ? undefined : outsideMessage(name, { root, file });
  }
  if (isPackage(name)) return undefined;
  if (/^[a-z]+:/i.test(name))
    return `'${name}' is a URL, and only packages and modules of this project are loaded`;
  if (isAbsolute(name))
    return `'${name}' is an absolute path, and a module is named relative to the pipeline file`;
  return `'${name}' is neither the name of a package nor a path that begins with ./ or ../`;
}

function isLocal(name: string): boolean {
  return name.startsWith('./') || name.startsWith('../');
}

function isPackage(name: string): boolean {
  return /^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/.test(name);
}
