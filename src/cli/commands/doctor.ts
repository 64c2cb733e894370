import { existsSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { probeBackends } from '../../tensors/backend.ts';
import { findTensorflow, lackingAdditions, tensorflowFolder } from '../../setup/locations.ts';
import {
  hasNvidia,
  nvidiaNotes,
  nvidiaProblems,
  readNvidiaFacts,
  type NvidiaFacts,
} from '../../setup/nvidia.ts';
import { reinstall } from '../../setup/reinstall.ts';
import { forgetAdapters } from '../../tensors/webgpu/adapter.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { isMissingSharp, sharpIsMissing } from '../missing-sharp.ts';
import { formatBytes, formatColumns, print, printJson } from '../output.ts';

interface NvidiaReport extends NvidiaFacts {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Reports what this machine can do, and how to install what is missing. */
export async function doctor(options: { readonly json?: boolean }): Promise<ExitCode> {
  forgetAdapters();
  const cores = availableParallelism();
  const backends = probeBackends().map(({ device, why, ...probe }) => {
    const [reason = null, fix = null] = why === null ? [] : why.split('; ');
    return {
      ...probe,
      device: device?.kind ?? null,
      deviceName: device?.name ?? null,
      memoryBytes: device?.memory ?? null,
      // This is the maximum, because `ravelin run` divides the cores among its workers.
      threadsPerWorker: device === null ? null : { one: 1, 'its cores': cores }[device.threads],
      why: reason,
      fix,
    };
  });
  const disk = statfsSync('.');
  const report = {
    ravelin: process.env.RAVELIN_VERSION ?? 'development',
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cores,
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    freeDiskBytes: disk.bavail * disk.bsize,
    backends,
    sharp: await sharpVersion(),
    nvidia: nvidiaReport(),
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
      ...describeNvidia(report.nvidia).map((line) => ['nvidia', line]),
      ...backends.map((backend) => [`backend ${backend.name}`, describe(backend)]),
      ...describeBinding().map((line) => ['binding', line]),
    ]),
  );
  return backends.some(({ ready }) => ready) && report.sharp.ready ? exitCodes.ok : exitCodes.cellFailed;
}

/** The GPUs and what keeps TensorFlow from them; null if nothing shows one and TensorFlow is not set up for one. */
function nvidiaReport(): NvidiaReport | null {
  if (!hasNvidia() && !existsSync(tensorflowFolder(true))) return null;
  const facts = readNvidiaFacts();
  return { ...facts, problems: nvidiaProblems(facts), notes: nvidiaNotes(facts) };
}

function describeNvidia(report: NvidiaReport | null): readonly string[] {
  if (report === null) return [];
  const { driver, gpus, problems, notes } = report;
  return [
    ...gpus.map(
      ({ name, memory, capability }) =>
        `${name}, ${memory}, compute capability ${capability}, driver ${driver ?? 'unknown'}`,
    ),
    ...problems.map((problem) => `not usable: ${problem}`),
    ...notes,
  ];
}

function describeBinding(): readonly string[] {
  const build = findTensorflow();
  const lacking = build === null || build.folder === null ? [] : lackingAdditions(build);
  const gains = [
    ...(lacking.includes('functions') ? ['weights and images stay on the device'] : []),
    ...(lacking.includes('context') && build?.gpu === true ? ['workers can share the memory of a GPU'] : []),
  ];
  if (gains.length === 0) return [];
  const command = build?.gpu === true ? 'ravelin setup tensorflow --gpu' : 'ravelin setup tensorflow';
  return [
    `compiled by an earlier ravelin: '${command}' compiles it again (10 s), so that ${gains.join(', and ')}`,
  ];
}

function describe(backend: {
  readonly ready: boolean;
  readonly version: string | null;
  readonly device: string | null;
  readonly deviceName: string | null;
  readonly memoryBytes: number | null;
  readonly threadsPerWorker: number | null;
  readonly why: string | null;
  readonly fix: string | null;
}): string {
  if (!backend.ready) return `not ready: ${[backend.why, backend.fix].filter(Boolean).join('; ')}`;
  const software =
    backend.device === 'software' ? ', emulated in software: for tests, never chosen automatically' : '';
  const memory = backend.memoryBytes === null ? '' : `${formatBytes(backend.memoryBytes)} and `;
  const threads = backend.threadsPerWorker === 1 ? '1 thread' : `${backend.threadsPerWorker} threads`;
  return `ready: ${backend.version}; on ${backend.deviceName}${software}; at most ${memory}${threads} a worker`;
}

async function sharpVersion(): Promise<{ ready: true; version: string } | { ready: false; why: string }> {
  try {
    const { default: sharp } = await import('sharp');
    return { ready: true, version: `${sharp.versions.sharp} (libvips ${sharp.versions.vips})` };
  } catch (error) {
    if (isMissingSharp(error)) return { ready: false, why: `${sharpIsMissing}; ${reinstall()}` };
    return { ready: false, why: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
  }
}
