/** The context that TensorFlow computes in: its share of a GPU's memory, how its threads wait, and what it reports of itself. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Read by our addition to the binding when it is loaded (src/setup/context-source.ts). */
export const contextVariable = 'RAVELIN_CONTEXT_CONFIG';

/** The share that the user gives each process, which decides over all others. */
export const memoryVariable = 'RAVELIN_GPU_MEMORY';

/** The share that the pool gives a worker whose GPU has several (src/cli/parallelism.ts). */
export const shareVariable = 'RAVELIN_GPU_SHARE';

/** The part of the binding that is our addition; a binding that an earlier ravelin compiled has none of it. */
export interface ContextBinding {
  /** The configuration that the context was made with, in hexadecimal digits; empty for TensorFlow's own. */
  readonly contextConfig?: string;
  /** On a GPU, `memoryBytes` is the most that TensorFlow takes; on the CPU it is always 256 MiB. */
  contextDevices?(): readonly {
    readonly name: string;
    readonly type: string;
    readonly memoryBytes: number;
  }[];
  setTensorFloat32?(isAllowed: boolean): void;
  tensorFloat32?(): boolean;
  isDeterministic?(): boolean;
  cudaFacts?(): CudaFacts;
}

/** The answers of the driver and cuDNN themselves once TensorFlow has loaded them; absent if they are not there. */
export interface CudaFacts {
  /** Compute capability of the last device of this process, on which the binding computes. */
  readonly capability?: string;
  /** cuDNN's version as one number: 10,000 × major + 100 × minor + patch. */
  readonly cudnn?: number;
}

/**
 * The share of the memory of its GPU that this process may take, from 0 to 1: that of the user, that of the pool, or 9 tenths
 * of what Slurm gave by MPS. Null if it has the GPU for itself. Throws an Error for a share of the user that is not a number
 * above 0 and up to 1.
 */
export function memoryShare(environment: Environment): number | null {
  const given = environment[memoryVariable] ?? '';
  if (given !== '') {
    const share = Number(given);
    if (share > 0 && share <= 1) return share;
    throw new Error(
      `${memoryVariable} must be a share of the GPU's memory above 0 and up to 1, such as 0.25; it is '${given}'`,
    );
  }
  const pooled = Number(environment[shareVariable] ?? '');
  if (pooled > 0 && pooled <= 1) return pooled;
  const percentage = Number(environment['CUDA_MPS_ACTIVE_THREAD_PERCENTAGE'] ?? '');
  return percentage > 0 && percentage < 100 ? (0.9 * percentage) / 100 : null;
}

/**
 * The ConfigProto of a process that has a share of its GPU, in hexadecimal digits: its `gpu_options` with
 * `per_process_gpu_memory_fraction` and `allow_growth`. Empty for null, with which TensorFlow makes its context as ever.
 */
export function contextConfig(share: number | null): string {
  if (share === null) return '';
  const bytes = Buffer.alloc(13);
  // Field 6 of ConfigProto, a GPUOptions of 11 bytes, with a double as its field 1 and true as its field 4.
  bytes.set([(6 << 3) | 2, 11, (1 << 3) | 1]);
  bytes.writeDoubleLE(share, 3);
  bytes.set([(4 << 3) | 0, 1], 11);
  return bytes.toString('hex');
}

/**
 * The ConfigProto of a process that computes on the CPU, in hexadecimal digits: `experimental` (field 16) with
 * `disable_thread_spinning` (field 9). Several workers share the cores, and a thread that waits for work in a loop takes its
 * time from one that computes.
 */
export const cpuContextConfig = '8201024801';

/** Sets what the context is made from, before the binding is loaded. Throws as `memoryShare`. */
export function prepareContext(environment: Record<string, string | undefined>, isGpu: boolean): void {
  environment[contextVariable] = isGpu ? contextConfig(memoryShare(environment)) : cpuContextConfig;
}

/** Describes the context for people, as far as the binding reports it: `23.4 GiB of its memory, float32, deterministic`. */
export function describeContext(binding: ContextBinding): string {
  const gpu = binding.contextDevices?.().findLast(({ type }) => type === 'GPU');
  return [
    ...(gpu === undefined ? [] : [`${(gpu.memoryBytes / 2 ** 30).toFixed(1)} GiB of its memory`]),
    ...(binding.tensorFloat32 === undefined ? [] : [binding.tensorFloat32() ? 'TF32' : 'float32']),
    ...(binding.isDeterministic?.() === true ? ['deterministic'] : []),
  ].join(', ');
}
