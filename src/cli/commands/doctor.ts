import { statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { probeBackends } from '../../tensors/backend.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatColumns, print, printJson } from '../output.ts';

/** What this machine can do; for what it cannot, why, and how to mend it. */
export async function doctor(options: { readonly json?: boolean }): Promise<ExitCode> {
  const backends = probeBackends().map((probe) => ({
    ...probe,
    device: probe.device?.kind ?? null,
  }));
  const disk = statfsSync('.');
  const report = {
    ravelin: process.env.RAVELIN_VERSION ?? 'development',
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    freeDiskBytes: disk.bavail * disk.bsize,
    backends,
    sharp: await sharpVersion(),
  };
  if (options.json) {
    printJson(report);
    return exitCodes.ok;
  }
  print(
    formatColumns([
      ['ravelin', report.ravelin],
      ['node', `${report.node} on ${report.platform}, ${report.cores} cores`],
      ['memory', `${formatBytes(report.freeMemoryBytes)} free of ${formatBytes(report.memoryBytes)}`],
      ['disk', `${formatBytes(report.freeDiskBytes)} free here`],
      ['sharp', report.sharp.ready ? report.sharp.version : `missing: ${report.sharp.why}`],
      ...backends.map(({ name, ready, version, why }) => [
        `backend ${name}`,
        ready ? `ready: ${version ?? ''}` : `not here: ${why ?? 'unknown'}`,
      ]),
    ]),
  );
  return backends.some(({ ready }) => ready) && report.sharp.ready ? exitCodes.ok : exitCodes.cellFailed;
}

async function sharpVersion(): Promise<{ ready: true; version: string } | { ready: false; why: string }> {
  try {
    const { default: sharp } = await import('sharp');
    return { ready: true, version: `${sharp.versions.sharp} (libvips ${sharp.versions.vips})` };
  } catch (error) {
    return { ready: false, why: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
  }
}
