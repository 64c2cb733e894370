import { resolve } from 'node:path';
import { keysOfRun, listRuns, removeRun, type RunInfo } from '../../runtime/run/read-ledger.ts';
import { stateOfRun } from '../../runtime/run/run-state.ts';
import { collectGarbage } from '../../runtime/store/collect-garbage.ts';
import { openStore } from '../../runtime/store/store.ts';
import { plural } from '../../dashboard/format.ts';
import { cacheFolderOf } from '../cache-folder.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, formatBytes, print } from '../output.ts';

/**
 * Removes the results of a pipeline that no other pipeline and no pinned or tagged run has, and the ledgers of its other runs. Without `yes` it only
 * says what it would remove. Published files stay.
 */
export function clean(file: string, options: { readonly cache?: string; readonly yes?: boolean }): ExitCode {
  const path = resolve(file);
  const cacheFolder = cacheFolderOf(path, options.cache);
  const store = openStore(cacheFolder, (message) => complain(`warning: ${message}`));
  const runs = listRuns(cacheFolder);
  const isOwn = ({ started, pinned, tags }: RunInfo): boolean =>
    started?.file === path && !pinned && tags.length === 0;
  const own = runs.filter(isOwn);
  const atWork = own.find((info) => ['running', 'unknown'].includes(stateOfRun(cacheFolder, info)));
  if (atWork !== undefined)
    throw new UsageError(
      `run ${atWork.run} of ${file} may be at work`,
      `wait for it, stop it with 'ravelin cancel ${atWork.run}', or remove its ledger with 'ravelin runs rm ${atWork.run}'`,
    );
  const keysOf = (some: readonly RunInfo[]): Set<string> =>
    new Set(some.flatMap(({ run }) => keysOfRun(cacheFolder, run)));
  const others = keysOf(runs.filter((info) => !isOwn(info)));
  const removable = new Set([...keysOf(own)].filter((key) => !others.has(key)));
  const report = collectGarbage(store, { keep: others, remove: removable, dryRun: options.yes !== true });
  const what = `${plural(report.removed.length, 'result')} (${formatBytes(report.freedBytes)}) and ${plural(own.length, 'ledger')} of ${file}`;
  if (options.yes !== true) {
    print(`would remove ${what}`);
    if (own.length > 0) complain('nothing was removed\n  fix: add --yes to remove them');
    return exitCodes.ok;
  }
  for (const { run } of own) removeRun(cacheFolder, run);
  print(`removed ${what}`);
  return exitCodes.ok;
}
