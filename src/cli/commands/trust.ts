import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { print } from '../output.ts';
import { readPermissions } from '../plugins/permissions.ts';
import { trust, withdrawTrust } from '../plugins/trust.ts';
import { currentProject } from '../project.ts';

/** Lets the code of this project run from now on, and says which; or with `remove` no longer. */
export async function trustProject(options: { readonly remove?: boolean }): Promise<ExitCode> {
  const root = await currentProject();
  if (options.remove === true) {
    withdrawTrust(root);
    print(`${root} is not trusted any more. Its plugins will not be loaded.`);
    return exitCodes.ok;
  }
  const { plugins, python, slurmFlags } = readPermissions(root);
  trust(root);
  const list = (what: string, names: readonly string[]): string =>
    names.length === 0 ? '' : `\n${what}:${names.map((name) => `\n  ${name}`).join('')}`;
  print(
    `${root} is trusted on this machine, and so is what its package.json will allow later.${list(
      'Its commands may run these plugins',
      plugins,
    )}${list('Its models may run these modules of Python', python)}${list('Its pipelines may give these flags to sbatch', slurmFlags)}`,
  );
  return exitCodes.ok;
}
