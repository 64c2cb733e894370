/** Decides how a run uses the cores of this machine. */

export interface Parallelism {
  /** Number of worker processes. */
  readonly workers: number;
  /** Number of threads of each worker's backend, if the backend has threads. */
  readonly threads: number;
}

/**
 * Number of workers and their threads; `jobs` is the user's number of workers, if given. TensorFlow has
 * threads, and a long cell on its own, such as a training, should be able to use up to eight cores. So it
 * gets one worker for every four cores, but at least two, so that one can compress images while the other
 * computes, and twice as many threads as cores in all. The other backends compute on one thread and get one
 * worker per core.
 */
export function parallelism(backend: string, cores: number, jobs?: number): Parallelism {
  if (backend !== 'tensorflow') return { workers: jobs ?? cores, threads: 1 };
  const workers = jobs ?? Math.min(Math.max(Math.ceil(cores / 4), 2), cores);
  return { workers, threads: Math.min(Math.max(Math.floor((2 * cores) / workers), 1), cores) };
}
