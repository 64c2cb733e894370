/** The CUDA devices that this process may use, found without loading CUDA. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { hasNvidia, parseGpus } from '../../setup/nvidia.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const queryMs = 10_000;

/**
 * The names of the devices for CUDA_VISIBLE_DEVICES. If that variable is set, as Slurm does for a job, they are those that it
 * names. Otherwise they are the MIG slices or GPUs of `listing`, which is the output of `nvidia-smi -L`: of a GPU that is divided
 * into slices, CUDA shows a process only a slice.
 */
export function visibleGpus(environment: Environment, listing: () => string): readonly string[] {
  const given = environment['CUDA_VISIBLE_DEVICES'];
  if (given !== undefined) {
    const names = given.split(',').map((name) => name.trim());
    // CUDA stops at the first name that is not one.
    const end = names.findIndex((name) => !/^(\d+|GPU-[\w-]+|MIG-[\w/-]+)$/.test(name));
    return end < 0 ? names : names.slice(0, end);
  }
  const lines = listing().split('\n');
  const found: string[] = [];
  for (const line of lines) {
    const slice = /^\s+MIG .*\(UUID: (MIG-[\w/-]+)\)/.exec(line)?.[1];
    const gpu = /^GPU (\d+):/.exec(line)?.[1];
    // The slices of a GPU follow it in the list, and take its place.
    if (slice !== undefined) {
      if (/^\d+$/.test(found.at(-1) ?? '')) found.pop();
      found.push(slice);
    } else if (gpu !== undefined) found.push(gpu);
  }
  return found;
}

/**
 * Bytes of memory of a device with a name of CUDA_VISIBLE_DEVICES, by the rows of `nvidia-smi`. Null for a MIG slice, whose memory
 * they do not have, and for a UUID if the GPUs differ.
 */
export function memoryOf(device: string, rows: string): number | null {
  if (device.startsWith('MIG-')) return null;
  const all = parseGpus(rows).map(({ memory }) => /^(\d+) MiB$/.exec(memory)?.[1]);
  const isNumber = /^\d+$/.test(device);
  if (!isNumber && new Set(all).size !== 1) return null;
  const mebibytes = all[isNumber ? Number(device) : 0];
  return mebibytes === undefined ? null : Number(mebibytes) * 2 ** 20;
}

let queried: string | undefined;

/** The rows of `nvidia-smi` as `parseGpus` reads them; asked once in a process, and not at all if no GPU shows. */
export function queryGpus(): string {
  if (queried === undefined) {
    const query = '--query-gpu=name,compute_cap,compute_mode,mig.mode.current,memory.total';
    const parameters = [query, '--format=csv,noheader'];
    const answer = hasNvidia()
      ? spawnSync('nvidia-smi', parameters, { encoding: 'utf8', timeout: queryMs })
      : null;
    queried = answer?.status === 0 ? answer.stdout : '';
  }
  return queried;
}

/** The output of `nvidia-smi -L`, or as much of it as the files of the driver say. */
export function listGpus(): string {
  const { status, stdout } = spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8', timeout: queryMs });
  if (status === 0) return stdout;
  try {
    return readdirSync('/dev')
      .flatMap((name) => /^nvidia(\d+)$/.exec(name)?.slice(1) ?? [])
      .map((number) => `GPU ${number}:`)
      .join('\n');
  } catch {
    return '';
  }
}
