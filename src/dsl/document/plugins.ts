import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Json } from '../../values/json.ts';
import { DiagnosticSink, untilTooMany } from '../diagnostics/sink.ts';
import { sourceFile } from '../diagnostics/source.ts';
import { type LocatedMap, valueOf } from '../text/located.ts';
import { parseDocument } from '../text/parse-document.ts';
import { isInside, type LoadContext, shownPath } from './load-context.ts';

/**
 * Reads the `plugins:` list of a file before anything is checked, because plugins bring the stage types that
 * the check needs.
 */
export function pluginsOf(
  file: string,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): readonly string[] {
  let text: string;
  try {
    text = readFile(resolve(file));
  } catch {
    return [];
  }
  if (!text.includes('plugins')) return [];
  const sink = new DiagnosticSink();
  const source = sourceFile(shownPath(resolve(file)), text);
  const plugins = valueOf(
    untilTooMany(() => parseDocument(source, sink)),
    'plugins',
  );
  if (sink.failed || plugins?.kind !== 'sequence') return [];
  return plugins.items.flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' ? [item.value] : [],
  );
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
    const local = name.startsWith('./') || name.startsWith('../');
    const fine = local
      ? isInside(root, resolve(dirname(file), name))
      : /^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/.test(name);
    if (!fine) {
      sink.error(
        'bad-plugin',
        item.at,
        `'${name}' is neither the name of a package nor a module of this project`,
        {
          fix: "write a package name such as 'ravelin-extra-attacks', or './stages/my-attack.js'",
        },
      );
    }
    return fine ? [name] : [];
  });
}
