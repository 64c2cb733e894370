/**
 * Files and folders outside of a project that its pipelines may read. A pipeline cannot allow itself anything: the user
 * of this machine does, for a single command by `--allow-path` or RAVELIN_ALLOW_PATH, or for the project by
 * `ravelin allow-path`.
 */
import { delimiter, isAbsolute, resolve } from 'node:path';
import { allowedVariable } from './allow-here.ts';
import { UsageError } from './exit-codes.ts';
import { recall, remember } from './user-memory.ts';

/** Absolute paths of what pipelines of the project at `root` may read outside of it, each once and in order. */
export function allowedPaths(root: string): readonly string[] {
  const ofCommand = (process.env[allowedVariable] ?? '').split(delimiter).filter((path) => path !== '');
  return inOrder([...rememberedPaths(root), ...ofCommand.map((path) => resolve(path))]);
}

/** The paths that `ravelin allow-path` has remembered for the project. A file that is damaged or of another project allows nothing. */
export function rememberedPaths(root: string): readonly string[] {
  const lines = recall('allowed-paths', root) ?? [];
  return lines.every((path) => isAbsolute(path)) ? lines : [];
}

/** Remembers what pipelines of the project may read. Throws `UsageError` if that cannot be written. */
export function rememberPaths(root: string, paths: readonly string[]): void {
  const broken = paths.find((path) => path.includes('\n'));
  if (broken !== undefined) throw new UsageError(`${JSON.stringify(broken)} has a line break in its name`);
  remember('allowed-paths', root, paths.length === 0 ? null : inOrder(paths), {
    what: 'the allowed paths',
    otherwise: 'give --allow-path to each command',
  });
}

function inOrder(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)].sort();
}
