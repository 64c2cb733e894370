/** Decides how a run uses the cores and GPUs of this machine. */

export interface Parallelism {
  /** Number of worker processes. */
  readonly workers: number;
  /** Number of threads of each worker's backend, if the backend has threads. */
  readonly threads: number;
  /** The last of the workers, which take only tasks that do not compute on the backend. */
  readonly hostWorkers: number;
  /** Variables of each worker's environment, by its number. */
  readonly environments: readonly Readonly<Record<string, string>>[];
}

/** Memory of each process for CUDA, cuBLAS and cuDNN: 1,800 MiB, which TensorFlow leaves to them if it takes the rest of an H100. */
const outsideBytes = 1800 * 2 ** 20;

/** The most workers beside those on GPUs. They read, compress and (by the tree) quilt images, and each holds some hundred megabytes. */
const mostHostWorkers = 8;

/**
 * Number of workers and their threads; `jobs` is the user's number of workers, if given. TensorFlow has
 * threads, and a long cell on its own, such as a training, should be able to use up to eight cores. So it
 * gets one worker for every four cores, but at least two, so that one can compress images while the other
 * computes, and twice as many threads as cores in all. The other backends compute on one thread and get one
 * worker per core.
 *
 * `gpus` are the devices of a TensorFlow that computes with CUDA: one worker computes on each, and `jobs` is the number of those.
 * Beside them, workers without a device do what needs none. A device in exclusive mode takes no second process. Workers that share a
 * device get equal shares of its memory; `memoryOf` returns the bytes of a device, null if they are unknown.
 */
export function parallelism(
  backend: string,
  cores: number,
  jobs?: number,
  gpus: readonly string[] = [],
  memoryOf: (gpu: string) => number | null = () => null,
): Parallelism {
  const alike = { hostWorkers: 0, environments: [] };
  if (backend !== 'tensorflow') return { workers: jobs ?? cores, threads: 1, ...alike };
  if (gpus.length > 0) return onGpus(gpus, cores, jobs, memoryOf);
  const workers = jobs ?? Math.min(Math.max(Math.ceil(cores / 4), 2), cores);
  return { workers, threads: Math.min(Math.max(Math.floor((2 * cores) / workers), 1), cores), ...alike };
}

function onGpus(
  gpus: readonly string[],
  cores: number,
  jobs: number | undefined,
  memoryOf: (gpu: string) => number | null,
): Parallelism {
  const computing = jobs ?? gpus.length;
  const hostWorkers = Math.min(Math.max(cores - computing, 1), mostHostWorkers);
  return {
    workers: computing + hostWorkers,
    threads: Math.max(Math.floor(cores / computing), 1),
    hostWorkers,
    environments: [
      ...Array.from({ length: computing }, (_, worker) => {
        const gpu = gpus[worker % gpus.length]!;
        const sharing = Math.ceil((computing - (worker % gpus.length)) / gpus.length);
        return {
          CUDA_VISIBLE_DEVICES: gpu,
          ...(sharing > 1 && { RAVELIN_GPU_SHARE: String(gpuShare(sharing, memoryOf(gpu))) }),
        };
      }),
      ...Array.from({ length: hostWorkers }, () => ({ CUDA_VISIBLE_DEVICES: '' })),
    ],
  };
}

/**
 * The share of a GPU's memory that TensorFlow may take in each of several workers, so that the rest is enough for what CUDA and
 * its libraries take beside it. A GPU that is too small for that number of workers is divided all the same, half of it to TensorFlow.
 */
export function gpuShare(workers: number, memory: number | null): number {
  const inside = memory === null ? 0.85 : Math.max(1 - (workers * outsideBytes) / memory, 0.5);
  return Math.floor((1000 * inside) / workers) / 1000;
}

/**
 * Variables for the allocator of a worker, beside those of the user: on TensorFlow as many arenas as it has threads, and two at
 * least. glibc would make eight a core, and each keeps what was freed in it.
 */
export function allocatorVariables(
  backend: string,
  threads: number,
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  if (backend !== 'tensorflow' || environment['MALLOC_ARENA_MAX'] !== undefined) return {};
  return { MALLOC_ARENA_MAX: String(Math.max(threads, 2)) };
}
