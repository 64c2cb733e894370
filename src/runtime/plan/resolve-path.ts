import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { StageError } from '../stage.ts';

/**
 * Makes a path of a pipeline absolute. Relative paths start at the folder of the pipeline file. Throws a
 * `StageError` if the path leaves the project root and all of `allowed`, files and folders that the user lets
 * pipelines of the project read. Symbolic links inside of these are the user's own and may lead anywhere.
 */
export function resolveInside(
  root: string,
  folder: string,
  path: string,
  allowed: readonly string[] = [],
): string {
  const absolute = resolve(folder, path);
  if (![root, ...allowed].some((place) => isBelow(place, absolute))) {
    throw new StageError(`'${path}' leaves the project root ${root}`, {
      code: 'bad-data',
      file: path,
      fix: 'move the file into the project, link it there, or allow it with: ravelin allow-path PATH',
    });
  }
  return absolute;
}

/** Which modules of the project that are not JavaScript may run. */
export interface CodePermission {
  /** Paths from the root that begin with `./`, as package.json lists them. */
  readonly modules: readonly string[];
  /** Whether the user of this machine trusts the project. */
  readonly isTrusted: boolean;
  /** Interpreters that the pipeline names. */
  readonly programs: readonly string[];
}

export const noCode: CodePermission = { modules: [], isTrusted: false, programs: [] };

/**
 * Finds a module of Python and its interpreter, if the project allows them and is trusted (see `ResolveCode`).
 * Throws `StageError` otherwise.
 */
export function resolveCode(
  { modules, isTrusted, programs }: CodePermission,
  { root, folder }: { readonly root: string; readonly folder: string },
  path: string,
  program: string,
): { readonly path: string; readonly root: string } {
  const absolute = resolveInside(root, folder, path);
  const entry = `./${relative(root, absolute).split(sep).join('/')}`;
  if (!modules.includes(entry)) {
    throw new StageError(`the module '${path}' is code, and this project does not allow it`, {
      file: path,
      fix: `add "${entry}" to "ravelin": { "python": [] } in ${join(root, 'package.json')} if you trust it`,
    });
  }
  if (!isTrusted) {
    throw new StageError(`the module '${path}' is code, and this project is not trusted on this machine`, {
      file: path,
      fix: 'look at it, then run: ravelin trust (or give --trust to a single command, or set RAVELIN_TRUST=1 in CI)',
    });
  }
  if (!programs.includes(program)) {
    throw new StageError(`'${program}' is an interpreter that this pipeline does not name`, {
      file: path,
      fix: 'remove the cache if you did not make it, and run again',
    });
  }
  return { path: absolute, root };
}

/** Whether `absolute` is the place itself, or lies in it. */
export function isBelow(place: string, absolute: string): boolean {
  const inside = relative(place, absolute);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
