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

/** The most workers beside those on GPUs. They read, compress and quilt images, and each holds some hundred megabytes. */
const mostHostWorkers = 8;

/**
 * Number of workers and their threads; `jobs` is the user's number of workers, if given. TensorFlow has
 * threads, and a long cell on its own, such as a training, should be able to use up to eight cores. So it
 * gets one worker for every four cores, but at least two, so that one can compress images while the other
 * computes, and twice as many threads as cores in all. The other backends compute on one thread and get one
 * worker per core.
 *
 * `gpus` are the devices of a TensorFlow that computes with CUDA: one worker computes on each, and `jobs` is the number of those.
 * Beside them, workers without a device do what needs none. A device in exclusive mode takes no second process.
 */
export function parallelism(
  backend: string,
  cores: number,
  jobs?: number,
  gpus: readonly string[] = [],
): Parallelism {
  const alike = { hostWorkers: 0, environments: [] };
  if (backend !== 'tensorflow') return { workers: jobs ?? cores, threads: 1, ...alike };
  if (gpus.length > 0) return onGpus(gpus, cores, jobs);
  const workers = jobs ?? Math.min(Math.max(Math.ceil(cores / 4), 2), cores);
  return { workers, threads: Math.min(Math.max(Math.floor((2 * cores) / workers), 1), cores), ...alike };
}

function onGpus(gpus: readonly string[], cores: number, jobs: number | undefined): Parallelism {
  const computing = jobs ?? gpus.length;
  const hostWorkers = Math.min(Math.max(cores - computing, 1), mostHostWorkers);
  return {
    workers: computing + hostWorkers,
    threads: Math.max(Math.floor(cores / computing), 1),
    hostWorkers,
    environments: [
      ...Array.from({ length: computing }, (_, number) => ({
        CUDA_VISIBLE_DEVICES: gpus[number % gpus.length]!,
      })),
      ...Array.from({ length: hostWorkers }, () => ({ CUDA_VISIBLE_DEVICES: '' })),
    ],
  };
}
