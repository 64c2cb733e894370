/** Places in the sources of plugins, found after one could not be loaded: what Node says of them is text. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'es-module-lexer/js';
import type { FilePlace } from './plugin-error.ts';

/** The innermost place in a stack that is neither in Node nor in ravelin. */
export function placeInStack(stack: string): FilePlace | undefined {
  const own = dirname(fileURLToPath(import.meta.url));
  // Node's own modules are written as node:internal/…, which must not count as a path from its slash on.
  const frame = /(?:\(|\bat (?:async )?)((?:file:\/\/)?\/[^\n()]+?):(\d+):(\d+)\)?$/gm;
  for (const [, path, line, column] of stack.matchAll(frame)) {
    const file = pathOf(path!);
    if (!file.startsWith(own)) return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
}

/** The place that Node marks with a caret above a syntax error: `FILE:LINE`, the line, and `^` below it. */
export function markedPlace(text: string): FilePlace | undefined {
  const found = /^((?:file:\/\/)?\/[^\n]+):(\d+)\n[^\n]*\n([ \t]*)\^/.exec(text);
  if (found === null) return undefined;
  return { file: pathOf(found[1]!), line: Number(found[2]), column: found[3]!.length + 1 };
}

/**
 * The first syntax error in some files. V8 reports to `import()` what is wrong and not where, so each file goes
 * through `node --check` until one fails.
 */
export function syntaxErrorIn(files: readonly string[]): FilePlace | undefined {
  for (const file of files) {
    const { status, stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
    if (status !== 0) return markedPlace(stderr);
  }
  return undefined;
}

/** The place at which a module names what it imports; undefined if it cannot be read. */
export function importIn(file: string, isMeant: (specifier: string) => boolean): FilePlace | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const found = parse(text)[0].find(
      (entry) => 'specifier' in entry && typeof entry.specifier === 'string' && isMeant(entry.specifier),
    );
    if (found === undefined) return undefined;
    const before = text.slice(0, found.start).split('\n');
    return { file, line: before.length, column: before.at(-1)!.length + 1 };
  } catch {
    return undefined;
  }
}

function pathOf(fileOrUrl: string): string {
  return fileOrUrl.startsWith('file://') ? fileURLToPath(fileOrUrl) : fileOrUrl;
}
