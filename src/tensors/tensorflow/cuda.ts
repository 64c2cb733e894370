/** Settings of TensorFlow on a CUDA device, its identity, and the check that it computes there. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ravelinHome } from '../../setup/locations.ts';
import { parseGpus } from '../../setup/nvidia.ts';
import { queryGpus } from './visible-gpus.ts';

type Environment = Record<string, string | undefined>;

/** The variables of NVIDIA's libraries and of TensorFlow that are set here; a value that the user gave stays. */
const defaults = {
  // Otherwise the first worker takes nearly all memory of the device, and the second fails.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // cuBLAS and cuDNN: products of float32 numbers with 23 bits after the point, not with the 10 of TF32.
  NVIDIA_TF32_OVERRIDE: '0',
  // Otherwise cuDNN chooses its algorithms by time, and some of them add in an order that changes.
  TF_DETERMINISTIC_OPS: '1',
  // Kernels that the driver compiles are kept for later workers; its own limit drops them after 1 GiB.
  CUDA_CACHE_MAXSIZE: '4294967296',
} as const;

/** Sets the variables, which are read once, when TensorFlow is loaded. */
export function prepareCuda(environment: Environment): void {
  for (const [name, value] of Object.entries(defaults)) environment[name] ??= value;
  environment['CUDA_CACHE_PATH'] ??= join(ravelinHome(), 'cuda-cache');
}

/** The parts of the device's software and hardware that decide the last bits; null where they are unknown. */
export interface CudaDevice {
  readonly cudnn: string | null;
  /** Compute capability, such as 9.0. */
  readonly capability: string | null;
}

/** The part of the numeric identity that the device and the variables decide, such as `-gpu-cudnn9.28.0.42-sm90`. */
export function cudaIdentity(environment: Environment, { cudnn, capability }: CudaDevice): string {
  const isDefault = (name: keyof typeof defaults): boolean =>
    (environment[name] ?? defaults[name]) === defaults[name];
  return [
    '-gpu',
    ...(cudnn === null ? [] : [`cudnn${cudnn}`]),
    ...(capability === null ? [] : [`sm${capability.replace('.', '')}`]),
    ...(isDefault('NVIDIA_TF32_OVERRIDE') ? [] : ['tf32']),
    ...(isDefault('TF_DETERMINISTIC_OPS') ? [] : ['varying']),
  ].join('-');
}

/** The device of a build in `folder`. A machine without a GPU that plans for others says theirs in RAVELIN_CUDA_CAPABILITY. */
export function cudaDevice(folder: string | null, environment: Environment): CudaDevice {
  const given = environment['RAVELIN_CUDA_CAPABILITY'];
  return {
    cudnn: folder === null ? null : cudnnVersion(join(folder, 'packages')),
    capability:
      given === undefined || given === '' ? (parseGpus(queryGpus()).at(0)?.capability ?? null) : given,
  };
}

/** Version of cuDNN's wheel in a folder of Python packages. */
function cudnnVersion(packages: string): string | null {
  if (!existsSync(packages)) return null;
  for (const name of readdirSync(packages)) {
    const version = /^nvidia_cudnn_cu\d+-([\d.]+)\.dist-info$/.exec(name)?.[1];
    if (version !== undefined) return version;
  }
  return null;
}

/**
 * Throws an Error if a build for CUDA fell back to the CPU, as it does without a word: its results would have
 * the keys of results from a GPU. The set-up, which names the build in RAVELIN_TENSORFLOW, may run on a
 * machine without a GPU.
 */
export function requireCuda(usesGpu: boolean, environment: Environment): void {
  if (usesGpu || (environment['RAVELIN_TENSORFLOW'] ?? '') !== '') return;
  throw new Error(
    'this TensorFlow is built for CUDA and found no CUDA device that it can use; ' +
      'ravelin doctor says what is missing, or use --backend wasm',
  );
}
