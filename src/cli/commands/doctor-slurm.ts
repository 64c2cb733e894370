import { accessSync, constants, existsSync } from 'node:fs';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { formatColumns, print } from '../output.ts';

/** Reports whether array jobs can be submitted from here, and which resources a pipeline can request. */
export async function doctorSlurm(options: { readonly cache?: string }): Promise<ExitCode> {
  const { describePartitions, hasAccounting, missingCommands, readLimits } =
    await import('../../runtime/executors/slurm/scheduler.ts');
  const rows: string[][] = [];
  const missing = await missingCommands();
  let isReady = missing.length === 0;
  if (!isReady) {
    const fix = 'run ravelin on a login node of the cluster, or load its Slurm module';
    rows.push(['slurm', `${missing.join(', ')} missing: ${fix}`]);
  } else {
    try {
      const { version, maxArraySize } = await readLimits();
      rows.push(['slurm', `${version} answers; arrays of up to ${maxArraySize} tasks`]);
      rows.push(...(await describePartitions()).map((line) => ['partition', line]));
    } catch (error) {
      isReady = false;
      const message = error instanceof Error ? error.message : String(error);
      rows.push(['slurm', `does not answer: ${message.replaceAll(/\s*\n\s*/g, '; ')}`]);
    }
    rows.push(['accounting', `${(await hasAccounting()) ? 'present' : 'none'}; it is not needed`]);
  }
  const folder = findCacheFolder(options.cache);
  rows.push(['cache', `${folder}: ${writable(folder)}; the nodes must see it under the same path`]);
  rows.push(['node', `${process.execPath}: the nodes must have it under the same path`]);
  print(formatColumns(rows));
  return isReady ? exitCodes.ok : exitCodes.executor;
}

function writable(folder: string): string {
  if (!existsSync(folder)) return 'created by the first run';
  try {
    accessSync(folder, constants.W_OK);
    return 'writable';
  } catch {
    return 'NOT writable';
  }
}
