import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A project of more source files than this names a library by accident. */
const mostFiles = 2_000;

/**
 * The source files that a Python module imports from its own folder, with the module itself, as far as they can be
 * found without running it: `import a.b`, `from a import b`, `from . import c`, also inside of functions. Imports
 * by a computed name are not found; the process reports those when it has loaded them. Absolute paths, in an order
 * that depends on the files alone.
 */
export function localImports(module: string): readonly string[] {
  const root = dirname(module);
  const found = new Set<string>([module]);
  for (const file of found) {
    if (found.size > mostFiles) break;
    for (const name of importedNames(readText(file))) {
      for (const path of filesOf(name, file, root)) found.add(path);
    }
  }
  return [...found].sort((a, b) => (a === module ? -1 : b === module ? 1 : a < b ? -1 : 1));
}

interface ImportedName {
  /** Number of leading dots: 0 for an absolute import. */
  readonly level: number;
  readonly parts: readonly string[];
  /** Names after `import`, which may be modules themselves. */
  readonly members: readonly string[];
}

const importLine =
  /^[ \t]*(?:import[ \t]+([^#\n]+)|from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^#\n]+))/gm;

function importedNames(text: string): readonly ImportedName[] {
  // A backslash at the end of a line continues it.
  return [...text.replaceAll(/\\\r?\n/g, ' ').matchAll(importLine)].flatMap(
    ([, plain, dots = '', name = '', members]) => {
      if (plain !== undefined)
        return names(plain).map((one) => ({
          level: 0,
          parts: one.split('.'),
          members: [] as readonly string[],
        }));
      const parts = name === '' ? [] : name.split('.');
      return [{ level: dots.length, parts, members: names(members!.replaceAll(/[()]|#.*/g, ' ')) }];
    },
  );
}

/** The names of a list such as `a.b as c, d`. */
function names(list: string): readonly string[] {
  return list.split(',').flatMap((item) => /^\s*([\w.]+)/.exec(item)?.[1] ?? []);
}

/** Files of a module and of the packages that it lies in. */
function filesOf({ level, parts, members }: ImportedName, file: string, root: string): readonly string[] {
  let folder = level === 0 ? root : dirname(file);
  for (let up = 1; up < level; up++) folder = dirname(folder);
  const found: string[] = [];
  const add = (path: string): void => {
    if (existsSync(path) && statSync(path).isFile()) found.push(path);
  };
  add(level === 0 ? '' : join(folder, '__init__.py'));
  for (const part of parts) {
    add(join(folder, `${part}.py`));
    folder = join(folder, part);
    add(join(folder, '__init__.py'));
  }
  for (const member of members) {
    add(join(folder, `${member}.py`));
    add(join(folder, member, '__init__.py'));
  }
  return found;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
