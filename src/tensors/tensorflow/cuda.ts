/** Settings of TensorFlow on a CUDA device, its identity, and the check that it computes there. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ravelinHome } from '../../setup/locations.ts';
import { parseGpus } from '../../setup/nvidia.ts';
import type { ContextBinding, CudaFacts } from './context.ts';
import { queryGpus, visibleGpus } from './visible-gpus.ts';

type Environment = Record<string, string | undefined>;

/** The variables of NVIDIA's libraries and of TensorFlow that are set here; a value that the user gave stays. */
const defaults = {
  // Otherwise the first worker takes nearly all memory of the device, and the second fails.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // cuBLAS and cuDNN: products of float32 numbers with 23 bits after the point, not with the 10 of TF32.
  NVIDIA_TF32_OVERRIDE: '0',
  // Otherwise cuDNN chooses its algorithms by time, and some of them add in an order that changes.
  TF_DETERMINISTIC_OPS: '1',
  // The numbers of nvidia-smi; CUDA itself counts the fastest first.
  CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
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
    ...(allowsTf32(environment) ? ['tf32'] : []),
    ...(isDefault('TF_DETERMINISTIC_OPS') ? [] : ['varying']),
  ].join('-');
}

/** Whether products may be computed with the 10 bits of TF32, which the user allows by NVIDIA_TF32_OVERRIDE. */
export function allowsTf32(environment: Environment): boolean {
  return (environment['NVIDIA_TF32_OVERRIDE'] ?? defaults.NVIDIA_TF32_OVERRIDE) !== '0';
}

/**
 * TensorFlow's own choice of TF32, beside that of cuBLAS and cuDNN, which read NVIDIA_TF32_OVERRIDE. Throws an Error if TensorFlow
 * does not take it. A binding of an earlier ravelin has only the variable.
 */
export function chooseTf32(binding: ContextBinding, environment: Environment): void {
  const isAllowed = allowsTf32(environment);
  binding.setTensorFloat32?.(isAllowed);
  if (binding.tensorFloat32 !== undefined && binding.tensorFloat32() !== isAllowed)
    throw new Error(`TensorFlow did not turn TF32 ${isAllowed ? 'on' : 'off'}`);
}

/**
 * Throws an Error if the driver or cuDNN, once loaded, are others than those in the identity of the results, or if that has no
 * compute capability, because nvidia-smi does not answer here. The set-up, which names the build in RAVELIN_TENSORFLOW, needs none.
 */
export function requireDevice(
  { cudnn, capability }: CudaDevice,
  facts: CudaFacts,
  environment: Environment,
): void {
  const isSetUp = (environment['RAVELIN_TENSORFLOW'] ?? '') !== '';
  if (capability === null && facts.capability !== undefined && !isSetUp)
    throw new Error(
      `nvidia-smi does not say which GPU this is, so results would be stored without its compute capability; set RAVELIN_CUDA_CAPABILITY=${facts.capability}`,
    );
  if (capability !== null && facts.capability !== undefined && facts.capability !== capability)
    throw new Error(
      `this process computes on a GPU of compute capability ${facts.capability}, but its results would be those of ${capability}; ` +
        'unset RAVELIN_CUDA_CAPABILITY here, or set CUDA_VISIBLE_DEVICES to GPUs of one kind',
    );
  const [major = 0, minor = 0, patch = 0] = (cudnn ?? '').split('.').map(Number);
  const number = 10_000 * major + 100 * minor + patch;
  if (cudnn !== null && facts.cudnn !== undefined && facts.cudnn !== number)
    throw new Error(
      `cuDNN ${facts.cudnn} was loaded instead of that of the set-up (${cudnn}, ${number}); ` +
        'take the folder of the other one out of LD_LIBRARY_PATH, or unload its module',
    );
}

/**
 * The device that a plan is for, of a build in `folder`. A machine without a GPU that plans for others says theirs in
 * RAVELIN_CUDA_CAPABILITY.
 */
export function cudaDevice(folder: string | null, environment: Environment): CudaDevice {
  const here = deviceHere(folder, environment);
  return { ...here, capability: givenCapability(environment) ?? here.capability };
}

/**
 * The device that this process computes on, of a build in `folder`, whatever a plan assumed. If nvidia-smi does not answer, it is
 * the one of the plan, and `requireDevice` queries the driver.
 */
export function deviceHere(folder: string | null, environment: Environment): CudaDevice {
  return {
    cudnn: folder === null ? null : cudnnVersion(join(folder, 'packages')),
    capability: capabilityOf(environment, queryGpus()) ?? givenCapability(environment),
  };
}

function givenCapability(environment: Environment): string | null {
  const given = environment['RAVELIN_CUDA_CAPABILITY'] ?? '';
  return given === '' ? null : given;
}

/**
 * Compute capability of the last device that CUDA_VISIBLE_DEVICES leaves, by the rows of `nvidia-smi`; that of the first if all
 * are visible or named by their UUIDs. Null without a GPU.
 */
export function capabilityOf(environment: Environment, rows: string): string | null {
  const gpus = parseGpus(rows);
  const visible = visibleGpus(environment, () => '').at(-1);
  const named = /^\d+$/.test(visible ?? '') ? gpus[Number(visible)] : undefined;
  return (named ?? gpus.at(0))?.capability ?? null;
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
