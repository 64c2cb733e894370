import { accessSync, constants, existsSync } from 'node:fs';
import { execa } from 'execa';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { formatColumns, print } from '../output.ts';

/** Whether array jobs can be submitted from here, and what a pipeline can ask for. */
export async function doctorSlurm(options: { readonly cache?: string }): Promise<ExitCode> {
  const { readLimits } = await import('../../runtime/slurm/scheduler.ts');
  const rows: string[][] = [];
  let isReady = true;
  for (const command of ['sbatch', 'squeue', 'scontrol', 'scancel']) {
    const { failed } = await execa(command, ['--version'], { reject: false });
    if (!failed) continue;
    isReady = false;
    rows.push([command, 'missing: run ravelin on a login node of the cluster, or load its Slurm module']);
  }
  if (isReady) {
    try {
      const { version, maxArraySize } = await readLimits();
      rows.push(['slurm', `${version} answers; arrays of up to ${maxArraySize} tasks`]);
      rows.push(...(await partitions()));
    } catch (error) {
      isReady = false;
      rows.push(['slurm', `does not answer: ${error instanceof Error ? error.message : String(error)}`]);
    }
    const accounting = await execa('sacct', ['--noheader', '--allocations'], { reject: false });
    rows.push(['accounting', accounting.failed ? 'none, and none is needed' : 'present, and not needed']);
  }
  const folder = findCacheFolder(options.cache);
  rows.push(['cache', `${folder}: ${writable(folder)}; the nodes must see it under the same path`]);
  rows.push(['node', `${process.execPath}: the nodes must have it under the same path`]);
  print(formatColumns(rows));
  return isReady ? exitCodes.ok : exitCodes.executor;
}

async function partitions(): Promise<string[][]> {
  const { stdout, failed } = await execa('sinfo', ['--noheader', '--format=%P|%a|%D|%l|%G'], {
    reject: false,
  });
  if (failed) return [];
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name, state, nodes, limit, gres] = line.split('|');
      return ['partition', `${name}: ${state}, ${nodes} nodes, time limit ${limit}, gres ${gres}`];
    });
}

function writable(folder: string): string {
  if (!existsSync(folder)) return 'made by the first run';
  try {
    accessSync(folder, constants.W_OK);
    return 'writable';
  } catch {
    return 'NOT writable';
  }
}
