import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { rememberedPaths, rememberPaths } from '../allowed-paths.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';
import { currentProject } from '../project.ts';

/** Lets the pipelines of this project read paths outside of it, or with `remove` no longer; lists them if none is given. */
export async function allowPath(
  given: readonly string[],
  options: { readonly remove?: boolean },
): Promise<ExitCode> {
  const root = await currentProject();
  const paths = given.map((path) => resolve(path));
  const before = rememberedPaths(root);
  if (options.remove === true) {
    const unknown = paths.find((path) => !before.includes(path));
    if (unknown !== undefined)
      throw new UsageError(
        `${unknown} was not allowed`,
        before.length === 0 ? undefined : `name one of: ${before.join(', ')}`,
      );
    rememberPaths(root, (known) => (paths.length === 0 ? [] : known.filter((path) => !paths.includes(path))));
  } else if (paths.length > 0) {
    const missing = paths.find((path) => statSync(path, { throwIfNoEntry: false }) === undefined);
    if (missing !== undefined) throw new UsageError(`${missing} does not exist`, 'correct the path');
    rememberPaths(root, (known) => [...known, ...paths]);
  }
  const allowed = rememberedPaths(root);
  print(
    allowed.length === 0
      ? `Pipelines of ${root} may read nothing outside of it.`
      : `On this machine, pipelines of ${root} may also read:${allowed.map((path) => `\n  ${path}`).join('')}`,
  );
  return exitCodes.ok;
}
