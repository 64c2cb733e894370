import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonFile } from '../../files/read-json.ts';
import { UnreadableFileError } from '../../files/unreadable-file-error.ts';
import { UsageError } from '../exit-codes.ts';

/** The package.json of a project lets its pipelines do this, beside what any pipeline may do. */
export interface Permissions {
  /** Plugins: package names, and paths from the root that begin with `./`. */
  readonly plugins: readonly string[];
  /** Modules of Python that `model/python` may run: paths from the root that begin with `./`. */
  readonly python: readonly string[];
  /** Flags for sbatch, to the letter. */
  readonly slurmFlags: readonly string[];
}

/** Reads `"ravelin": { … }` of the package.json at `root`. Throws `UsageError` if it is not what it should be. */
export function readPermissions(root: string): Permissions {
  const path = join(root, 'package.json');
  if (!existsSync(path)) return { plugins: [], python: [], slurmFlags: [] };
  const manifest = readManifest(path);
  const ravelin = isMap(manifest) ? (manifest['ravelin'] ?? {}) : {};
  if (!isMap(ravelin)) {
    throw new UsageError(
      `"ravelin" in ${path} is not a map`,
      'write it as "ravelin": { "plugins": ["./plugins/mine.mjs"] }',
    );
  }
  const listOf = (key: string, example: string): readonly string[] => {
    const list = ravelin[key] ?? [];
    if (Array.isArray(list) && list.every((name): name is string => typeof name === 'string')) return list;
    throw new UsageError(`"ravelin.${key}" in ${path} is not a list of names`, `write it as [${example}]`);
  };
  return {
    plugins: listOf('plugins', '"./plugins/mine.mjs"'),
    python: listOf('python', '"./my_models.py"'),
    slurmFlags: listOf('slurmFlags', '"--export=NONE"'),
  };
}

function readManifest(path: string): unknown {
  try {
    return readJsonFile(path);
  } catch (error) {
    if (!(error instanceof UnreadableFileError)) throw error;
    throw new UsageError(error.message, `${error.fix}. ravelin reads "ravelin": { "plugins": [] } from it`);
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
