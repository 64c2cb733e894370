/**
 * Files and folders outside of a project that its pipelines may read. A pipeline cannot allow itself anything: the user
 * of this machine does, for a single command by `--allow-path` or RAVELIN_ALLOW_PATH, or for the project by
 * `ravelin allow-path`.
 */
import { delimiter, isAbsolute, resolve } from 'node:path';
import { allowedVariable } from './allow-here.ts';
import { UsageError } from './exit-codes.ts';
import { recall, rememberChange } from './user-memory.ts';

/** Absolute paths of what pipelines of the project at `root` may read outside of it, each once and in order. */
export function allowedPaths(root: string): readonly string[] {
  const ofCommand = (process.env[allowedVariable] ?? '').split(delimiter).filter((path) => path !== '');
  return inOrder([...rememberedPaths(root), ...ofCommand.map((path) => resolve(path))]);
}

/** The paths that `ravelin allow-path` has remembered for the project. A file that is damaged or of another project allows nothing. */
export function rememberedPaths(root: string): readonly string[] {
  return pathsIn(recall('allowed-paths', root));
}

function pathsIn(lines: readonly string[] | null): readonly string[] {
  return lines?.every((path) => isAbsolute(path)) === true ? lines : [];
}

/**
 * Remembers what pipelines of the project may read: what `change` makes of the paths that were remembered, also by other
 * processes a moment ago. Throws `UsageError` if that cannot be written.
 */
export function rememberPaths(root: string, change: (before: readonly string[]) => readonly string[]): void {
  const lines = (before: readonly string[] | null): readonly string[] | null => {
    const paths = change(pathsIn(before));
    const broken = paths.find((path) => path.includes('\n'));
    if (broken !== undefined) throw new UsageError(`${JSON.stringify(broken)} has a line break in its name`);
    return paths.length === 0 ? null : inOrder(paths);
  };
  rememberChange('allowed-paths', root, lines, {
    what: 'the allowed paths',
    otherwise: 'give --allow-path to each command',
  });
}

function inOrder(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)].sort();
}
