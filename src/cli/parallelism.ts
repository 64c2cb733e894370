/** How a run spreads over the cores of this machine. */

export interface Parallelism {
  /** Worker processes. */
  readonly workers: number;
  /** Threads of each worker's backend, where it has threads of its own. */
  readonly threads: number;
}

/**
 * `jobs` is the user's number of workers, if given. TensorFlow has threads, and a long cell on its own (a training) should have all
 * of up to eight cores: so a worker for four cores, two at least that one may compress images while the other computes, and twice
 * as many threads as cores in all. The other backends compute on one thread: a worker a core.
 */
export function parallelism(backend: string, cores: number, jobs?: number): Parallelism {
  if (backend !== 'tensorflow') return { workers: jobs ?? cores, threads: 1 };
  const workers = jobs ?? Math.min(Math.max(Math.ceil(cores / 4), 2), cores);
  return { workers, threads: Math.min(Math.max(Math.floor((2 * cores) / workers), 1), cores) };
}
