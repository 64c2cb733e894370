import { execFile } from 'node:child_process';
import type { DeviceLoad } from '../dashboard/renderer.ts';

const program = 'nvidia-smi';
const query = [
  '--query-gpu=index,name,memory.used,memory.total,utilization.gpu',
  '--format=csv,noheader,nounits',
];
/** The driver is queried at most this often, and never while an answer is due. */
const betweenMs = 2_000;
const patienceMs = 10_000;

/**
 * The memory and the load of the NVIDIA devices of this machine, as they were at the last answer of their driver; empty before the
 * first, and for ever if there is no driver. Each call may start the next query, so that nothing is queried while nobody looks.
 */
export function openDeviceLoads(): () => readonly DeviceLoad[] {
  let loads: readonly DeviceLoad[] = [];
  let isQuerying = false;
  let isMissing = false;
  let queriedAt = -Infinity;
  return () => {
    if (!isQuerying && !isMissing && performance.now() - queriedAt >= betweenMs) {
      isQuerying = true;
      queriedAt = performance.now();
      execFile(program, query, { timeout: patienceMs }, (error, stdout) => {
        isQuerying = false;
        isMissing = error !== null;
        loads = error === null ? readLoads(stdout) : [];
      }).unref();
    }
    return loads;
  };
}

/** Reads lines such as `0, NVIDIA H200, 1024, 143771, 37`, in MiB and percent. Lines of another form are left out. */
export function readLoads(text: string): readonly DeviceLoad[] {
  return text.split('\n').flatMap((line) => {
    const [index = '', name = '', used = '', total = '', busy = ''] = line
      .split(',')
      .map((part) => part.trim());
    if (![index, used, total].every((part) => /^\d+$/.test(part))) return [];
    const mebibytes = (part: string): number => Number(part) * 2 ** 20;
    return [
      {
        name: `${index} ${name}`,
        usedBytes: mebibytes(used),
        totalBytes: mebibytes(total),
        busy: /^\d+$/.test(busy) ? Number(busy) / 100 : null,
      },
    ];
  });
}
